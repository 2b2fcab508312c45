// What a namespace makes of a packet that comes in by one of its devices, before any filter: deliver, forward, refuse.
// In: a namespace and a query with its input device. Out: an InputAnswer, with the setting or route that decided where the
// packet is dropped. The order is ip_route_input_slow's for IPv4 and ip6_rcv_core's and ip6_forward's for IPv6 (Linux
// 6.12). A setting that was not collected makes the answer unknown only where its value would change it.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import { familyOf, ipv4Value, wordsOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import {
  findDeviceSetting,
  findLargerOfAllAndDevice,
  isOnForAllAndDevice,
  isOnForAllOrDevice,
} from '../model/device-settings.ts';
import type { FoundSetting } from '../model/device-settings.ts';
import type { Namespace } from '../model/network.ts';
import type { SysctlFact } from '../snapshot/namespace-facts.ts';
import { answerOnce } from './answer-once.ts';
import type { Element } from './flow.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';
import { checkReversePath } from './reverse-path.ts';
import type { SourceVerdict } from './reverse-path.ts';
import { lookupRoute } from './route-lookup.ts';

type Found = Extract<RouteAnswer, { kind: 'route' }>;

export type InputAnswer =
  | { readonly kind: 'local'; readonly route: Found }
  | { readonly kind: 'broadcast' }
  | { readonly kind: 'forward'; readonly route: Found }
  /** Dropped because of its addresses; nobody is told. */
  | {
      readonly kind: 'rejected';
      readonly reason:
        'own-address' | 'not-unicast' | 'reverse-path' | 'martian-source' | 'martian-destination';
      readonly text: string;
      readonly evidence: readonly Evidence[];
      readonly elements: readonly Element[];
    }
  /** Dropped because the device (IPv6: the namespace) does not forward; nobody is told. */
  | { readonly kind: 'not-forwarding'; readonly key: string; readonly sysctl: SysctlFact }
  | { readonly kind: 'failed'; readonly answer: Exclude<RouteAnswer, Found> }
  | { readonly kind: 'unknown'; readonly question: string; readonly missing?: Missing };

export const classifyInput = answerOnce((namespace, query): InputAnswer =>
  familyOf(query.to) === 4 ? classify4(namespace, query) : classify6(namespace, query),
);

function classify4(namespace: Namespace, query: RouteQuery): InputAnswer {
  const to = ipv4Value(query.to);
  if (to >>> 28 === 14) return { kind: 'broadcast' };
  const martian = findMartian(namespace, query);
  if (martian !== undefined) return martian;
  const from = query.from === undefined ? 0 : ipv4Value(query.from);
  if (to === 0xffffffff || (to === 0 && from === 0)) return acceptBroadcast(namespace, query);
  const answer = lookupRoute(namespace, query);
  if (answer.kind === 'route' && answer.route.type === 'local') return deliver(namespace, query, answer);
  if (answer.kind === 'route' && answer.route.type === 'broadcast') {
    return acceptDirectedBroadcast(namespace, query, answer);
  }
  if (answer.kind === 'unknown') return { kind: 'failed', answer };
  const link = query.inputLink ?? '';
  const stop = requireForwarding(findDeviceSetting(namespace.facts, 4, link, 'forwarding'));
  if (stop !== undefined) return stop;
  if (answer.kind === 'error') return { kind: 'failed', answer };
  if (answer.route.type !== 'unicast') {
    return reject('martian-destination', `${query.to} is not an address that packets are forwarded to`);
  }
  return forward4(namespace, query, answer);
}

/** Addresses that no lookup is made for. Loopback addresses are let in where route_localnet is on. */
function findMartian(namespace: Namespace, query: RouteQuery): InputAnswer | undefined {
  const to = ipv4Value(query.to);
  const from = query.from === undefined ? 0 : ipv4Value(query.from);
  if (from >>> 28 === 14 || from === 0xffffffff) return rejectSource(query, 'is not an address of a sender');
  if (to === 0xffffffff || (to === 0 && from === 0)) return undefined;
  if (from === 0) return rejectSource(query, 'is not an address of a sender');
  if (to === 0) return reject('martian-destination', `${query.to} is no destination`);
  const isLoopbackTo = to >>> 24 === 127;
  if (!isLoopbackTo && from >>> 24 !== 127) return undefined;
  const link = query.inputLink ?? '';
  const localnet = isOnForAllOrDevice(namespace.facts, 4, link, 'route_localnet');
  if (!localnet.known)
    return { kind: 'unknown', question: `the route_localnet of ${link}`, missing: localnet };
  if (localnet.value) return undefined;
  if (isLoopbackTo) return reject('martian-destination', `${query.to} came in by ${link}, not by loopback`);
  return rejectSource(query, `came in by ${link}, not by loopback`);
}

