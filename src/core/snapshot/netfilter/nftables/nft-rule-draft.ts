// A rule while its statements are read, one after the other: the steps so far, and which family and transport protocol
// they have already asked for, so that what nft leaves out of a listing is added once and not more often.
import type { FilterFamily } from '../../filter-facts.ts';
import type { FilterKey, FilterStep, FilterValues } from '../../filter-steps.ts';
import type { Implied } from './nft-keys.ts';
import { numberRange } from './nft-values.ts';

export interface RuleDraft {
  readonly table: FilterFamily;
  readonly steps: FilterStep[];
  family?: number;
  protocol?: number;
  comment?: string;
}

const protocolWords: ReadonlyMap<number, string> = new Map([
  [1, 'icmp'],
  [6, 'tcp'],
  [17, 'udp'],
  [33, 'dccp'],
  [58, 'ipv6-icmp'],
  [132, 'sctp'],
  [136, 'udplite'],
]);

/** Adds what the kernel compares first and the listing leaves out. Tables of one family see no other. */
export function addImplied(draft: RuleDraft, implied: Implied): void {
  const { family, protocol } = implied;
  const isOfOneFamily = draft.table === 'ip' || draft.table === 'ip6';
  if (family !== undefined && !isOfOneFamily && draft.family !== family) {
    draft.steps.push(equals('family', family, `meta nfproto ipv${family}`));
    draft.family = family;
  }
  if (protocol !== undefined && draft.protocol !== protocol) {
    const word = protocolWords.get(protocol) ?? String(protocol);
    draft.steps.push(equals('protocol', protocol, `meta l4proto ${word}`));
    draft.protocol = protocol;
  }
}

function equals(field: 'family' | 'protocol', number: number, text: string): FilterStep {
  const values: FilterValues = { kind: 'elements', elements: [{ key: [numberRange(number, number)] }] };
  return { kind: 'match', keys: [{ field }], isNegated: false, values, text };
}

/** Remembers what a match has just made sure of. */
export function rememberMatch(draft: RuleDraft, keys: readonly FilterKey[], values: FilterValues): void {
  const [key] = keys;
  if (key === undefined || keys.length !== 1 || values.kind !== 'elements') return;
  const value = values.elements.length === 1 ? values.elements[0]?.key[0] : undefined;
  if (value?.kind !== 'number' || value.from !== value.to || key.mask !== undefined) return;
  if (key.field === 'family') draft.family = value.from;
  if (key.field === 'protocol') draft.protocol = value.from;
}
