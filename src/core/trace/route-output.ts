// What a local sender's packet gets: the route, and the source address when the sender bound none.
// In: a namespace and a query without input device. Out: an OutputAnswer. Around the lookup stand the kernel's own checks
// (Linux 6.12 ip_route_output_key_hash_rcu): a bound source must be a local address, and a socket bound to a device sends
// on-link where no route leads there. IPv6 has neither. resolveConnect adds the second lookup that connecting makes.
import type { Missing } from '../fact/known.ts';
import { familyOf, ipv4Value } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { isOnForAllOrDevice } from '../model/device-settings.ts';
import { compileRouting } from '../model/compile-routing.ts';
import type { Namespace } from '../model/network.ts';
import type { Routing, RoutingTable } from '../model/routing.ts';
import { answerOnce } from './answer-once.ts';
import { makeFlowKey } from './flow-key.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';
import { lookupRoute } from './route-lookup.ts';
import { selectSource6 } from './ipv6-source.ts';
import { hostScope, linkScope, selectSource, selectSource4 } from './source-address.ts';
import { findCandidate } from './table-lookup.ts';

type Found = Extract<RouteAnswer, { kind: 'route' }>;

export type OutputAnswer =
  | { readonly kind: 'route'; readonly route: Found; readonly source: Address | undefined }
  /** Bound to a device to which no route leads: the kernel takes the destination for a neighbour there. */
  | { readonly kind: 'on-link'; readonly link: string; readonly source: Address | undefined }
  /** The destination 0.0.0.0 or :: means this namespace itself. */
  | { readonly kind: 'this-host'; readonly address: Address }
  | { readonly kind: 'failed'; readonly answer: Exclude<RouteAnswer, Found> }
  | {
      readonly kind: 'refused';
      readonly error: 'net-unreachable' | 'invalid-argument' | 'no-such-device';
      readonly text: string;
    }
  | { readonly kind: 'unknown'; readonly question: string; readonly missing?: Missing };

export const resolveOutput = answerOnce((namespace, query): OutputAnswer => {
  if (query.to === '::') return { kind: 'this-host', address: loopbackAddress6 };
  if (familyOf(query.to) === 6) return resolveByLookup(namespace, query);
  const bound = query.from === undefined || query.from === '0.0.0.0' ? undefined : query.from;
  const refusal = checkSource(namespace, bound) ?? checkDevice(namespace, query.outputLink);
  if (refusal !== undefined) return refusal;
  const special = resolveSpecial(namespace, query, bound);
  const answer = special ?? resolveByLookup(namespace, query);
  const fallback = answer.kind === 'failed' ? sendOnLink(namespace, query, answer) : answer;
  return checkLoopbackSource(namespace, fallback);
});

/**
 * What a connecting socket gets. IPv4 chooses the source with a first lookup and routes with a second one that has it
 * (ip_route_connect), so `from` rules apply; IPv6 keeps its first answer and asks again only after an error.
 */
export function resolveConnect(namespace: Namespace, query: RouteQuery): OutputAnswer {
  const first = resolveOutput(namespace, query);
  if (query.from !== undefined) return first;
  if (familyOf(query.to) === 4) {
    if ((first.kind !== 'route' && first.kind !== 'on-link') || first.source === undefined) return first;
    return resolveOutput(namespace, { ...query, from: first.source });
  }
  if (first.kind !== 'failed' || first.answer.kind !== 'error') return first;
  const source = selectSource6(namespace, undefined, query.to);
  return source === undefined ? first : resolveOutput(namespace, { ...query, from: source });
}

/**
 * The route of a packet that OUTPUT changed (ip_route_me_harder of Linux 6.12): its source is kept and need not be a local
 * address, but one of loopback still leaves by no other device unless route_localnet lets it.
 */
export function resolveAgain(namespace: Namespace, query: RouteQuery): OutputAnswer {
  const answer = lookupRoute(namespace, query);
  if (answer.kind !== 'route') return { kind: 'failed', answer };
  const kept: OutputAnswer = { kind: 'route', route: answer, source: query.from };
  return familyOf(query.to) === 4 ? checkLoopbackSource(namespace, kept) : kept;
}

function resolveByLookup(namespace: Namespace, query: RouteQuery): OutputAnswer {
  const answer = lookupRoute(namespace, query);
  if (answer.kind !== 'route') return { kind: 'failed', answer };
  return { kind: 'route', route: answer, source: selectSource(namespace, answer, query) };
}