function rejectSource(query: RouteQuery, why: string): InputAnswer {
  return reject('martian-source', `the source ${query.from ?? 'that is missing'} ${why}`);
}

function reject(
  reason: 'martian-source' | 'martian-destination',
  text: string,
): Extract<InputAnswer, { kind: 'rejected' }> {
  return { kind: 'rejected', reason, text, evidence: [], elements: [] };
}

function acceptBroadcast(namespace: Namespace, query: RouteQuery): InputAnswer {
  if (query.from === undefined || ipv4Value(query.from) === 0) return { kind: 'broadcast' };
  // The kernel asks for the way back from address 0 here.
  const asked = { ...query, to: '0.0.0.0' as Address };
  return toAnswer(namespace, query, checkReversePath(namespace, asked, undefined)) ?? { kind: 'broadcast' };
}

/** With bc_forwarding the broadcast is for the out device's link, and the source is checked as for a forwarded packet. */
function acceptDirectedBroadcast(namespace: Namespace, query: RouteQuery, route: Found): InputAnswer {
  const link = query.inputLink ?? '';
  const forwards = isOnForAllAndDevice(namespace.facts, 4, link, 'bc_forwarding');
  const stay = acceptBroadcast(namespace, query);
  if (forwards.known && !forwards.value) return stay;
  const sent = forward4(namespace, query, route);
  const leave: InputAnswer = sent.kind === 'forward' ? { kind: 'broadcast' } : sent;
  if (forwards.known || leave.kind === stay.kind) return leave;
  return { kind: 'unknown', question: `the bc_forwarding of ${link}`, missing: forwards };
}

function deliver(namespace: Namespace, query: RouteQuery, route: Found): InputAnswer {
  const verdict = checkReversePath(namespace, query, undefined);
  return toAnswer(namespace, query, verdict) ?? { kind: 'local', route };
}

/** The source is checked for the nexthop that the kernel picks; where they differ, so would the outcome. */
function forward4(namespace: Namespace, query: RouteQuery, route: Found): InputAnswer {
  const links = [...new Set(route.nexthops.map((nexthop) => nexthop.link))];
  const answers = links.map((link) => toAnswer(namespace, query, checkReversePath(namespace, query, link)));
  const refusals = answers.filter((answer) => answer !== undefined);
  const [first] = refusals;
  if (first === undefined) return { kind: 'forward', route };
  // A refusal on one way says nothing while another way's check is not known.
  const open = refusals.find((answer) => answer.kind === 'unknown');
  if (open !== undefined) return open;
  if (refusals.length === answers.length) return first;
  return { kind: 'unknown', question: `the nexthop the kernel picks by a hash, for ${query.to}` };
}

function requireForwarding(setting: ReturnType<typeof findDeviceSetting>): InputAnswer | undefined {
  if (!setting.known) return { kind: 'unknown', question: 'whether it forwards', missing: setting };
  if (setting.value.value !== 0) return undefined;
  return { kind: 'not-forwarding', key: setting.value.key, sysctl: setting.value.fact };
}

function toAnswer(
  namespace: Namespace,
  query: RouteQuery,
  verdict: SourceVerdict,
): Exclude<InputAnswer, { kind: 'forward' }> | undefined {
  switch (verdict.kind) {
    case 'accepted':
      return undefined;
    case 'unknown':
      return verdict;
    case 'rejected':
      return explainRejection(namespace, query, verdict);
  }
}

