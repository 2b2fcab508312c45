// The routing decision written a second time, as slowly and as literally as it can be: every rule, every route, one
// question at a time, on the facts themselves. In: namespace facts and a query. Out: what decided, in few words. It shares
// no code with the engine but addresses and prefixes, so that the two can only agree by both being right, or both wrong in
// the same way, which the kernel's own answers guard against where they can be had.
import { familyOf, wordsOf } from '../../src/core/net/address.ts';
import type { Address } from '../../src/core/net/address.ts';
import { prefixContains } from '../../src/core/net/prefix.ts';
import type {
  NamespaceFacts,
  NexthopFact,
  PortRange,
  RouteFact,
  RuleFact,
} from '../../src/core/snapshot/namespace-facts.ts';
import type { RouteQuery } from '../../src/core/trace/lookup.ts';

export type SlowAnswer =
  | { readonly kind: 'route'; readonly rule: RuleFact; readonly route: RouteFact }
  | { readonly kind: 'error'; readonly error: string }
  | { readonly kind: 'unknown' };

/** Facts must be known; links' groups and the linkdown setting come from them as text. */
export function decideSlowly(facts: NamespaceFacts, query: RouteQuery): SlowAnswer {
  const family = familyOf(query.to);
  const rules = facts.rules[family];
  if (!rules.known) return { kind: 'unknown' };
  const sorted = rules.value
    .map((rule, position) => ({ rule, position }))
    .sort((a, b) => a.rule.priority - b.rule.priority || a.position - b.position)
    .map(({ rule }) => rule);
  for (let at = 0; at < sorted.length; at++) {
    const rule = sorted[at]!;
    const match = matchSlowly(rule, query);
    if (match === 'no') continue;
    const result = applySlowly(facts, rule, query);
    if (result === 'next') continue;
    if (match === 'maybe') return { kind: 'unknown' };
    if (result !== 'jump') return result;
    const target = sorted.findIndex((other) => priorityOf(rule) === other.priority);
    at = target - 1;
  }
  return { kind: 'error', error: 'net-unreachable' };
}

function priorityOf(rule: RuleFact): number {
  return rule.action.kind === 'goto' ? rule.action.priority : -1;
}

type Check = (rule: RuleFact, query: RouteQuery) => boolean;

const isFour = (rule: RuleFact): boolean => rule.family === 4;
const isWithin = (value: number | undefined, range: PortRange | undefined): boolean =>
  range === undefined || ((value ?? 0) >= range.from && (value ?? 0) <= range.to);

function fitsFrom(rule: RuleFact, query: RouteQuery): boolean {
  if (rule.from === undefined || rule.from.length === 0) return true;
  const hasSource = query.from !== undefined && query.from !== '0.0.0.0' && query.from !== '::';
  if (!hasSource && !isFour(rule)) return false;
  return prefixContains(rule.from, query.from ?? ('0.0.0.0' as Address));
}

const checks: readonly Check[] = [
  fitsFrom,
  (rule, query) => rule.to === undefined || prefixContains(rule.to, query.to),
  (rule, query) => rule.inputLink === undefined || rule.inputLink === (query.inputLink ?? 'lo'),
  (rule, query) => rule.outputLink === undefined || rule.outputLink === query.outputLink,
  (rule) => rule.inputLink === undefined || rule.isInputDetached !== true,
  (rule) => rule.outputLink === undefined || rule.isOutputDetached !== true,
  (rule, query) => rule.mark === undefined || ((query.mark ^ rule.mark.value) & rule.mark.mask) === 0,
  (rule, query) => (rule.tos ?? 0) === 0 || rule.tos === (query.tos & (isFour(rule) ? 0x1c : 0xfc)),
  (rule, query) => rule.dscp === undefined || rule.dscp === query.tos >> 2,
  (rule, query) => (rule.ipProtocol ?? 0) === 0 || rule.ipProtocol === query.ipProtocol,
  (rule, query) => isWithin(query.sourcePort, rule.sourcePorts),
  (rule, query) => isWithin(query.destinationPort, rule.destinationPorts),
  (rule, query) => isWithin(query.uid, rule.uids),
  // No VRF is ever among the generated links.
  (rule) => rule.isL3mdev !== true,
];

function matchSlowly(rule: RuleFact, query: RouteQuery): 'yes' | 'no' | 'maybe' {
  const fits = checks.every((check) => check(rule, query));
  if (fits && rule.opaqueSelectors.length > 0) return 'maybe';
  return fits !== rule.isInverted ? 'yes' : 'no';
}

function applySlowly(facts: NamespaceFacts, rule: RuleFact, query: RouteQuery): SlowAnswer | 'next' | 'jump' {
  const { action } = rule;
  switch (action.kind) {
    case 'nop':
      return 'next';
    case 'goto': {
      const rules = facts.rules[rule.family];
      const exists = rules.known && rules.value.some((other) => other.priority === action.priority);
      return exists ? 'jump' : 'next';
    }
    case 'unreachable':
      return { kind: 'error', error: 'net-unreachable' };
    case 'prohibit':
      return { kind: 'error', error: 'prohibited' };
    case 'blackhole':
      return { kind: 'error', error: 'blackhole' };
    case 'opaque':
      return { kind: 'unknown' };
    case 'lookup': {
      const routes = facts.routes[rule.family];
      if (!routes.known) return { kind: 'unknown' };
      const table = routes.value.filter((route) => route.table === action.table);
      const route = rule.family === 4 ? pickSlowly4(facts, table, query) : pickSlowly6(facts, table, query);
      return route === undefined ? 'next' : judgeSlowly(facts, rule, route, query);
    }
  }
}

