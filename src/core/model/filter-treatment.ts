// How a machine's packet filter treats one pod, as text in which the pod's own address and the names of its own chains are
// left out: two pods with the same text are filtered alike. In: the machine's filter and the pod's addresses. Out: the text.
// Rules that translate (the nat tables) name every endpoint by its address and tell no pods apart that a Service does not,
// so they are left out, as is the comment of a rule. nftables' own tables are compared by their sets and rules as written.
import type { Address } from '../net/address.ts';
import type {
  FilterChain,
  FilterDump,
  FilterFacts,
  FilterRule,
  FilterTable,
} from '../snapshot/filter-facts.ts';

/** Chains lead to chains; policies of network policies are three deep, and no deeper text tells pods apart. */
const maxDepth = 4;

interface Mention {
  readonly table: FilterTable;
  readonly text: string;
}

interface FilterMentions {
  readonly byAddress: ReadonlyMap<string, readonly Mention[]>;
  readonly setsByMember: ReadonlyMap<string, readonly string[]>;
}

const mentionTables = new WeakMap<FilterFacts, FilterMentions>();

export function describeTreatment(filter: FilterFacts | undefined, own: readonly Address[]): string {
  if (filter === undefined) return '';
  const mentions = findMentions(filter);
  const rules = own.flatMap((address) => mentions.byAddress.get(address) ?? []);
  const sets = own.flatMap((address) => mentions.setsByMember.get(address) ?? []);
  const texts = rules.map(({ table, text }) => expand(table, text, maxDepth));
  const said = [...new Set([...texts, ...sets.map((name) => `set ${name}`)])].sort().join('\n');
  return own.reduce((sofar, address) => sofar.split(address).join('own'), said);
}

function findMentions(filter: FilterFacts): FilterMentions {
  const known = mentionTables.get(filter);
  if (known !== undefined) return known;
  const made = { byAddress: indexRules(filter), setsByMember: indexSets(filter) };
  mentionTables.set(filter, made);
  return made;
}

function listDumps(filter: FilterFacts): readonly FilterDump[] {
  const { byDefault, legacy, nft, nftables } = filter;
  const all = [byDefault[4], byDefault[6], legacy[4], legacy[6], nft[4], nft[6], nftables];
  return all.flatMap((dump) => (dump.known ? [dump.value] : []));
}

function isTranslating(table: FilterTable): boolean {
  return [...table.chains.values()].some((chain) => chain.base?.type === 'nat');
}

const addressPattern = /(?:\d{1,3}\.){3}\d{1,3}(?!\d|\/(?!32))|[0-9a-f:]*::?[0-9a-f:]+(?=\/128|[" ,}])/g;

function indexRules(filter: FilterFacts): ReadonlyMap<string, readonly Mention[]> {
  const index = new Map<string, Mention[]>();
  for (const { tables } of listDumps(filter)) {
    for (const table of tables) {
      if (isTranslating(table)) continue;
      for (const chain of table.chains.values()) {
        for (const rule of chain.rules) noteMentions(index, table, { chain, rule });
      }
    }
  }
  return index;
}

function noteMentions(
  index: Map<string, Mention[]>,
  table: FilterTable,
  { chain, rule }: { readonly chain: FilterChain; readonly rule: FilterRule },
): void {
  const text = textOf(rule);
  for (const address of new Set(text.match(addressPattern) ?? [])) {
    const mention = { table, text: `${chain.base === undefined ? 'chain' : chain.name} ${text}` };
    const sofar = index.get(address);
    if (sofar === undefined) index.set(address, [mention]);
    else sofar.push(mention);
  }
}

function textOf({ source }: FilterRule): string {
  if (source.syntax === 'nft-json') return JSON.stringify(source.statements);
  return source.text.replace(/-m comment --comment (?:"(?:[^"\\]|\\.)*"|\S+)/g, '');
}

function indexSets(filter: FilterFacts): ReadonlyMap<string, readonly string[]> {
  const index = new Map<string, string[]>();
  for (const set of filter.ipsets.known ? filter.ipsets.value.values() : []) {
    for (const member of set.members) {
      const address = /^[^,/ ]+/.exec(member.text)?.[0] ?? '';
      index.set(address, [...(index.get(address) ?? []), set.name]);
    }
  }
  return index;
}

/** The rule with the rules of the chain that it leads to in place of that chain's name. */
function expand(table: FilterTable, text: string, depth: number): string {
  const target = /-[jg] (\S+)/.exec(text)?.[1];
  const chain = target === undefined ? undefined : table.chains.get(target);
  if (target === undefined || chain === undefined || depth === 0) return text;
  const body = chain.rules.map((rule) => expand(table, textOf(rule), depth - 1)).join('; ');
  return `${text.replace(target, '')} { ${body} }`;
}