function explainRejection(
  namespace: Namespace,
  query: RouteQuery,
  verdict: Extract<SourceVerdict, { kind: 'rejected' }>,
): Exclude<InputAnswer, { kind: 'forward' }> {
  const link = query.inputLink ?? '';
  const name = verdict.reason === 'own-address' ? 'accept_local' : 'rp_filter';
  const setting = findLargerOfAllAndDevice(namespace.facts, 4, link, name);
  const elements: Element[] = [];
  if (setting.known && verdict.reason !== 'not-unicast') {
    elements.push(sysctlElement(namespace, setting.value));
  }
  const reverse = verdict.reverse;
  if (reverse !== undefined && reverse.kind !== 'unknown') {
    if (reverse.route !== undefined)
      elements.push({ kind: 'route', namespace: namespace.id, route: reverse.route });
    if (reverse.rule !== undefined)
      elements.push({ kind: 'rule', namespace: namespace.id, rule: reverse.rule });
  }
  const text = describeRejection(query, verdict, setting.known ? setting.value : undefined);
  return {
    kind: 'rejected',
    reason: verdict.reason,
    text,
    evidence: elements.flatMap((element) => evidenceOf(element)),
    elements,
  };
}

function sysctlElement(namespace: Namespace, setting: FoundSetting): Element {
  const { key, fact } = setting;
  return { kind: 'sysctl', namespace: namespace.id, key, value: fact.value, evidence: fact.evidence };
}

function evidenceOf(element: Element): readonly Evidence[] {
  switch (element.kind) {
    case 'sysctl':
      return [element.evidence];
    case 'route':
      return [element.route.evidence];
    case 'rule':
      return [element.rule.evidence];
    default:
      return [];
  }
}

function describeRejection(
  query: RouteQuery,
  verdict: Extract<SourceVerdict, { kind: 'rejected' }>,
  setting: FoundSetting | undefined,
): string {
  const link = query.inputLink ?? 'its device';
  const from = query.from ?? 'its source';
  if (verdict.reason === 'own-address') {
    return `${from} is an address of this namespace itself, and accept_local is off for ${link}`;
  }
  if (verdict.reason === 'not-unicast') return `${from} is a broadcast or multicast address here, no sender`;
  const decided = setting === undefined ? 'rp_filter' : `${setting.key} = ${setting.fact.value}`;
  const reverse = verdict.reverse;
  if (reverse?.kind !== 'route') return `${decided}: there is no route back to ${from}`;
  const ways = reverse.nexthops.map((nexthop) => nexthop.link ?? 'nowhere').join(', ');
  return `${decided}: the way back to ${from} leaves by ${ways}, not by ${link}`;
}

function classify6(namespace: Namespace, query: RouteQuery): InputAnswer {
  const martian = findMartian6(namespace, query);
  if (martian !== undefined) return martian;
  if (wordsOf(query.to)[0] >>> 24 === 0xff) return { kind: 'broadcast' };
  const answer = lookupRoute(namespace, query);
  if (answer.kind !== 'route') return { kind: 'failed', answer };
  const { type } = answer.route;
  if (type === 'local' || type === 'anycast') return { kind: 'local', route: answer };
  const stop = requireForwarding6(namespace, query);
  if (stop !== undefined) return stop;
  if (type !== 'unicast') {
    return reject('martian-destination', `${query.to} is not an address that packets are forwarded to`);
  }
  if (query.from === undefined || isForwardable(query.from)) return { kind: 'forward', route: answer };
  return rejectSource(query, 'means something only on its own link');
}

/** Sources and destinations that are dropped before any lookup (ip6_rcv_core). */
function findMartian6(namespace: Namespace, query: RouteQuery): InputAnswer | undefined {
  if (query.from !== undefined && wordsOf(query.from)[0] >>> 24 === 0xff) {
    return rejectSource(query, 'is a multicast address');
  }
  if (namespace.linksByName.get(query.inputLink ?? '')?.kind === 'loopback') return undefined;
  if (query.from === '::1') return rejectSource(query, 'did not come in by loopback');
  return query.to === '::1' ? reject('martian-destination', '::1 did not come in by loopback') : undefined;
}

function isForwardable(from: Address): boolean {
  return from !== '::' && wordsOf(from)[0] >>> 22 !== 0xfe80 >>> 6;
}

/** The switch is the namespace's; Linux 6.17 and newer also have force_forwarding for each device. */
function requireForwarding6(namespace: Namespace, query: RouteQuery): InputAnswer | undefined {
  const forced = findDeviceSetting(namespace.facts, 6, query.inputLink ?? '', 'force_forwarding');
  if (forced.known && forced.value.value !== 0) return undefined;
  return requireForwarding(findDeviceSetting(namespace.facts, 6, 'all', 'forwarding'));
}
