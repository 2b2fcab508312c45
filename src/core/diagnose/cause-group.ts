// Chosen changes that are one fault: the same edit on twelve nodes, or the routes of one origin in one table. In: the
// chosen candidates. Out: groups, each to be named as one root cause.
import type { Candidate } from './candidate.ts';
import type { JudgedIntent } from './diagnosis.ts';
import { filterOrigin } from './filter-origin.ts';
import { takenBy } from './route-targets.ts';
import type { World } from './world.ts';
import type { Change } from '../snapshot/change.ts';
import { namespaceOfChange } from '../snapshot/change.ts';
import { isFilterChange } from '../snapshot/edit-filter.ts';

export interface CauseGroup {
  readonly key: string;
  readonly candidates: readonly Candidate[];
  readonly changes: readonly Change[];
  /** Where the changes are made, in name order. */
  readonly namespaces: readonly string[];
  /** The flows that fail because of it, once they are known: what they met tells causes apart that are one edit. */
  readonly broken?: readonly JudgedIntent[];
}

export function groupCandidates(world: World, candidates: readonly Candidate[]): readonly CauseGroup[] {
  const groups = new Map<string, Candidate[]>();
  for (const candidate of candidates) {
    const key = originOf(world, candidate);
    groups.set(key, [...(groups.get(key) ?? []), candidate]);
  }
  return [...groups].sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, members]) => makeGroup(key, members));
}

function makeGroup(key: string, candidates: readonly Candidate[]): CauseGroup {
  const changes = candidates.flatMap((candidate) => candidate.changes);
  const namespaces = [...new Set(changes.flatMap((change) => namespaceOfChange(change) ?? []))].sort();
  return { key, candidates, changes, namespaces };
}

/** One edit more on the same host firewall, policy or dead endpoint is the same fault; routes: see below. */
function originOf(world: World, candidate: Candidate): string {
  const change = candidate.changes[0];
  if (change !== undefined && isFilterChange(change)) return filterOrigin(world, candidate, change);
  return change?.kind === 'remove-route' ? routeOrigin(world, change) : candidate.family;
}

/** Routes of one table by one device that take the same kind of traffic come from the same place. */
function routeOrigin(world: World, { route }: Extract<Change, { kind: 'remove-route' }>): string {
  const links = route.nexthops.map((hop) => hop.link ?? '').join(',');
  return ['remove-route', route.type, route.table, links, takenBy(world.network, route).kind].join(' ');
}
