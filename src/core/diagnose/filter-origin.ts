// Which changes of the packet filter are one fault. In: a candidate and its change. Out: a key; candidates with the same
// key become one root cause. Rules of one host firewall are one decision of whoever configured it; what one NetworkPolicy
// refuses is one policy's doing, in however many pods' chains it stands.
import type { Candidate } from './candidate.ts';
import { findFirewalls } from './filter-owner.ts';
import { describePolicyVerdict } from './policy-verdict.ts';
import type { World } from './world.ts';
import type { FilterChange } from '../snapshot/edit-filter.ts';

export function filterOrigin(world: World, candidate: Candidate, change: FilterChange): string {
  if (change.kind === 'rewrite-filter' || change.kind === 'remove-connection') return candidate.family;
  const place = change.kind === 'remove-filter-rule' ? change.rule : change.chain;
  const filter = world.network.namespaces.get(change.namespace)?.facts.filter;
  const kind = candidate.family.split(' ', 1)[0] ?? '';
  if (kind === 'cluster-policy') return candidate.family;
  if (kind === 'remove-policy-verdict' && change.kind === 'remove-filter-rule') {
    const { policies, pod } = describePolicyVerdict(world, change);
    return `networkpolicy ${policies.length > 0 ? policies.join(' ') : (pod ?? candidate.family)}`;
  }
  const isVerdict = ['remove-filter-rule', 'insert-filter-rule', 'set-filter-policy'].includes(kind);
  const owners = isVerdict ? findFirewalls(filter, place) : [];
  return owners.length === 0 ? candidate.family : `firewall ${owners.join(' ')}`;
}