function judgeSlowly(
  facts: NamespaceFacts,
  rule: RuleFact,
  route: RouteFact,
  query: RouteQuery,
): SlowAnswer | 'next' {
  switch (route.type) {
    case 'throw':
      return 'next';
    case 'unreachable':
      return { kind: 'error', error: 'host-unreachable' };
    case 'prohibit':
      return { kind: 'error', error: 'prohibited' };
    case 'blackhole':
      return { kind: 'error', error: 'blackhole' };
    case 'opaque':
      return { kind: 'unknown' };
    default:
      return suppressSlowly(facts, rule, route, query);
  }
}

function suppressSlowly(
  facts: NamespaceFacts,
  rule: RuleFact,
  route: RouteFact,
  query: RouteQuery,
): SlowAnswer | 'next' {
  if (route.destination.length <= (rule.suppressPrefixLength ?? -1)) return 'next';
  if (rule.suppressGroup === undefined) return { kind: 'route', rule, route };
  const deciders = rule.family === 4 ? route.nexthops.slice(0, 1) : usableSlowly6(facts, route, query);
  const hits = deciders.map((nexthop) => groupSlowly(facts, nexthop) === rule.suppressGroup);
  if (hits.every((hit) => !hit)) return { kind: 'route', rule, route };
  return hits.every((hit) => hit) ? 'next' : { kind: 'unknown' };
}

function groupSlowly(facts: NamespaceFacts, nexthop: NexthopFact): string {
  const links = facts.links.known ? facts.links.value : [];
  return links.find((link) => link.name === nexthop.link)?.group ?? 'default';
}

function isDeadSlowly(facts: NamespaceFacts, family: 4 | 6, nexthop: NexthopFact): boolean {
  if (nexthop.flags.includes('dead')) return true;
  if (!nexthop.flags.includes('linkdown') || !facts.sysctls.known) return false;
  const { value } = facts.sysctls;
  return ['all', nexthop.link ?? ''].some(
    (link) => value.get(`net.ipv${family}.conf.${link}.ignore_routes_with_linkdown`)?.value === '1',
  );
}

const isError = (route: RouteFact): boolean =>
  ['throw', 'unreachable', 'prohibit', 'blackhole', 'opaque'].includes(route.type);

/** Every route that could be meant, best first, and the first that is usable. */
function pickSlowly4(
  facts: NamespaceFacts,
  table: readonly RouteFact[],
  query: RouteQuery,
): RouteFact | undefined {
  const ranked = table
    .map((route, position) => ({ route, position }))
    .filter(({ route }) => prefixContains(route.destination, query.to))
    .sort(
      (a, b) =>
        b.route.destination.length - a.route.destination.length ||
        b.route.tos - a.route.tos ||
        a.route.metric - b.route.metric ||
        a.position - b.position,
    );
  let hidden: Address | undefined;
  for (const { route } of ranked) {
    if (route.destination.address === hidden) continue;
    hidden = undefined;
    if (route.tos !== 0 && route.tos !== (query.tos & 0x1c)) continue;
    if (isError(route)) return route;
    const isUsable = route.nexthops.some(
      (nexthop) =>
        !isDeadSlowly(facts, 4, nexthop) &&
        (query.outputLink === undefined || nexthop.link === query.outputLink),
    );
    if (isUsable) return route;
    if (route.nexthopId !== undefined) hidden = route.destination.address;
  }
  return undefined;
}

function usableSlowly6(facts: NamespaceFacts, route: RouteFact, query: RouteQuery): readonly NexthopFact[] {
  const device = query.inputLink ?? query.outputLink;
  const [first] = wordsOf(query.to);
  const isBound = query.inputLink === undefined && query.outputLink !== undefined && query.from === undefined;
  const isScoped = first >>> 24 === 0xff || first >>> 22 === 0x3fa || query.to === '::1';
  const nexthops = isError(route) ? [{ link: 'lo', weight: 1, flags: [] }] : route.nexthops;
  return nexthops.filter(
    (nexthop) =>
      !isDeadSlowly(facts, 6, nexthop) &&
      (device === undefined || nexthop.link === device || !(isBound || isScoped)),
  );
}

/** Prefix by prefix from the longest; in each the best score of the first metric, else of all the others. */
function pickSlowly6(
  facts: NamespaceFacts,
  table: readonly RouteFact[],
  query: RouteQuery,
): RouteFact | undefined {
  const device = query.inputLink ?? query.outputLink;
  const score = (route: RouteFact): number => {
    const usable = usableSlowly6(facts, route, query);
    const preference = { low: 1, medium: 2, high: 3 }[route.preference ?? 'medium'] * 4;
    const best = usable.map(
      (nexthop) => (device === undefined || nexthop.link === device ? 2 : 0) + preference,
    );
    return Math.max(-1, ...best);
  };
  for (let length = 128; length >= 0; length--) {
    const here = table
      .filter((route) => route.destination.length === length && prefixContains(route.destination, query.to))
      .map((route, position) => ({ route, position }))
      .sort((a, b) => a.route.metric - b.route.metric || a.position - b.position)
      .map(({ route }) => route);
    const lowest = here[0]?.metric;
    const rounds = [
      here.filter((route) => route.metric === lowest),
      here.filter((route) => route.metric !== lowest),
    ];
    for (const round of rounds) {
      const best = Math.max(-1, ...round.map(score));
      if (best >= 0) return round.find((route) => score(route) === best);
    }
  }
  return undefined;
}
