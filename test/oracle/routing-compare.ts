// Where waylaid and the kernel part on one question.
// In: the dumped namespace, a question, the kernel's answer. Out: `same`, `unknown: …` where waylaid says so, or a sentence.
// Where the kernel picks a nexthop by a hash, its pick must be one of waylaid's. A received IPv6 packet is only looked up
// by `ip route get`, so only the lookup is compared there.
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address } from '../../src/core/net/address.ts';
import { formatPrefix, parsePrefix } from '../../src/core/net/prefix.ts';
import { hasOnlyDefaultRules } from '../../src/core/model/compile-routing.ts';
import type { Namespace } from '../../src/core/model/network.ts';
import type { NexthopFact, RouteFact } from '../../src/core/snapshot/namespace-facts.ts';
import type { RouteAnswer, RouteQuery } from '../../src/core/trace/lookup.ts';
import { lookupRoute } from '../../src/core/trace/route-lookup.ts';
import { resolveOutput } from '../../src/core/trace/route-output.ts';
import { selectSource } from '../../src/core/trace/source-address.ts';
import { classifyInput } from '../../src/core/trace/source-validation.ts';
import type { KernelAnswer, KernelRow } from './routing-kernel.ts';
import type { Question } from './routing-queries.ts';

type Found = Extract<RouteAnswer, { kind: 'route' }>;

