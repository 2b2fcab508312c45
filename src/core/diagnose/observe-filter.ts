// The rule, policy, chain or connection of a packet filter that a change is about, with its place. In: a change and the
// namespace as it was observed. Out: what stands there, in the words of the command that shows it; for what is missing, the
// place that was read and does not have it.
import type { Evidence } from '../fact/evidence.ts';
import type { Namespace } from '../model/network.ts';
import type { FilterChange } from '../snapshot/edit-filter.ts';
import type { FilterChain, FilterDump, FilterFacts } from '../snapshot/filter-facts.ts';
import type { FilterPlace, FilterRulePlace } from '../snapshot/filter-place.ts';
import {
  formatConnection,
  formatFilterPolicy,
  formatFilterRule,
  formatTuple,
  isNative,
} from '../snapshot/format-filter.ts';

/** What stands where a change would be made. */
export interface Observed {
  readonly kind: string;
  readonly text: string;
  readonly evidence: Evidence | undefined;
}

export function observeFilter(change: FilterChange, own: Namespace | undefined): Observed {
  const filter = own?.facts.filter;
  switch (change.kind) {
    case 'remove-filter-rule':
      return observeRule(change.rule);
    case 'insert-filter-rule':
      // An exception in front of a rule is about that rule.
      if (change.before !== undefined) return observeRule(change.before);
      return {
        kind: 'missing-filter-rule',
        text: formatFilterRule({ ...change.chain, at: '', text: change.text }),
        evidence: chainEvidence(filter, change.chain),
      };
    case 'set-filter-policy':
      return {
        kind: 'filter-policy',
        text: formatFilterPolicy(change.chain, change.was),
        evidence: chainEvidence(filter, change.chain),
      };
    case 'remove-connection':
      return observeConnection(change, filter);
    case 'rewrite-filter':
      return {
        kind: 'filter-program',
        text: `the chains of ${change.program}`,
        evidence: dumpEvidence(filter),
      };
  }
}

function observeRule(rule: FilterRulePlace): Observed {
  return { kind: 'filter-rule', text: formatFilterRule(rule), evidence: filterRuleEvidence(rule) };
}

function filterRuleEvidence(rule: FilterRulePlace): Evidence {
  const quote = isNative(rule) ? rule.text : `-A ${rule.chain} ${rule.text}`;
  return { path: rule.path, at: rule.at, quote };
}

/** Where the chain is declared, with its policy. */
export function chainEvidence(filter: FilterFacts | undefined, place: FilterPlace): Evidence {
  const chain = findChain(filter, place);
  return { path: place.path, ...(chain === undefined ? {} : { at: chain.at }) };
}

export function findChain(filter: FilterFacts | undefined, place: FilterPlace): FilterChain | undefined {
  const dump = listDumps(filter).find((one) => one.path === place.path);
  const table = dump?.tables.find(
    (one) => one.family === place.family && one.name === place.table && one.origin === place.origin,
  );
  return table?.chains.get(place.chain);
}

/** Every dump that was read. */
export function listDumps(filter: FilterFacts | undefined): readonly FilterDump[] {
  if (filter === undefined) return [];
  const { byDefault, legacy, nft, nftables } = filter;
  const all = [byDefault[4], byDefault[6], legacy[4], legacy[6], nft[4], nft[6], nftables];
  return all.flatMap((dump) => (dump.known ? [dump.value] : []));
}

/** The host's own dump, which was read whole and lacks what was looked for. */
function dumpEvidence(filter: FilterFacts | undefined): Evidence | undefined {
  if (filter === undefined) return undefined;
  const first = listDumps(filter)[0];
  return { path: first?.path ?? (filter.byDefault[4].known ? '' : filter.byDefault[4].path) };
}

function observeConnection(
  change: Extract<FilterChange, { kind: 'remove-connection' }>,
  filter: FilterFacts | undefined,
): Observed {
  const text = formatTuple(change.protocol, change.original);
  const rows = filter?.connections;
  const row =
    rows?.known === true
      ? rows.value.find((one) => formatTuple(one.protocol, one.original) === text)
      : undefined;
  return {
    kind: 'connection',
    text: row === undefined ? text : formatConnection(row),
    evidence: row?.evidence,
  };
}
