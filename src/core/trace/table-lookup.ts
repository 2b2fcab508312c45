// The route of one table that decides a flow: longest prefix, then the kernel's order among candidates, then shorter
// prefixes. In: a table and a flow. Out: a candidate's number, `nothing`, or `uncertain` with what is missing.
// IPv4 takes the first candidate that fits (Linux 6.12 fib_table_lookup). IPv6 takes the best score among those of the
// first metric, and only without any such one the best of all the others (find_rr_leaf), device and preference counted.
import type { Missing } from '../fact/known.ts';
import { formatAddress } from '../net/address.ts';
import { prefixContains } from '../net/prefix.ts';
import { findPrefix4, findPrefix6 } from '../net/prefix-table.ts';
import { candidateKinds, gatewayKey } from '../model/routing.ts';
import type { Routing, RoutingTable } from '../model/routing.ts';
import type { NexthopFact, RouteFact } from '../snapshot/namespace-facts.ts';
import { isStrictFlow } from './flow-key.ts';
import type { FlowKey } from './flow-key.ts';

export const noCandidate = { nothing: -1, uncertain: -2 } as const;

/** Where a lookup leaves the fact it lacked. */
export interface Doubt {
  missing: Missing | undefined;
}

export function findCandidate(routing: Routing, table: RoutingTable, flow: FlowKey, doubt: Doubt): number {
  return routing.family === 4
    ? findCandidate4(table, flow, doubt)
    : findCandidate6(routing, table, flow, doubt);
}

function findCandidate4(table: RoutingTable, flow: FlowKey, doubt: Doubt): number {
  let group = findPrefix4(table.prefixes, flow.to3);
  const tos = flow.tos & 0x1c;
  while (group >= 0) {
    const end = table.groupStart[group + 1] as number;
    for (let candidate = table.groupStart[group] as number; candidate < end; candidate++) {
      const wanted = table.tos[candidate] as number;
      if (wanted !== 0 && wanted !== tos) continue;
      const kind = table.kinds[candidate] as number;
      if (kind >= candidateKinds.throw) return candidate;
      if (kind === candidateKinds.plain && flow.outputLink === undefined) return candidate;
      const verdict = judgeCandidate4(table, candidate, flow.outputLink, doubt);
      if (verdict !== noCandidate.nothing) return verdict;
      if (table.routes[candidate]?.nexthopId !== undefined) {
        group = lastGroupOfAddress(table, group);
        break;
      }
    }
    group = table.groupNext[group] as number;
  }
  return noCandidate.nothing;
}

/**
 * A nexthop object that does not fit ends the search of its leaf of the trie (`goto miss` in fib_table_lookup), and a leaf
 * holds every prefix that begins at the same address: 10.0.0.0/16 hides 10.0.0.0/8, but not 0.0.0.0/0.
 */
function lastGroupOfAddress(table: RoutingTable, group: number): number {
  const addressOf = (of: number): string | undefined =>
    table.routes[table.groupStart[of] as number]?.destination.address;
  let last = group;
  for (let next = table.groupNext[last] as number; next >= 0; next = table.groupNext[last] as number) {
    if (addressOf(next) !== addressOf(group)) break;
    last = next;
  }
  return last;
}

/** The candidate itself when a nexthop fits. */
function judgeCandidate4(
  table: RoutingTable,
  candidate: number,
  outputLink: string | undefined,
  doubt: Doubt,
): number {
  const nexthops = table.routes[candidate]?.nexthops ?? [];
  const states = table.nexthopStates.get(candidate);
  if (nexthops.length === 0 && outputLink === undefined) return candidate;
  let found: number = noCandidate.nothing;
  for (const [position, nexthop] of nexthops.entries()) {
    const state = states?.[position] ?? 'usable';
    if (state === 'dead' || (outputLink !== undefined && nexthop.link !== outputLink)) continue;
    if (state === 'usable') return candidate;
    doubt.missing = state;
    found = noCandidate.uncertain;
  }
  return found;
}

function findCandidate6(routing: Routing, table: RoutingTable, flow: FlowKey, doubt: Doubt): number {
  const { reachability } = routing;
  if (reachability.kind === 'ignored') return searchTable6(routing, table, flow, undefined, doubt);
  if (reachability.kind === 'considered') {
    const found = searchTable6(routing, table, flow, reachability.failed, doubt);
    return found === noCandidate.nothing ? searchTable6(routing, table, flow, undefined, doubt) : found;
  }
  const found = searchTable6(routing, table, flow, undefined, doubt);
  const gateways = listGateways(table, found);
  if (gateways.size === 0) return found;
  const other = searchTable6(routing, table, flow, gateways, doubt);
  if (other === found || other === noCandidate.nothing) return found;
  doubt.missing = reachability.missing;
  return noCandidate.uncertain;
}

function listGateways(table: RoutingTable, candidate: number): ReadonlySet<string> {
  const gateways = new Set<string>();
  for (const { link, gateway } of table.routes[candidate]?.nexthops ?? []) {
    if (link !== undefined && gateway !== undefined) gateways.add(gatewayKey(link, gateway));
  }
  return gateways;
}

