// One routing table from its routes, in the kernel's order of preference.
// In: the routes of one table and family. Out: prefixes for the longest-prefix search, groups of candidates for each.
// Orders: IPv4 TOS from high to low, then metric, then as dumped (Linux 6.12 fib_find_alias); IPv6 source prefix from
// long to short, then metric, then as dumped (fib6_add_rt2node). Dumps list full ties in the kernel's own order.
import type { Family } from '../../net/address.ts';
import { wordsOf } from '../../net/address.ts';
import type { Prefix } from '../../net/prefix.ts';
import { buildPrefixTable } from '../../net/prefix-table.ts';
import type { NexthopFact, RouteFact } from '../../snapshot/namespace-facts.ts';
import { candidateKinds } from '../routing.ts';
import type { NexthopState, RoutingTable } from '../routing.ts';

export type JudgeNexthop = (nexthop: NexthopFact) => NexthopState;

export function compileTable(
  name: string,
  family: Family,
  facts: readonly RouteFact[],
  judge: JudgeNexthop,
): RoutingTable {
  const routes = sortRoutes(family, facts);
  const groups = groupRoutes(family, routes);
  const nexthopStates = new Map<number, readonly NexthopState[]>();
  const kinds = new Uint8Array(routes.length);
  const tos = new Uint8Array(routes.length);
  const metrics = new Uint32Array(routes.length);
  for (const [candidate, route] of routes.entries()) {
    tos[candidate] = route.tos;
    metrics[candidate] = route.metric;
    const needsJudging = route.nexthops.some((nexthop) => nexthop.flags.length > 0);
    const states = needsJudging ? route.nexthops.map(judge) : undefined;
    const isPlain = states === undefined || states.every((state) => state === 'usable');
    if (!isPlain) nexthopStates.set(candidate, states);
    kinds[candidate] = kindOf(route, isPlain);
  }
  return { name, routes, ...groups, kinds, tos, metrics, nexthopStates };
}

function kindOf(route: RouteFact, isPlain: boolean): number {
  switch (route.type) {
    case 'blackhole':
      return candidateKinds.blackhole;
    case 'unreachable':
      return candidateKinds.unreachable;
    case 'prohibit':
      return candidateKinds.prohibit;
    case 'throw':
      return candidateKinds.throw;
    case 'opaque':
      return candidateKinds.opaque;
    default:
      return isPlain ? candidateKinds.plain : candidateKinds.conditional;
  }
}

function sortRoutes(family: Family, facts: readonly RouteFact[]): RouteFact[] {
  const keys = facts.map((route, position) => ({
    route,
    position,
    words: wordsOf(route.destination.address),
    length: route.destination.length,
    source: route.from?.length ?? 0,
    sourceAddress: route.from?.address ?? '',
  }));
  type Key = (typeof keys)[number];
  const compareCandidates = (a: Key, b: Key): number =>
    b.source - a.source ||
    (a.sourceAddress === b.sourceAddress ? 0 : a.sourceAddress < b.sourceAddress ? -1 : 1) ||
    (family === 4 ? b.route.tos - a.route.tos : 0) ||
    a.route.metric - b.route.metric ||
    a.position - b.position;
  keys.sort(
    (a, b) =>
      a.words[0] - b.words[0] ||
      a.words[1] - b.words[1] ||
      a.words[2] - b.words[2] ||
      a.words[3] - b.words[3] ||
      a.length - b.length ||
      compareCandidates(a, b),
  );
  return keys.map((key) => key.route);
}

type Groups = Pick<
  RoutingTable,
  'prefixes' | 'firstGroup' | 'groupStart' | 'groupNext' | 'groupLength' | 'groupSource'
>;

function groupRoutes(family: Family, routes: readonly RouteFact[]): Groups {
  const groupStart: number[] = [];
  const prefixOfGroup: number[] = [];
  const sources: (Prefix | undefined)[] = [];
  const firstGroup: number[] = [];
  for (const [candidate, route] of routes.entries()) {
    const before = routes[candidate - 1];
    const isNewPrefix = before === undefined || !sameBits(before.destination, route.destination);
    if (!isNewPrefix && sameSource(before.from, route.from)) continue;
    if (isNewPrefix) firstGroup.push(groupStart.length);
    prefixOfGroup.push(firstGroup.length - 1);
    sources.push(route.from);
    groupStart.push(candidate);
  }
  const leaders = firstGroup.map((group) => routes[groupStart[group] ?? 0] as RouteFact);
  const prefixes = buildPrefixTable({
    family,
    words: listWords(family, leaders),
    lengths: Uint8Array.from(leaders.map((route) => route.destination.length)),
  });
  const next = prefixOfGroup.map((prefix, group) => {
    if (prefixOfGroup[group + 1] === prefix) return group + 1;
    const cover = prefixes.covers[prefix] ?? -1;
    return cover < 0 ? -1 : (firstGroup[cover] ?? -1);
  });
  return {
    prefixes,
    firstGroup: Int32Array.from(firstGroup),
    groupStart: Int32Array.from([...groupStart, routes.length]),
    groupNext: Int32Array.from(next),
    groupLength: Uint8Array.from(prefixOfGroup.map((prefix) => leaders[prefix]?.destination.length ?? 0)),
    groupSource: sources.some((source) => (source?.length ?? 0) > 0) ? sources : undefined,
  };
}

function listWords(family: Family, leaders: readonly RouteFact[]): Uint32Array {
  const width = family === 4 ? 1 : 4;
  const words = new Uint32Array(leaders.length * width);
  for (const [prefix, route] of leaders.entries()) {
    const four = wordsOf(route.destination.address);
    if (family === 4) words[prefix] = four[3];
    else words.set(four, prefix * 4);
  }
  return words;
}

function sameBits(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && a.address === b.address;
}

function sameSource(a: Prefix | undefined, b: Prefix | undefined): boolean {
  const isWide = (a?.length ?? 0) === 0 && (b?.length ?? 0) === 0;
  return isWide || (a !== undefined && b !== undefined && sameBits(a, b));
}
