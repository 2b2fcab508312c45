// One row of `ip -j rule`, as a draft. iproute2 (5.5 to 7) prints keys that are merely there with the value null, such
// as `not` and `nop`: their presence is what counts. Every key that is not listed here is taken for a selector that
// this program does not know.
import type { RuleAction } from '../namespace-facts.ts';
import { numberOf, textOf, wordOf } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import type { RuleDraft, SelectorName } from './rule-draft.ts';
import { parseDscp, parseWholeNumber } from './routing-names.ts';

const understoodKeys: ReadonlySet<string> = new Set([
  'action',
  'dport',
  'dport_end',
  'dport_mask',
  'dport_start',
  'dscp',
  'dscp_mask',
  'dst',
  'dstlen',
  'flowlabel',
  'flowlabel_mask',
  'fwmark',
  'fwmask',
  'goto',
  'iif',
  'iif_detached',
  'ipproto',
  'l3mdev',
  'masquerade',
  'nat_gateway',
  'nop',
  'not',
  'oif',
  'oif_detached',
  'priority',
  'protocol',
  'sport',
  'sport_end',
  'sport_mask',
  'sport_start',
  'src',
  'srclen',
  'suppress_ifgroup',
  'suppress_prefixlen',
  'suppress_prefixlength',
  'table',
  'tos',
  'uid_end',
  'uid_start',
]);

/** Realms classify traffic for accounting; an unresolved goto is one whose target the kernel has not seen. */
const harmlessKeys: ReadonlySet<string> = new Set(['flow_from', 'flow_to', 'family', 'unresolved']);

export function draftRuleOfJson(row: JsonObject): RuleDraft | undefined {
  const priority = numberOf(row.priority) ?? 0;
  const selectors = new Map<SelectorName, string>();
  const set = (name: SelectorName, value: string | undefined): void => {
    if (value !== undefined) selectors.set(name, value);
  };
  set('from', prefixOf(row.src, row.srclen));
  set('to', prefixOf(row.dst, row.dstlen));
  set('iif', textOf(row.iif));
  set('oif', textOf(row.oif));
  set('fwmark', joined(wordOf(row.fwmark), '/', wordOf(row.fwmask)));
  set('tos', wordOf(row.tos));
  set('dscp', masked(wordOf(row.dscp), wordOf(row.dscp_mask), 0x3f));
  set('flowlabel', masked(wordOf(row.flowlabel), wordOf(row.flowlabel_mask), 0xfffff));
  set('ipproto', wordOf(row.ipproto));
  set('sport', portsOf(row, 'sport'));
  set('dport', portsOf(row, 'dport'));
  set('uidrange', joined(wordOf(row.uid_start), '-', wordOf(row.uid_end)));
  return {
    priority,
    isInverted: 'not' in row,
    selectors,
    isInputDetached: 'iif_detached' in row ? true : undefined,
    isOutputDetached: 'oif_detached' in row ? true : undefined,
    isL3mdev: 'l3mdev' in row ? true : undefined,
    action: actionOf(row),
    suppressPrefixLength: numberOf(row.suppress_prefixlen) ?? numberOf(row.suppress_prefixlength),
    suppressGroup: wordOf(row.suppress_ifgroup),
    protocol: wordOf(row.protocol),
    opaqueSelectors: Object.keys(row)
      .filter((key) => !understoodKeys.has(key) && !harmlessKeys.has(key))
      .map((key) => `${key} ${wordOf(row[key]) ?? JSON.stringify(row[key] ?? null)}`),
  };
}

function prefixOf(address: JsonObject[string], length: JsonObject[string]): string | undefined {
  const text = textOf(address);
  return text === undefined || text === 'all' ? undefined : joined(text, '/', wordOf(length));
}

function portsOf(row: JsonObject, name: 'sport' | 'dport'): string | undefined {
  const only = masked(wordOf(row[name]), wordOf(row[`${name}_mask`]), 0xffff);
  return only ?? joined(wordOf(row[`${name}_start`]), '-', wordOf(row[`${name}_end`]));
}

/** iproute2 7.1 prints a mask even where it covers every bit, in JSON but not in text: such a mask says nothing. */
function masked(value: string | undefined, mask: string | undefined, allBits: number): string | undefined {
  if (value === undefined || mask === undefined || parseWholeNumber(mask) === allBits) return value;
  const number = parseWholeNumber(value) ?? parseDscp(value);
  return `${number === undefined ? value : `0x${number.toString(16)}`}/${mask}`;
}

function joined(first: string | undefined, by: string, second: string | undefined): string | undefined {
  if (first === undefined) return undefined;
  return second === undefined ? first : `${first}${by}${second}`;
}

function actionOf(row: JsonObject): RuleAction {
  if ('l3mdev' in row) return { kind: 'opaque', text: 'lookup [l3mdev-table]' };
  if ('nop' in row) return { kind: 'nop' };
  if ('masquerade' in row || 'nat_gateway' in row) return { kind: 'opaque', text: 'nat' };
  if ('goto' in row) {
    const target = Number(wordOf(row.goto) ?? Number.NaN);
    return Number.isInteger(target) ? { kind: 'goto', priority: target } : { kind: 'opaque', text: 'goto' };
  }
  const action = textOf(row.action);
  if (action === 'unreachable' || action === 'prohibit' || action === 'blackhole' || action === 'nop') {
    return { kind: action };
  }
  if (action !== undefined && action !== 'to_tbl') return { kind: 'opaque', text: action };
  const table = wordOf(row.table);
  return table === undefined ? { kind: 'opaque', text: 'no action' } : { kind: 'lookup', table };
}
