// Whether a received IPv4 packet's source is one that the kernel believes: __fib_validate_source of Linux 6.12.
// In: a namespace, the packet as a query, the device it would leave by (none: it is for this namespace). Out: accepted,
// rejected with what decided, or unknown. The question behind it is a routing lookup with the addresses swapped; only
// rp_filter makes its device matter, but a source that is one of this namespace's own addresses is refused without it.
import type { Missing } from '../fact/known.ts';
import { isOnForAllOrDevice, findLargerOfAllAndDevice } from '../model/device-settings.ts';
import type { Namespace } from '../model/network.ts';
import { compileRouting, hasOnlyDefaultRules } from '../model/compile-routing.ts';
import type { NexthopFact } from '../snapshot/namespace-facts.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';
import { lookupRoute } from './route-lookup.ts';

export type SourceVerdict =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'rejected';
      readonly reason: 'own-address' | 'not-unicast' | 'reverse-path';
      /** What the reverse lookup gave; absent where none was made. */
      readonly reverse?: RouteAnswer;
    }
  | { readonly kind: 'unknown'; readonly question: string; readonly missing?: Missing };

const accepted: SourceVerdict = { kind: 'accepted' };

export function checkReversePath(
  namespace: Namespace,
  query: RouteQuery,
  outputLink: string | undefined,
): SourceVerdict {
  const input = query.inputLink ?? '';
  const filter = findLargerOfAllAndDevice(namespace.facts, 4, input, 'rp_filter');
  if (filter.known) return checkWithFilter(namespace, query, outputLink, filter.value.value);
  const strict = checkWithFilter(namespace, query, outputLink, 1);
  const off = checkWithFilter(namespace, query, outputLink, 0);
  return agree(strict, off, `the rp_filter of ${input}`, filter);
}

function sameVerdict(a: SourceVerdict, b: SourceVerdict): boolean {
  if (a.kind !== b.kind || a.kind === 'unknown') return false;
  return a.kind === 'accepted' || (b.kind === 'rejected' && a.reason === b.reason);
}

function checkWithFilter(
  namespace: Namespace,
  query: RouteQuery,
  outputLink: string | undefined,
  filter: number,
): SourceVerdict {
  const full = checkFully(namespace, query, outputLink, filter);
  if (filter !== 0) return full;
  const { facts } = namespace;
  const input = query.inputLink ?? '';
  if (outputLink === input) {
    const redirects = isOnForAllOrDevice(facts, 4, input, 'send_redirects');
    if (redirects.known && redirects.value) return full;
    if (!redirects.known) {
      return agree(
        full,
        checkUnfiltered(namespace, query, full),
        `the send_redirects of ${input}`,
        redirects,
      );
    }
  }
  return checkUnfiltered(namespace, query, full);
}

/**
 * What Linux does with rp_filter 0: with accept_local nothing; while no rule and no `local` route was ever added it only
 * refuses its own addresses; else it makes the full check.
 */
function checkUnfiltered(namespace: Namespace, query: RouteQuery, full: SourceVerdict): SourceVerdict {
  const acceptsOwn = isOnForAllOrDevice(namespace.facts, 4, query.inputLink ?? '', 'accept_local');
  if (acceptsOwn.known && acceptsOwn.value) return accepted;
  const checked = mayNeverHaveCustomRules(namespace)
    ? agree(
        full,
        checkOwnAddress(namespace, query),
        'whether a rule was ever added, on which the check of the source depends',
      )
    : full;
  return acceptsOwn.known ? checked : agree(checked, accepted, 'the accept_local', acceptsOwn);
}

/** One verdict where both agree, and otherwise what would tell them apart. */
function agree(a: SourceVerdict, b: SourceVerdict, question: string, missing?: Missing): SourceVerdict {
  if (sameVerdict(a, b)) return a;
  return { kind: 'unknown', question, ...(missing === undefined ? {} : { missing }) };
}

function checkOwnAddress(namespace: Namespace, query: RouteQuery): SourceVerdict {
  const { addresses } = namespace.facts;
  if (!addresses.known) return { kind: 'unknown', question: 'the addresses', missing: addresses };
  const isOwn = addresses.value.some((fact) => fact.address === query.from);
  return isOwn ? { kind: 'rejected', reason: 'own-address' } : accepted;
}

/** Both marks stick in the kernel (fib_has_custom_rules, fib_has_custom_local_routes); a dump shows only what is left. */
function mayNeverHaveCustomRules(namespace: Namespace): boolean {
  const routes = namespace.facts.routes[4];
  if (!hasOnlyDefaultRules(namespace.facts) || !routes.known) return false;
  return !routes.value.some((route) => route.type === 'local' && route.protocol !== 'kernel');
}

