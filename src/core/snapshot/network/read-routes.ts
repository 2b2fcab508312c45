// `ip -j -d -4 route show table all` (and -6), its text, and busybox's text, as routes.
// In: the file and its family. Out: routes in printed order, tables still under the printed name where only rt_tables
// knows the number. Defaults are iproute2's (6.1, ip/iproute.c): without -d it leaves out table main, protocol boot,
// scope global and type unicast. Rows of the other family (a hand-made file without -4 or -6) are left out with a note.
import type { Evidence } from '../../fact/evidence.ts';
import { parseAddress } from '../../net/address.ts';
import type { Address, Family } from '../../net/address.ts';
import { defaultPrefix, parsePrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { BundleFile } from '../bundle-file.ts';
import type { NexthopFact, RouteFact, RouteType } from '../namespace-facts.ts';
import { withoutUndefined } from '../syntax/parse-json.ts';
import { understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readJsonRows, readTextRows } from '../syntax/read-rows.ts';
import type { RowReader } from '../syntax/read-rows.ts';
import { draftRouteOfJson } from './draft-route-json.ts';
import { draftRouteOfText } from './draft-route-text.ts';
import { routeTypes } from './route-draft.ts';
import type { NexthopDraft, RouteDraft } from './route-draft.ts';
import { canonicalProtocol, canonicalScope, canonicalTable, parseTos } from './routing-names.ts';

export function readRoutesJson(file: BundleFile, family: Family): Reading<readonly RouteFact[]> {
  return readDrafts(file, family, (file, build) =>
    readJsonRows(file, (row, evidence) => build(draftRouteOfJson(row), evidence)),
  );
}

export function readRoutesText(file: BundleFile, family: Family): Reading<readonly RouteFact[]> {
  const reading = readDrafts(file, family, (file, build) =>
    readTextRows(file, (record, evidence) => build(draftRouteOfText(record), evidence)),
  );
  if (!reading.isUnderstood || family === 6) return reading;
  return understood(hideTies(reading.value), reading.notes);
}

type Build = RowReader<RouteDraft | undefined, RouteFact>;

function readDrafts(
  file: BundleFile,
  family: Family,
  read: (file: BundleFile, build: Build) => Reading<readonly RouteFact[]>,
): Reading<readonly RouteFact[]> {
  let strangers = 0;
  const reading = read(file, (draft, evidence) => {
    if (draft === undefined) return undefined;
    const destination = parseDestination(draft.destination, family);
    if (isOfOther(draft, destination, family)) {
      strangers++;
      return [];
    }
    const route = buildRoute(draft, { destination, family, evidence });
    return route === undefined ? undefined : [route];
  });
  if (!reading.isUnderstood || strangers === 0) return reading;
  const text = `${file.path} holds ${strangers} routes that are not IPv${family}; they are ignored there.`;
  return understood(reading.value, [{ code: 'odd-input', path: file.path, text }]);
}

/** A `default` has the family of its gateway; IPv6 rows also print a preference, IPv4 rows never do. */
function isOfOther(draft: RouteDraft, destination: Prefix | undefined, family: Family): boolean {
  if (draft.destination === 'default') return family === 4 && draft.preference !== undefined;
  // What is no address at all is of no other family either, and not understood.
  return destination === undefined && parsePrefix(draft.destination) !== undefined;
}

interface RoutePlace {
  readonly destination: Prefix | undefined;
  readonly family: Family;
  readonly evidence: Evidence;
}

function buildRoute(draft: RouteDraft, place: RoutePlace): RouteFact | undefined {
  const { destination, family, evidence } = place;
  const from = parseIfAny(draft.from, (text) => parseDestination(text, family));
  const source = parseIfAny(draft.preferredSource, parseAddress);
  const nexthops = draft.nexthops.map((nexthop) => buildNexthop(nexthop));
  if (destination === undefined || from === 'not understood' || source === 'not understood') return undefined;
  if (nexthops.includes(undefined)) return undefined;
  const tos = parseTos(draft.tos ?? '0');
  return withoutUndefined<RouteFact>({
    evidence,
    family,
    type: tos === undefined ? 'opaque' : typeOf(draft),
    destination,
    from,
    table: canonicalTable(draft.table ?? 'main'),
    protocol: draft.protocol === undefined ? undefined : canonicalProtocol(draft.protocol),
    scope: canonicalScope(draft.scope ?? 'global'),
    metric: draft.metric ?? 0,
    tos: tos ?? 0,
    preferredSource: source,
    nexthops: nexthops.filter((nexthop) => nexthop !== undefined),
    mtuBytes: draft.mtuBytes,
    preference: preferenceOf(draft.preference),
    nexthopId: draft.nexthopId,
  });
}

function parseIfAny<T>(
  text: string | undefined,
  parse: (text: string) => T | undefined,
): T | undefined | 'not understood' {
  return text === undefined ? undefined : (parse(text) ?? 'not understood');
}

function parseDestination(text: string, family: Family): Prefix | undefined {
  if (text === 'default' || text === 'all' || text === 'any') return defaultPrefix(family);
  // iproute2 writes `0/8` where the kernel gave a length and no address.
  const zeros = /^0\/(\d+)\s*$/.exec(text)?.[1];
  const prefix = parsePrefix(zeros === undefined ? text : `${defaultPrefix(family).address}/${zeros}`);
  return prefix?.family === family ? prefix : undefined;
}

/** The gateway may be of the other family (RFC 5549, `via inet6`). */
function buildNexthop(draft: NexthopDraft): NexthopFact | undefined {
  let gateway: Address | undefined;
  if (draft.gateway !== undefined) {
    gateway = parseAddress(draft.gateway);
    if (gateway === undefined) return undefined;
  }
  return withoutUndefined<NexthopFact>({
    link: draft.link,
    gateway,
    weight: draft.weight ?? 1,
    flags: draft.flags,
  });
}

/** These need no device. Any other route that names none is one whose nexthops the tool did not print. */
const refusals: ReadonlySet<RouteType> = new Set(['blackhole', 'unreachable', 'prohibit', 'throw']);

function typeOf(draft: RouteDraft): RouteType {
  const type = routeTypes.get(draft.type ?? 'unicast') ?? 'opaque';
  const leadsNowhere = !refusals.has(type) && draft.nexthops.length === 0;
  return draft.isOpaque === true || leadsNowhere ? 'opaque' : type;
}

function preferenceOf(word: string | undefined): RouteFact['preference'] {
  return word === 'low' || word === 'medium' || word === 'high' ? word : undefined;
}

/**
 * busybox (1.35, networking/libiproute/iproute.c) prints no TOS and no protocol, so two IPv4 routes that differ in TOS
 * only look the same; the kernel lists the one with a TOS first. Of such rows all but the last are opaque.
 */
function hideTies(routes: readonly RouteFact[]): readonly RouteFact[] {
  if (routes.some((route) => route.protocol !== undefined)) {
    return routes.map((route) => (route.protocol === undefined ? { ...route, protocol: 'boot' } : route));
  }
  const key = (route: RouteFact): string =>
    `${route.table} ${route.destination.address}/${route.destination.length} ${route.metric}`;
  const last = new Map(routes.map((route, index) => [key(route), index]));
  return routes.map((route, index) =>
    last.get(key(route)) === index ? route : { ...route, type: 'opaque' as const },
  );
}