/** What waylaid expects `ip route get` to say. */
type Expected =
  | { readonly kind: 'route'; readonly route: Found; readonly isInput: boolean }
  | { readonly kind: 'on-link'; readonly link: string; readonly source: Address | undefined }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'this-host' }
  | { readonly kind: 'error'; readonly texts: readonly string[]; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

export function compareAnswer(namespace: Namespace, question: Question, kernel: KernelAnswer): string {
  const expected = expectAnswer(namespace, question.query);
  if (expected.kind === 'unknown') return `unknown: ${expected.why}`;
  if (kernel.kind === 'error') return compareError(expected, kernel.text, question);
  if (expected.kind === 'error') return `expected the error ${expected.texts.join(' or ')} (${expected.why})`;
  if (expected.kind === 'broadcast') return expectType(kernel.row, 'broadcast');
  if (expected.kind === 'this-host') return expectType(kernel.row, 'local');
  if (expected.kind === 'on-link') return compareOnLink(expected, kernel.row, question.query);
  return question.isFibMatch
    ? compareFibEntry(namespace, expected.route, kernel.row)
    : compareRoute(namespace, question.query, expected, kernel.row);
}

function expectAnswer(namespace: Namespace, query: RouteQuery): Expected {
  if (query.inputLink !== undefined) {
    return query.to.includes(':') ? expectLookup(namespace, query) : expectInput(namespace, query);
  }
  const answer = resolveOutput(namespace, query);
  switch (answer.kind) {
    case 'route':
      return { kind: 'route', route: answer.route, isInput: false };
    case 'on-link':
    case 'this-host':
      return answer;
    case 'failed':
      return expectFailure(answer.answer);
    case 'refused':
      return expectError([refusals[answer.error]], answer.text);
    case 'unknown':
      return { kind: 'unknown', why: answer.question };
  }
}

const errors = {
  netUnreachable: 'RTNETLINK answers: Network is unreachable',
  hostUnreachable: 'RTNETLINK answers: No route to host',
  denied: 'RTNETLINK answers: Permission denied',
  invalid: 'RTNETLINK answers: Invalid argument',
  crossDevice: 'RTNETLINK answers: Invalid cross-device link',
  noDevice: 'RTNETLINK answers: No such device',
} as const;

const refusals = {
  'net-unreachable': errors.netUnreachable,
  'invalid-argument': errors.invalid,
  'no-such-device': errors.noDevice,
} as const;

function expectError(texts: readonly string[], why: string): Expected {
  return { kind: 'error', texts, why };
}

function expectFailure(answer: Exclude<RouteAnswer, Found>): Expected {
  if (answer.kind === 'unknown') return { kind: 'unknown', why: answer.opaque ?? answer.missing?.path ?? '' };
  const text = {
    'net-unreachable': errors.netUnreachable,
    'host-unreachable': errors.hostUnreachable,
    prohibited: errors.denied,
    blackhole: errors.invalid,
  }[answer.error];
  return expectError([text], answer.error);
}

function expectLookup(namespace: Namespace, query: RouteQuery): Expected {
  const answer = lookupRoute(namespace, query);
  return answer.kind === 'route' ? { kind: 'route', route: answer, isInput: true } : expectFailure(answer);
}

function expectInput(namespace: Namespace, query: RouteQuery): Expected {
  const answer = classifyInput(namespace, query);
  switch (answer.kind) {
    case 'local':
    case 'forward':
      return { kind: 'route', route: answer.route, isInput: true };
    case 'broadcast':
      return { kind: 'broadcast' };
    case 'rejected':
      // Linux before 6.14 told a failed reverse path from the rest by EXDEV.
      return expectError([errors.invalid, errors.crossDevice], answer.text);
    case 'not-forwarding':
      return expectError([errors.hostUnreachable], answer.key);
    case 'failed':
      return expectFailure(answer.answer);
    case 'unknown':
      return { kind: 'unknown', why: answer.question };
  }
}

function compareError(expected: Expected, text: string, question: Question): string {
  const known = expected.kind === 'error' ? expected.texts : [];
  if (known.includes(text)) return 'same';
  // `fibmatch` has no entry to print for what no entry decided.
  const hasNoEntry = ['on-link', 'broadcast', 'this-host'].includes(expected.kind);
  if (hasNoEntry && question.isFibMatch && text === errors.hostUnreachable) return 'same';
  return `the kernel says "${text}", expected ${describe(expected)}`;
}

function describe(expected: Expected): string {
  switch (expected.kind) {
    case 'route':
      return keyOf(expected.route.route);
    case 'error':
      return `${expected.texts.join(' or ')} (${expected.why})`;
    case 'on-link':
      return `on-link ${expected.link}`;
    default:
      return expected.kind;
  }
}

function expectType(row: KernelRow, type: string): string {
  return (row.type ?? 'unicast') === type ? 'same' : `type ${row.type ?? 'unicast'}, expected ${type}`;
}

function compareOnLink(
  expected: Extract<Expected, { kind: 'on-link' }>,
  row: KernelRow,
  query: RouteQuery,
): string {
  if (row.dev !== expected.link) return `device ${row.dev ?? '?'}, expected ${expected.link} on-link`;
  if (query.from !== undefined) return 'same';
  return compareSource(row, expected.source);
}

function compareSource(row: KernelRow, expected: Address | undefined): string {
  const printed = row.prefsrc === undefined ? undefined : parseAddress(row.prefsrc);
  return printed === expected ? 'same' : `source ${printed ?? 'none'}, expected ${expected ?? 'none'}`;
}

function compareRoute(
  namespace: Namespace,
  query: RouteQuery,
  expected: Extract<Expected, { kind: 'route' }>,
  row: KernelRow,
): string {
  const { route } = expected.route;
  const isSix = route.family === 6;
  const type = expectType(row, expectedType(query, route));
  if (type !== 'same') return `${type} (${keyOf(route)})`;
  if (!isSameTable(namespace, route, row)) return `table ${row.table ?? 'main'}, expected ${keyOf(route)}`;
  if (isSix && (row.metric ?? 0) !== route.metric)
    return `metric ${row.metric ?? 0}, expected ${keyOf(route)}`;
  const nexthop = pickNexthop(expected.route, row, query.to === '255.255.255.255');
  if (nexthop === undefined) return describeWay(expected.route, row);
  if (isSix) return compareSource(row, expectedSource6(namespace, query, expected, nexthop));
  if (expected.isInput || query.from !== undefined) return 'same';
  const source = selectSource(namespace, expected.route, query, nexthop);
  if (source === undefined && route.nexthopId !== undefined) return 'unknown: the source of a nexthop object';
  return compareSource(row, source);
}

/** The kernel decides when a route is added whether its gateway is used, and shows it only in `route get`. */
function describeWay(found: Found, row: KernelRow): string {
  const { family, nexthops } = found.route;
  const leg = nexthops.find(({ link, gateway }) => link === row.dev && gateway !== undefined);
  const printed = parsed(row.gateway);
  const isGatewayOnly = printed === undefined || printed === leg?.gateway;
  if (family === 4 && leg !== undefined && isGatewayOnly && !leg.flags.includes('onlink')) {
    return 'unknown: whether the gateway was an own address when the route was added';
  }
  return `via ${row.gateway ?? '-'} dev ${row.dev ?? '-'}, expected ${keyOf(found.route)}`;
}

/** While local and main are one table, the kernel says main for both. */
function isSameTable(namespace: Namespace, route: RouteFact, row: KernelRow): boolean {
  if (route.family === 4 && hasOnlyDefaultRules(namespace.facts)) return true;
  return (row.table ?? 'main') === route.table;
}

/** A sender's limited broadcast and multicast show as such, whatever route leads there. */
function expectedType(query: RouteQuery, route: RouteFact): string {
  if (query.inputLink !== undefined || query.to.includes(':')) return route.type;
  if (query.to === '255.255.255.255') return 'broadcast';
  if (route.type === 'local') return route.type;
  return Number(query.to.split('.')[0]) >>> 4 === 14 ? 'multicast' : route.type;
}

/** The kernel prints a source for senders only, and for every packet that takes a route with a preferred one. */
function expectedSource6(
  namespace: Namespace,
  query: RouteQuery,
  expected: Extract<Expected, { kind: 'route' }>,
  nexthop: NexthopFact,
): Address | undefined {
  if (expected.isInput) return expected.route.route.preferredSource;
  const unbound: RouteQuery = { to: query.to, mark: 0, tos: 0, ipProtocol: 0 };
  return selectSource(namespace, expected.route, unbound, nexthop);
}

/** A limited broadcast goes to the device's link, not to the route's gateway. */
function pickNexthop(found: Found, row: KernelRow, isBroadcast: boolean): NexthopFact | undefined {
  const { route, nexthops } = found;
  const gateway = row.gateway ?? row.via?.host;
  const isOwn = route.type === 'local' || route.type === 'anycast';
  if (isOwn && row.dev === 'lo') return nexthops[0] ?? { link: 'lo', weight: 1, flags: [] };
  return nexthops.find(
    (nexthop) => nexthop.link === row.dev && (isBroadcast || nexthop.gateway === parsed(gateway)),
  );
}

function parsed(text: string | undefined): Address | undefined {
  return text === undefined ? undefined : parseAddress(text);
}

function compareFibEntry(namespace: Namespace, found: Found, row: KernelRow): string {
  const expected = keyOf(found.route);
  const isMerged = found.route.family === 4 && hasOnlyDefaultRules(namespace.facts);
  const printed = keyOfRow(row, found.route, isMerged ? found.route.table : undefined);
  return printed === expected ? 'same' : `entry ${printed}, expected ${expected}`;
}

function keyOf(route: RouteFact): string {
  const legs = route.nexthops.map((nexthop) => `${nexthop.gateway ?? '-'} ${nexthop.link ?? '-'}`).sort();
  return joinKey([
    route.type,
    formatPrefix(route.destination),
    route.from === undefined ? '' : `from ${formatPrefix(route.from)}`,
    `table ${route.table}`,
    `metric ${route.metric}`,
    `tos ${route.tos}`,
    `src ${route.preferredSource ?? '-'}`,
    legs.join(','),
  ]);
}

function joinKey(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function keyOfRow(row: KernelRow, like: RouteFact, table: string | undefined): string {
  const whole = like.family === 4 ? '0.0.0.0/0' : '::/0';
  const toText = (text: string): string => {
    const prefix = parsePrefix(text === 'default' ? whole : text);
    return prefix === undefined ? text : formatPrefix(prefix);
  };
  const legs = (row.nexthops ?? [row]).map(
    (leg) => `${parsed(leg.gateway ?? leg.via?.host) ?? '-'} ${leg.dev ?? '-'}`,
  );
  return joinKey([
    row.type ?? 'unicast',
    toText(row.dst),
    row.from === undefined ? '' : `from ${toText(row.from)}`,
    `table ${table ?? row.table ?? 'main'}`,
    `metric ${row.metric ?? 0}`,
    `tos ${Number(row.tos ?? 0)}`,
    `src ${parsed(row.prefsrc) ?? '-'}`,
    legs.sort().join(','),
  ]);
}