function searchTable6(
  routing: Routing,
  table: RoutingTable,
  flow: FlowKey,
  failed: ReadonlySet<string> | undefined,
  doubt: Doubt,
): number {
  let group = findFirstGroup6(table, flow);
  for (; group >= 0; group = table.groupNext[group] as number) {
    if (table.groupSource !== undefined && !isForSource(table, group, flow)) continue;
    const candidate = selectInGroup(routing, table, group, flow, failed);
    if (candidate < 0) continue;
    const missing = uncertainNexthop(table, candidate);
    if (missing === undefined) return candidate;
    doubt.missing = missing;
    return noCandidate.uncertain;
  }
  return noCandidate.nothing;
}

/**
 * Where the search begins: the longest prefix, but one that has source-specific routes only for a matching source. Its
 * other routes are not passed to, unless it is the default (fib6_node_lookup_1 backtracks, and falls back to the root).
 */
function findFirstGroup6(table: RoutingTable, flow: FlowKey): number {
  let prefix = findPrefix6(table.prefixes, flow.to0, flow.to1, flow.to2, flow.to3);
  if (prefix < 0) return -1;
  if (table.groupSource === undefined) return table.firstGroup[prefix] as number;
  for (; prefix >= 0; prefix = table.prefixes.covers[prefix] as number) {
    const first = table.firstGroup[prefix] as number;
    const isSpecific = (table.groupSource[first]?.length ?? 0) > 0;
    if (!isSpecific || table.groupLength[first] === 0) return first;
    const end = table.firstGroup[prefix + 1] ?? table.groupLength.length;
    for (let group = first; group < end && (table.groupSource[group]?.length ?? 0) > 0; group++) {
      if (isForSource(table, group, flow)) return group;
    }
  }
  return -1;
}

function isForSource(table: RoutingTable, group: number, flow: FlowKey): boolean {
  const source = table.groupSource?.[group];
  if (source === undefined || source.length === 0) return true;
  const address = formatAddress(6, [flow.from0 >>> 0, flow.from1 >>> 0, flow.from2 >>> 0, flow.from3 >>> 0]);
  return prefixContains(source, address);
}

function selectInGroup(
  routing: Routing,
  table: RoutingTable,
  group: number,
  flow: FlowKey,
  failed: ReadonlySet<string> | undefined,
): number {
  const end = table.groupStart[group + 1] as number;
  let candidate = table.groupStart[group] as number;
  if (candidate + 1 === end && failed === undefined && flow.preferredLink === undefined) {
    if (table.kinds[candidate] !== candidateKinds.conditional) return candidate;
  }
  const firstMetric = table.metrics[candidate] as number;
  let best: number = noCandidate.nothing;
  let bestScore = -1;
  for (; candidate < end; candidate++) {
    if (best >= 0 && table.metrics[candidate] !== firstMetric && table.metrics[best] === firstMetric) break;
    const route = table.routes[candidate];
    // A blackhole nexthop object ends the search at once, whatever was found before it (__find_rr_leaf).
    if (route?.type === 'blackhole' && route.nexthopId !== undefined) return candidate;
    const score = scoreCandidate(routing, table, candidate, flow, failed);
    if (score > bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

/** The best score of its nexthops (the kernel holds each nexthop of a multipath route as a route of its own), or -1. */
function scoreCandidate(
  routing: Routing,
  table: RoutingTable,
  candidate: number,
  flow: FlowKey,
  failed: ReadonlySet<string> | undefined,
): number {
  const route = table.routes[candidate];
  if (route === undefined) return -1;
  const isError = (table.kinds[candidate] as number) >= candidateKinds.throw;
  if (isError) return scoreNexthop(route, { link: routing.loopback, weight: 1, flags: [] }, flow, undefined);
  const states = table.nexthopStates.get(candidate);
  let best = -1;
  for (const [position, nexthop] of route.nexthops.entries()) {
    if (states?.[position] === 'dead') continue;
    best = Math.max(best, scoreNexthop(route, nexthop, flow, failed));
  }
  return best;
}

function scoreNexthop(
  route: RouteFact,
  nexthop: NexthopFact,
  flow: FlowKey,
  failed: ReadonlySet<string> | undefined,
): number {
  if (!isEligible6(nexthop, flow, failed)) return -1;
  const preference = route.preference === 'high' ? 3 : route.preference === 'low' ? 1 : 2;
  const isPreferred = flow.preferredLink === undefined || nexthop.link === flow.preferredLink;
  return (isPreferred ? 2 : 0) | (preference << 2);
}

/** Whether a live IPv6 nexthop may carry the flow: on the device it must use, through a gateway not known to have failed. */
export function isEligible6(
  nexthop: NexthopFact,
  flow: FlowKey,
  failed: ReadonlySet<string> | undefined,
): boolean {
  const { link, gateway } = nexthop;
  if (flow.preferredLink !== undefined && link !== flow.preferredLink && isStrictFlow(flow)) return false;
  return failed === undefined || gateway === undefined || !failed.has(gatewayKey(link ?? '', gateway));
}

/** Set when no nexthop is certain to be usable. */
function uncertainNexthop(table: RoutingTable, candidate: number): Missing | undefined {
  const states = table.nexthopStates.get(candidate) ?? [];
  if (states.includes('usable')) return undefined;
  return states.find((state): state is Missing => typeof state === 'object');
}
