// A change of the packet filter as the commands that a person would type: iptables' words for tables that iptables keeps
// (whichever back end holds them), nft's for its own. In: the change, and the filter it was observed in, which tells where
// a removed rule stood, so that undo puts it back there. Out: argv lists.
import type { Change } from '../snapshot/change.ts';
import type { FilterChange } from '../snapshot/edit-filter.ts';
import type { FilterFacts, FilterRule } from '../snapshot/filter-facts.ts';
import type { FilterPlace, FilterRulePlace } from '../snapshot/filter-place.ts';
import { isNative, nameProtocol } from '../snapshot/format-filter.ts';
import { findChain } from '../diagnose/observe-filter.ts';
import type { ChangeCommands, RepairCommand } from './plan.ts';

/** A program that writes its chains again is started again: how depends on the machine, so it is no command of the change. */
export function filterCommands(change: FilterChange, filter?: FilterFacts): ChangeCommands {
  const on = change.namespace;
  switch (change.kind) {
    case 'remove-filter-rule': {
      const back = insertRule(on, change.rule, change.rule.text, indexOf(filter, change.rule));
      return { do: [deleteRule(on, change.rule)], undo: [back] };
    }
    case 'insert-filter-rule': {
      const index = change.before === undefined ? 0 : indexOf(filter, change.before);
      const place = { ...change.chain, at: '', text: change.text };
      return { do: [insertRule(on, change.chain, change.text, index)], undo: [deleteRule(on, place)] };
    }
    case 'set-filter-policy':
      return {
        do: [setPolicy(on, change.chain, change.policy)],
        undo: [setPolicy(on, change.chain, change.was)],
      };
    case 'remove-connection':
      return { do: [forget(change)], undo: [] };
    case 'rewrite-filter':
      return { do: [], undo: [] };
  }
}

/** Where it stands in its chain, from 0; the head where nobody can say. */
function indexOf(filter: FilterFacts | undefined, place: FilterRulePlace): number {
  const rules: readonly FilterRule[] = findChain(filter, place)?.rules ?? [];
  return Math.max(
    0,
    rules.findIndex((rule) => rule.at === place.at),
  );
}

/** What an inserted rule of nft says, so that undo finds it. */
const mark = 'waylaid';

function deleteRule(on: string, rule: FilterRulePlace): RepairCommand {
  if (!isNative(rule)) {
    return { on, argv: [...iptables(rule), '-D', rule.chain, ...splitRuleWords(rule.text)] };
  }
  const { family, table, chain, handle } = rule;
  const remove = ['nft', 'delete', 'rule', family, table, chain, 'handle'];
  if (handle !== undefined) return { on, argv: [...remove, String(handle)] };
  // nft takes a rule away by its handle only; that of one which was inserted is found by its comment.
  const list = ['nft', '-a', 'list', 'chain', family, table, chain].join(' ');
  const find = `sed -n 's/.*comment "${mark}".* # handle \\([0-9]*\\)$/\\1/p'`;
  return { on, argv: ['sh', '-c', `${list} | ${find} | xargs -r -n 1 ${remove.join(' ')}`] };
}

function insertRule(on: string, chain: FilterPlace, text: string, index: number): RepairCommand {
  if (!isNative(chain)) {
    const number = index === 0 ? [] : [String(index + 1)];
    return { on, argv: [...iptables(chain), '-I', chain.chain, ...number, ...splitRuleWords(text)] };
  }
  const { family, table } = chain;
  if (text.startsWith('[')) return insertAsJson(on, chain, { text, index });
  const at = index === 0 ? [] : ['index', String(index)];
  return {
    on,
    argv: ['nft', 'insert', 'rule', family, table, chain.chain, ...at, `${text} comment "${mark}"`],
  };
}

/** What was read as JSON is written as JSON: the two languages of nft need not be translated. */
function insertAsJson(
  on: string,
  chain: FilterPlace,
  rule: { readonly text: string; readonly index: number },
): RepairCommand {
  const expr: unknown = JSON.parse(rule.text);
  const { family, table } = chain;
  const at = rule.index === 0 ? {} : { index: rule.index };
  const command = { insert: { rule: { family, table, chain: chain.chain, ...at, expr } } };
  return { on, argv: ['nft', '-j', '-f', '-'], stdin: `${JSON.stringify({ nftables: [command] })}\n` };
}

function setPolicy(on: string, chain: FilterPlace, policy: 'accept' | 'drop'): RepairCommand {
  if (!isNative(chain)) return { on, argv: [...iptables(chain), '-P', chain.chain, policy.toUpperCase()] };
  return {
    on,
    argv: ['nft', 'add', 'chain', chain.family, chain.table, chain.chain, `{ policy ${policy} ; }`],
  };
}

function forget(change: Extract<Change, { kind: 'remove-connection' }>): RepairCommand {
  const { source, destination, sourcePort, destinationPort } = change.original;
  const family = source.includes(':') ? ['-f', 'ipv6'] : [];
  const ports =
    sourcePort === 0 && destinationPort === 0
      ? []
      : ['--sport', String(sourcePort), '--dport', String(destinationPort)];
  const words = ['-p', nameProtocol(change.protocol), '-s', source, '-d', destination, ...ports];
  return { on: change.namespace, argv: ['conntrack', '-D', ...family, ...words] };
}

/** The program of the dump that the rule was read from: a host can have two back ends, and each sees only its own. */
export function iptables(place: FilterPlace): readonly string[] {
  const name = place.path.split('/').at(-1) ?? '';
  const program = place.family === 'ip6' ? 'ip6tables' : 'iptables';
  const backEnd = name.includes('-legacy-') ? '-legacy' : name.includes('-nft-') ? '-nft' : '';
  return [`${program}${backEnd}`, '-w', '-t', place.table];
}

/** The words of an iptables-save line: quotes hold blanks together, and a backslash takes the next character as it is. */
export function splitRuleWords(text: string): readonly string[] {
  const words = text.match(/(?:"(?:\\.|[^"\\])*"|[^\s"]+)+/g) ?? [];
  return words.map((word) =>
    word.replace(/"((?:\\.|[^"\\])*)"/g, (_, inner: string) => inner.replace(/\\(.)/g, '$1')),
  );
}