function checkFully(
  namespace: Namespace,
  query: RouteQuery,
  outputLink: string | undefined,
  filter: number,
): SourceVerdict {
  const input = query.inputLink ?? '';
  const usesMark = isOnForAllOrDevice(namespace.facts, 4, input, 'src_valid_mark');
  const unmarked = checkReverse(namespace, query, { outputLink, filter, mark: 0 });
  if (query.mark === 0) return unmarked;
  if (usesMark.known && !usesMark.value) return unmarked;
  const marked = checkReverse(namespace, query, { outputLink, filter, mark: query.mark });
  return usesMark.known ? marked : agree(marked, unmarked, `the src_valid_mark of ${input}`, usesMark);
}

interface ReverseCheck {
  readonly outputLink: string | undefined;
  readonly filter: number;
  readonly mark: number;
}

function checkReverse(namespace: Namespace, query: RouteQuery, check: ReverseCheck): SourceVerdict {
  if (query.from === undefined) return accepted;
  const reverse = lookupRoute(namespace, reverseQuery(namespace, query, check));
  if (reverse.kind === 'unknown') {
    const question = reverse.opaque ?? `the route back to ${query.from}`;
    return {
      kind: 'unknown',
      question,
      ...(reverse.missing === undefined ? {} : { missing: reverse.missing }),
    };
  }
  if (reverse.kind === 'error') return judgeWithoutRoute(check, reverse);
  const { type } = reverse.route;
  if (type !== 'unicast' && type !== 'local') return { kind: 'rejected', reason: 'not-unicast', reverse };
  const input = query.inputLink ?? '';
  if (type === 'local') {
    const acceptsOwn = isOnForAllOrDevice(namespace.facts, 4, input, 'accept_local');
    if (!acceptsOwn.known) return { kind: 'unknown', question: 'accept_local', missing: acceptsOwn };
    if (!acceptsOwn.value) return { kind: 'rejected', reason: 'own-address', reverse };
  }
  if (reverse.route.nexthops.some((nexthop) => leadsTo(namespace, nexthop, input))) return accepted;
  return judgeOtherDevice(namespace, input, check, reverse);
}

function reverseQuery(namespace: Namespace, query: RouteQuery, check: ReverseCheck): RouteQuery {
  const { readsTransport } = compileRouting(namespace.facts, 4);
  return {
    to: query.from ?? query.to,
    from: query.to,
    mark: check.mark,
    ...(check.outputLink === undefined ? {} : { inputLink: check.outputLink }),
    tos: query.tos,
    ipProtocol: readsTransport ? query.ipProtocol : 0,
    sourcePort: readsTransport ? (query.destinationPort ?? 0) : 0,
    destinationPort: readsTransport ? (query.sourcePort ?? 0) : 0,
    uid: 0,
  };
}

/** Any nexthop of the reverse route will do, even a dead one (fib_info_nh_uses_dev), and so will a port of the same VRF. */
function leadsTo(namespace: Namespace, nexthop: NexthopFact, input: string): boolean {
  if (nexthop.link === undefined) return false;
  if (nexthop.link === input) return true;
  const master = namespace.linksByName.get(nexthop.link)?.master;
  return master === input && namespace.linksByName.get(input)?.kind === 'vrf';
}

function judgeWithoutRoute(check: ReverseCheck, reverse: RouteAnswer): SourceVerdict {
  return check.filter === 0 ? accepted : { kind: 'rejected', reason: 'reverse-path', reverse };
}

/** The way back leaves by another device: strict mode refuses, and loose mode too on a device without an address. */
function judgeOtherDevice(
  namespace: Namespace,
  input: string,
  check: ReverseCheck,
  reverse: Extract<RouteAnswer, { kind: 'route' }>,
): SourceVerdict {
  const routing = compileRouting(namespace.facts, 4);
  if (reverse.route.type === 'local' && input === routing.loopback) return accepted;
  if (check.filter === 0) return accepted;
  if (check.filter === 1) return { kind: 'rejected', reason: 'reverse-path', reverse };
  const { addresses } = namespace.facts;
  if (!addresses.known) return { kind: 'unknown', question: 'the addresses', missing: addresses };
  const own = namespace.addressesByLink.get(input) ?? [];
  if (own.some((fact) => !fact.address.includes(':'))) return accepted;
  return { kind: 'rejected', reason: 'reverse-path', reverse };
}