/** A bound source must be an address of this namespace, or in a local route of the local table (127.0.0.0/8). */
function checkSource(namespace: Namespace, source: Address | undefined): OutputAnswer | undefined {
  if (source === undefined) return undefined;
  const value = ipv4Value(source);
  if (value >>> 28 === 14 || value === 0xffffffff) {
    return { kind: 'refused', error: 'invalid-argument', text: `${source} cannot be a source` };
  }
  const { addresses, routes } = namespace.facts;
  if (addresses.known && addresses.value.some((fact) => fact.address === source)) return undefined;
  if (!routes[4].known) return unknownSource(source, routes[4]);
  const routing = compileRouting(namespace.facts, 4);
  const isLocal = isLocalIn(routing, routing.tables.get('local'), source);
  if (routing.merged !== undefined && isLocalIn(routing, routing.merged, source) !== isLocal) {
    return { kind: 'unknown', question: `whether a rule was ever added, without which ${source} is local` };
  }
  if (isLocal) return undefined;
  if (!addresses.known) return unknownSource(source, addresses);
  return { kind: 'refused', error: 'net-unreachable', text: `${source} is not an address of this namespace` };
}

function isLocalIn(routing: Routing, table: RoutingTable | undefined, source: Address): boolean {
  if (table === undefined) return false;
  const flow = makeFlowKey({ to: source, mark: 0, tos: 0, ipProtocol: 0 }, routing.loopback);
  const candidate = findCandidate(routing, table, flow, { missing: undefined });
  return table.routes[candidate]?.type === 'local';
}

function unknownSource(source: Address, missing: Missing): OutputAnswer {
  return { kind: 'unknown', question: `whether ${source} is an address of this namespace`, missing };
}

function checkDevice(namespace: Namespace, link: string | undefined): OutputAnswer | undefined {
  if (link === undefined) return undefined;
  const { links } = namespace.facts;
  if (!links.known) return { kind: 'unknown', question: `whether ${link} is up`, missing: links };
  const found = namespace.linksByName.get(link);
  if (found === undefined) {
    return { kind: 'refused', error: 'no-such-device', text: `${link} does not exist` };
  }
  if (found.flags.includes('UP')) return undefined;
  return { kind: 'refused', error: 'net-unreachable', text: `${link} is down` };
}

const loopbackAddress = '127.0.0.1' as Address;
const loopbackAddress6 = '::1' as Address;

/** Destinations that are decided without a lookup: by a bound device or source, or because they mean this namespace. */
function resolveSpecial(
  namespace: Namespace,
  query: RouteQuery,
  bound: Address | undefined,
): OutputAnswer | undefined {
  const to = ipv4Value(query.to);
  const isBroadcast = to === 0xffffffff;
  const link = query.outputLink;
  if (link === undefined && (isBroadcast || to >>> 28 === 14)) {
    const own = linkOf(namespace, bound);
    return own === undefined ? undefined : { kind: 'on-link', link: own, source: bound };
  }
  if (link !== undefined && (isBroadcast || to >>> 8 === 0xe00000)) {
    return { kind: 'on-link', link, source: bound ?? selectSource4(namespace, { link, scope: linkScope }) };
  }
  if (to !== 0) return undefined;
  const own = link === undefined ? undefined : selectSource4(namespace, { link, scope: hostScope });
  return { kind: 'this-host', address: bound ?? own ?? loopbackAddress };
}

function linkOf(namespace: Namespace, address: Address | undefined): string | undefined {
  if (address === undefined || !namespace.facts.addresses.known) return undefined;
  return namespace.facts.addresses.value.find((fact) => fact.address === address)?.link;
}

function sendOnLink(
  namespace: Namespace,
  query: RouteQuery,
  failed: Extract<OutputAnswer, { kind: 'failed' }>,
): OutputAnswer {
  const link = query.outputLink;
  if (link === undefined || failed.answer.kind !== 'error') return failed;
  const source = query.from ?? selectSource4(namespace, { link, scope: linkScope });
  return { kind: 'on-link', link, source };
}

/** A loopback source may leave by another device only where route_localnet is on. */
function checkLoopbackSource(namespace: Namespace, answer: OutputAnswer): OutputAnswer {
  if (answer.kind !== 'route' && answer.kind !== 'on-link') return answer;
  const { source } = answer;
  if (source === undefined || ipv4Value(source) >>> 24 !== 127) return answer;
  if (answer.kind === 'route' && answer.route.route.type === 'local') return answer;
  const nexthops = answer.kind === 'route' ? answer.route.nexthops : [answer];
  const refusals = nexthops.map(({ link }) => checkLoopbackLink(namespace, source, link));
  const [first] = refusals;
  if (refusals.every((refusal) => refusal?.kind === first?.kind)) return first ?? answer;
  return { kind: 'unknown', question: 'the nexthop the kernel picks by a hash' };
}

function checkLoopbackLink(
  namespace: Namespace,
  source: Address,
  link: string | undefined,
): OutputAnswer | undefined {
  if (link === undefined || namespace.linksByName.get(link)?.kind === 'loopback') return undefined;
  const localnet = isOnForAllOrDevice(namespace.facts, 4, link, 'route_localnet');
  if (!localnet.known) {
    return { kind: 'unknown', question: `the route_localnet of ${link}`, missing: localnet };
  }
  if (localnet.value) return undefined;
  const text = `${source} must not leave by ${link} (route_localnet is off)`;
  return { kind: 'refused', error: 'invalid-argument', text };
}
