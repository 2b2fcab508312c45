// The packet filter and its connections, edited in one namespace's facts. In: facts and a change. Out: facts with that one
// rule, policy or connection changed; a dump, table, chain or rule that is not there changes nothing, and gives the same
// object again, so that nothing that was built on it is built anew.
import { mapKnown } from '../fact/known.ts';
import type { Known } from '../fact/known.ts';
import type { Change } from './change.ts';
import { proposedEvidence } from './edit-snapshot.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type {
  ConnectionFact,
  ConnectionTuple,
  FilterChain,
  FilterDump,
  FilterFacts,
  FilterRule,
  FilterTable,
} from './filter-facts.ts';
import type { FilterPlace, FilterProgramName, FilterRulePlace } from './filter-place.ts';
import { isNative, textOfRule } from './format-filter.ts';

export type FilterChange = Extract<
  Change,
  {
    kind:
      | 'remove-filter-rule'
      | 'insert-filter-rule'
      | 'set-filter-policy'
      | 'remove-connection'
      | 'rewrite-filter';
  }
>;

const filterKinds: readonly Change['kind'][] = [
  'remove-filter-rule',
  'insert-filter-rule',
  'set-filter-policy',
  'remove-connection',
  'rewrite-filter',
];

export function isFilterChange(change: Change): change is FilterChange {
  return filterKinds.includes(change.kind);
}

export function editFilter(facts: NamespaceFacts, change: FilterChange): NamespaceFacts {
  if (change.kind === 'rewrite-filter') return rewriteFilter(facts, change.program);
  const { filter } = facts;
  if (filter === undefined) return facts;
  const edited =
    change.kind === 'remove-connection' ? removeConnection(filter, change) : editDumps(filter, change);
  return edited === filter ? facts : { ...facts, filter: edited };
}

function rewriteFilter(facts: NamespaceFacts, program: FilterProgramName): NamespaceFacts {
  if (facts.rewritten?.has(program) === true) return facts;
  return { ...facts, rewritten: new Set([...(facts.rewritten ?? []), program]) };
}

function removeConnection(
  filter: FilterFacts,
  change: Extract<Change, { kind: 'remove-connection' }>,
): FilterFacts {
  const isGone = (row: ConnectionFact): boolean =>
    row.protocol === change.protocol && isSameTuple(row.original, change.original);
  const { connections } = filter;
  if (!connections.known || !connections.value.some(isGone)) return filter;
  return { ...filter, connections: mapKnown(connections, (rows) => rows.filter((row) => !isGone(row))) };
}

function isSameTuple(a: ConnectionTuple, b: ConnectionTuple): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort
  );
}

type ChainChange = Extract<
  Change,
  { kind: 'remove-filter-rule' | 'insert-filter-rule' | 'set-filter-policy' }
>;

/** The dump that the place names, wherever it stands among the facts. */
function editDumps(filter: FilterFacts, change: ChainChange): FilterFacts {
  const place = change.kind === 'remove-filter-rule' ? change.rule : change.chain;
  const edit = (known: Known<FilterDump>): Known<FilterDump> =>
    editDump(known, place, (chain) => editChain(chain, change));
  const byFamily = (dumps: FilterFacts['nft']): FilterFacts['nft'] => {
    const [four, six] = [edit(dumps[4]), edit(dumps[6])];
    return four === dumps[4] && six === dumps[6] ? dumps : { 4: four, 6: six };
  };
  const next: FilterFacts = {
    ...filter,
    byDefault: byFamily(filter.byDefault),
    legacy: byFamily(filter.legacy),
    nft: byFamily(filter.nft),
    nftables: edit(filter.nftables),
  };
  const isSame =
    next.byDefault === filter.byDefault &&
    next.legacy === filter.legacy &&
    next.nft === filter.nft &&
    next.nftables === filter.nftables;
  return isSame ? filter : next;
}

function editDump(
  known: Known<FilterDump>,
  place: FilterPlace,
  edit: (chain: FilterChain) => FilterChain,
): Known<FilterDump> {
  if (!known.known || known.value.path !== place.path) return known;
  const dump = known.value;
  const tables = dump.tables.map((table) =>
    isTableOf(table, place) ? editTable(table, place, edit) : table,
  );
  const isSame = tables.every((table, index) => table === dump.tables[index]);
  return isSame ? known : mapKnown(known, () => ({ ...dump, tables }));
}

function isTableOf(table: FilterTable, place: FilterPlace): boolean {
  return table.family === place.family && table.name === place.table && table.origin === place.origin;
}

function editTable(
  table: FilterTable,
  place: FilterPlace,
  edit: (chain: FilterChain) => FilterChain,
): FilterTable {
  const chain = table.chains.get(place.chain);
  const edited = chain === undefined ? undefined : edit(chain);
  if (edited === undefined || edited === chain) return table;
  return { ...table, chains: new Map(table.chains).set(place.chain, edited) };
}

function editChain(chain: FilterChain, change: ChainChange): FilterChain {
  switch (change.kind) {
    case 'remove-filter-rule': {
      const rules = chain.rules.filter((rule) => !isRuleAt(rule, change.rule));
      return rules.length === chain.rules.length ? chain : { ...chain, rules };
    }
    case 'insert-filter-rule':
      return { ...chain, rules: insertRule(chain.rules, change) };
    case 'set-filter-policy':
      if (chain.base === undefined || chain.base.policy === change.policy) return chain;
      return { ...chain, base: { ...chain.base, policy: change.policy } };
  }
}

/** Rules keep their places when one of them goes, so a place is enough; inserted ones have only their text. */
function isRuleAt(rule: FilterRule, place: FilterRulePlace): boolean {
  if (rule.at !== place.at) return false;
  return rule.at !== proposedEvidence.path || textOfRule(rule) === place.text;
}

/** In front of the rule it names, or at the head; where that rule is gone meanwhile, at the head too. */
function insertRule(
  rules: readonly FilterRule[],
  change: Extract<Change, { kind: 'insert-filter-rule' }>,
): readonly FilterRule[] {
  const { before, chain, text } = change;
  const syntax = isNative(chain) ? 'nft-text' : 'iptables';
  const rule: FilterRule = { at: proposedEvidence.path, source: { syntax, text } };
  const found = before === undefined ? 0 : rules.findIndex((other) => isRuleAt(other, before));
  const at = Math.max(0, found);
  return [...rules.slice(0, at), rule, ...rules.slice(at)];
}
