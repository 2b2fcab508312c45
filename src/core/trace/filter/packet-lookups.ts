// What rules look up about an address while a packet passes: its route type, and the device a route to it leads to.
// Sources: Linux 6.12 net/ipv4/fib_frontend.c (__inet_dev_addr_type: the local table alone, unicast where it has nothing),
// net/netfilter/xt_addrtype.c (IPv6: the routing decides), net/ipv4/netfilter/nft_fib_ipv4.c.
import { compileRouting } from '../../model/compile-routing.ts';
import type { Namespace } from '../../model/network.ts';
import { familyOf, ipv4Value, wordsOf } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { prefixContains } from '../../net/prefix.ts';
import type { RouteFact } from '../../snapshot/namespace-facts.ts';
import { lookupRoute } from '../route-lookup.ts';
import type { PacketLookups, RouteLinkQuery } from './filter-packet.ts';

const lookups = new WeakMap<Namespace, PacketLookups>();

export function makePacketLookups(namespace: Namespace): PacketLookups {
  const known = lookups.get(namespace);
  if (known !== undefined) return known;
  const made: PacketLookups = {
    typeOf: (address, link) =>
      familyOf(address) === 4 ? typeOf4(namespace, address, link) : typeOf6(namespace, address, link),
    routeLinkOf: (query) => routeLinkOf(namespace, query),
  };
  lookups.set(namespace, made);
  return made;
}

function typeOf4(namespace: Namespace, address: Address, link: string | undefined): string | undefined {
  const value = ipv4Value(address);
  if (value >>> 24 === 0 || value === 0xffffffff) return 'broadcast';
  if (value >>> 28 === 14) return 'multicast';
  const rows = localRoutes(namespace, 4);
  if (rows === undefined) return undefined;
  const best = longest(rows, address);
  if (best === undefined) return 'unicast';
  // With a device, only what that device itself has counts.
  const isThere = link === undefined || best.nexthops.some((hop) => hop.link === link);
  return isThere ? best.type : 'unicast';
}

function typeOf6(namespace: Namespace, address: Address, link: string | undefined): string | undefined {
  if (wordsOf(address)[0] >>> 24 === 0xff) return 'multicast';
  const routing = compileRouting(namespace.facts, 6);
  if (routing.missingRoutes !== undefined || routing.missingRules !== undefined) return undefined;
  const answer = lookupRoute(namespace, { to: address, mark: 0, tos: 0, ipProtocol: 0 });
  if (answer.kind === 'unknown') return undefined;
  if (answer.kind === 'error') return errorTypes[answer.error];
  const isThere = link === undefined || answer.nexthops.some((hop) => hop.link === link);
  return isThere || answer.route.type !== 'local' ? answer.route.type : 'unicast';
}

const errorTypes = {
  'net-unreachable': 'unreachable',
  'host-unreachable': 'unreachable',
  prohibited: 'prohibit',
  blackhole: 'blackhole',
} as const;

const localTables = new WeakMap<readonly RouteFact[], readonly RouteFact[]>();

function localRoutes(namespace: Namespace, family: 4 | 6): readonly RouteFact[] | undefined {
  const routes = namespace.facts.routes[family];
  if (!routes.known) return undefined;
  const known = localTables.get(routes.value);
  if (known !== undefined) return known;
  const rows = routes.value.filter((route) => route.table === 'local');
  localTables.set(routes.value, rows);
  return rows;
}

function longest(rows: readonly RouteFact[], address: Address): RouteFact | undefined {
  let best: RouteFact | undefined;
  for (const row of rows) {
    if (!prefixContains(row.destination, address)) continue;
    if (best === undefined || row.destination.length > best.destination.length) best = row;
  }
  return best;
}

/**
 * The lookup is not limited to the device: the kernel routes as it would otherwise, and then asks whether the answer leads
 * through that device (6.12 nft_fib_ipv4.c and ipt_rpfilter.c fib_info_nh_uses_dev, nft_fib_ipv6.c). So a mark that sends
 * the way back elsewhere fails the check although another table would lead back.
 */
function routeLinkOf(namespace: Namespace, query: RouteLinkQuery): string | undefined {
  const answer = lookupRoute(namespace, { to: query.address, mark: query.mark ?? 0, tos: 0, ipProtocol: 0 });
  if (answer.kind === 'unknown') return undefined;
  if (answer.kind !== 'route' || answer.route.type !== 'unicast') return '';
  if (query.link === undefined) return answer.nexthops[0]?.link ?? '';
  return answer.nexthops.some((hop) => hop.link === query.link) ? query.link : '';
}
