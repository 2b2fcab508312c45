// Which source address a local sender gets that bound none, once its route is known.
// In: a namespace, a routing answer, the query, and the nexthop where the route has several. Out: the address, or
// undefined where there is none or where what decides was not collected. IPv4 takes the first primary address of fitting
// scope, its gateway's subnet first (inet_select_addr); IPv6 scores every address (ipv6-source.ts).
import type { Address } from '../net/address.ts';
import { familyOf } from '../net/address.ts';
import { makePrefix, prefixContains } from '../net/prefix.ts';
import type { Namespace } from '../model/network.ts';
import { isOnForAllOrDevice } from '../model/device-settings.ts';
import type { AddressFact, NexthopFact, RouteFact } from '../snapshot/namespace-facts.ts';
import { selectSource6 } from './ipv6-source.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';

export function selectSource(
  namespace: Namespace,
  answer: Extract<RouteAnswer, { kind: 'route' }>,
  query: RouteQuery,
  nexthop: NexthopFact | undefined = answer.nexthops[0],
): Address | undefined {
  if (query.from !== undefined && query.from !== '0.0.0.0' && query.from !== '::') return query.from;
  const { route } = answer;
  if (route.preferredSource !== undefined) return route.preferredSource;
  if (familyOf(query.to) === 6) {
    // A nexthop object of several legs counts as its first (ip6_route_get_saddr, Linux 6.12).
    const decider = route.nexthopId === undefined ? nexthop : (route.nexthops[0] ?? nexthop);
    return selectSource6(namespace, decider?.link, query.to);
  }
  if (route.type === 'local') return query.to;
  return nexthop?.link === undefined ? undefined : selectForRoute(namespace, route, nexthop, nexthop.link);
}

/**
 * A nexthop object remembers the source that the first of its routes asked for (nh_saddr, Linux 6.12), so where the scope
 * of the route matters nobody can tell which it is.
 */
function selectForRoute(
  namespace: Namespace,
  route: RouteFact,
  nexthop: NexthopFact,
  link: string,
): Address | undefined {
  // A gateway that is not used still decides which subnet the source is from.
  const written = route.nexthops.includes(nexthop)
    ? nexthop
    : route.nexthops.find((other) => other.link === link);
  const gateway = gatewayOf(written ?? nexthop);
  const source = selectSource4(namespace, { link, gateway, scope: scopeOf(route) });
  if (route.nexthopId === undefined) return source;
  const other = [0, linkScope].map((scope) => selectSource4(namespace, { link, gateway, scope }));
  return other.every((address) => address === source) ? source : undefined;
}

/** An IPv6 gateway of an IPv4 route is compared with no subnet. */
function gatewayOf(nexthop: NexthopFact): Address | undefined {
  const { gateway } = nexthop;
  return gateway !== undefined && familyOf(gateway) === 4 ? gateway : undefined;
}

const scopes: Readonly<Record<string, number>> = { global: 0, site: 200, link: 253, host: 254, nowhere: 255 };

export const linkScope = 253;
export const hostScope = 254;

function scopeNumber(name: string): number {
  return scopes[name] ?? (Number.parseInt(name, 10) || 0);
}

function scopeOf(route: RouteFact): number {
  return scopeNumber(route.scope);
}

export interface SourceWish {
  readonly link: string;
  /** The address whose subnet the source should be in. */
  readonly gateway?: Address | undefined;
  /** The narrowest scope that will do, as the kernel numbers it. */
  readonly scope: number;
}

/** inet_select_addr of Linux 6.12 net/ipv4/devinet.c. */
export function selectSource4(namespace: Namespace, wish: SourceWish): Address | undefined {
  if (!namespace.facts.addresses.known) return undefined;
  const localnet = isOnForAllOrDevice(namespace.facts, 4, wish.link, 'route_localnet');
  const widest = localnet.known && localnet.value ? linkScope : hostScope;
  const usable = primaries(namespace, wish.link).filter(
    (fact) => Math.min(scopeNumber(fact.scope), widest) <= wish.scope,
  );
  const { gateway } = wish;
  const near = gateway === undefined ? undefined : usable.find((fact) => subnetHolds(fact, gateway));
  const own = near ?? usable[0];
  if (own !== undefined) return own.address;
  const elsewhere = [...namespace.linksByIndex.values()]
    .sort((a, b) => a.index - b.index)
    .flatMap((link) => primaries(namespace, link.name));
  return elsewhere.find((fact) => {
    const scope = scopeNumber(fact.scope);
    return scope !== linkScope && scope <= wish.scope;
  })?.address;
}

function primaries(namespace: Namespace, link: string): readonly AddressFact[] {
  const facts = namespace.addressesByLink.get(link) ?? [];
  return facts.filter((fact) => !fact.isSecondary && familyOf(fact.address) === 4);
}

/** The subnet of a point-to-point address is its peer's. */
function subnetHolds(fact: AddressFact, address: Address): boolean {
  return prefixContains(makePrefix(fact.peer ?? fact.address, fact.prefixLength), address);
}
