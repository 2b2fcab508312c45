// A local sender: rule and route lookup, choice of the source address, translation in OUTPUT (which routes again, with
// the source kept), masquerade, and out. Order: Linux 6.12 ip_route_output_key_hash_rcu, then the OUTPUT and POSTROUTING
// hooks.
import { lookupRoute } from './route-lookup.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';
import { addErrorHop, addRouteHops, refusalOf } from './route-hops.ts';
import { selectSource6 } from './ipv6-source.ts';
import { resolveConnect, resolveOutput } from './route-output.ts';
import type { OutputAnswer } from './route-output.ts';
import { selectSource4 } from './source-address.ts';
import { findMasquerade, masquerade, restoreSource, serviceEvidence, translateService } from './translate.ts';
import type { ServiceAnswer } from './translate.ts';
import { addHop, endLost, endUnknown, ipProtocolOf, namespaceAt, withPacket } from './walk.ts';
import type { Stage, Step, WalkState } from './walk.ts';
import type { Packet } from './flow.ts';
import type { Namespace, Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';

export type Send = Extract<Stage, { kind: 'send' }>;

type Found = Extract<RouteAnswer, { kind: 'route' }>;

export function sendPacket(network: Network, state: WalkState, stage: Send): readonly Step[] {
  const namespace = namespaceAt(network, stage.namespace);
  const query = outputQuery(state, stage);
  const answer = stage.isBound ? resolveOutput(namespace, query) : resolveConnect(namespace, query);
  if (answer.kind !== 'route') return [endWithoutRoute(state, namespace, answer)];
  const source = stage.isBound ? state.packet.source : answer.source;
  if (source === undefined) {
    return [
      endUnknown(state, namespace.id, `which source address does ${namespace.id} use for ${query.to}?`),
    ];
  }
  const sourced = withPacket(state, { source });
  const translated = translateService(network, namespace, sourced);
  if (translated.kind === 'none') return leave(network, sourced, { namespace, answer: answer.route });
  return sendTranslated(network, sourced, { namespace, answer: answer.route, translated });
}

function endWithoutRoute(
  state: WalkState,
  namespace: Namespace,
  answer: Exclude<OutputAnswer, { kind: 'route' }>,
): Step {
  switch (answer.kind) {
    case 'failed':
      return endForAnswer(state, namespace, answer.answer);
    case 'unknown':
      return endUnknown(state, namespace.id, answer.question, answer.missing);
    case 'refused':
      return endRefusedSend(state, namespace, answer.text);
    case 'this-host':
      return { state, stage: { kind: 'deliver', namespace: namespace.id } };
    case 'on-link':
      return sendOnLink(state, namespace, { ...answer, source: answer.source ?? state.packet.source });
  }
}

function endRefusedSend(state: WalkState, namespace: Namespace, text: string): Step {
  const hop = addHop(state, namespace.id, { step: 'send', did: text });
  const disposition = { kind: 'refused', by: namespace.id, why: 'net-unreachable' } as const;
  return { state: hop, stage: { kind: 'end', disposition } };
}

/** A socket bound to a device that no route leads to asks for the destination right there. */
function sendOnLink(
  state: WalkState,
  namespace: Namespace,
  way: { readonly link: string; readonly source: Address },
): Step {
  const sourced = withPacket(state, { source: way.source });
  const fact = namespace.linksByName.get(way.link);
  const hop = addHop(sourced, namespace.id, {
    step: 'route',
    did: `no route by ${way.link}, to which the sender is bound: ${state.packet.destination} is asked for there`,
    because: fact === undefined ? [] : [fact.evidence],
    link: way.link,
  });
  const nexthop = state.packet.destination;
  return { state: hop, stage: { kind: 'transmit', namespace: namespace.id, link: way.link, nexthop } };
}

function outputQuery(state: WalkState, stage: Send): RouteQuery {
  const { packet } = state;
  return {
    to: packet.destination,
    ...(stage.isBound ? { from: packet.source } : {}),
    mark: packet.mark,
    ...(stage.outputLink === undefined ? {} : { outputLink: stage.outputLink }),
    tos: 0,
    ipProtocol: ipProtocolOf(packet),
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
    uid: 0,
  };
}

export function endForAnswer(
  state: WalkState,
  namespace: Namespace,
  answer: Exclude<RouteAnswer, Found>,
): Step {
  if (answer.kind === 'unknown') {
    const about = answer.opaque ?? `the routing of ${namespace.id} for ${state.packet.destination}`;
    return endUnknown(state, namespace.id, about, answer.missing);
  }
  const hop = addErrorHop(state, namespace.id, answer);
  if (answer.error === 'blackhole') return endLost(hop, namespace.id, 'blackhole');
  const why = refusalOf(answer.error);
  return { state: hop, stage: { kind: 'end', disposition: { kind: 'refused', by: namespace.id, why } } };
}

interface Translating {
  readonly namespace: Namespace;
  readonly answer: Found;
  readonly translated: Exclude<ServiceAnswer, { kind: 'none' }>;
}

function sendTranslated(network: Network, state: WalkState, about: Translating): readonly Step[] {
  const { namespace, translated } = about;
  const hop = about.answer.nexthops[0];
  const routed = hop === undefined ? state : addRouteHops(state, namespace.id, about.answer, hop);
  if (translated.kind !== 'translated') return [endForService(routed, namespace, translated)];
  return translated.states.flatMap((choice) => {
    const text = addServiceHop({ ...choice.state, hops: routed.hops }, namespace, state.packet);
    const stage: Send = { kind: 'send', namespace: namespace.id, isBound: true };
    const answer = lookupRoute(namespace, outputQuery(text, stage));
    if (answer.kind !== 'route') return [endForAnswer(text, namespace, answer)];
    return leave(network, text, { namespace, answer });
  });
}

export function addServiceHop(state: WalkState, namespace: Namespace, before: Packet): WalkState {
  const { packet } = state;
  return addHop(state, namespace.id, {
    step: 'nat',
    did: `Service ${before.destination}:${before.destinationPort} → endpoint ${packet.destination}:${packet.destinationPort}`,
    assumes: 'kube-proxy programmed the Service as its objects say (its chains are not evaluated)',
  });
}

export function endForService(
  state: WalkState,
  namespace: Namespace,
  answer: Extract<ServiceAnswer, { kind: 'no-endpoints' | 'unknown' }>,
): Step {
  const evidence = serviceEvidence(answer.entry);
  if (answer.kind === 'unknown') {
    return endUnknown(state, namespace.id, `which endpoints has ${answer.entry.service}?`);
  }
  const did = `${answer.entry.service} has no ready endpoint: refused`;
  const hop = addHop(state, namespace.id, { step: 'nat', did, because: evidence });
  return {
    state: hop,
    stage: { kind: 'end', disposition: { kind: 'refused', by: namespace.id, why: 'no-endpoints' } },
  };
}

/** POSTROUTING and the device, for each nexthop the kernel could pick. */
function leave(
  network: Network,
  state: WalkState,
  about: { readonly namespace: Namespace; readonly answer: Found },
): readonly Step[] {
  const { namespace, answer } = about;
  if (answer.route.type === 'local') {
    const hop = answer.nexthops[0] ?? { link: 'lo', weight: 1, flags: [] };
    return [
      {
        state: addRouteHops(state, namespace.id, answer, hop),
        stage: { kind: 'deliver', namespace: namespace.id },
      },
    ];
  }
  if (answer.route.type !== 'unicast') {
    return [endUnknown(state, namespace.id, `${answer.route.type} traffic is not followed`)];
  }
  return answer.nexthops.map((hop) => {
    const routed = addRouteHops(state, namespace.id, answer, hop);
    return postroute(network, routed, { namespace, outputLink: hop.link ?? '?', gateway: hop.gateway });
  });
}

export interface Postroute {
  readonly namespace: Namespace;
  readonly outputLink: string;
  readonly gateway: Address | undefined;
  readonly inputLink?: string;
}

/** What the last hook does, and the hand-over to the device. */
export function postroute(network: Network, state: WalkState, way: Postroute): Step {
  const { namespace, outputLink, gateway } = way;
  const restored = restoreSource(namespace, state);
  const input = way.inputLink === undefined ? {} : { inputLink: way.inputLink };
  const why = findMasquerade(network, namespace, { state: restored, ...input, outputLink });
  const { addresses } = namespace.facts;
  if (why !== undefined && !addresses.known) {
    const question = `which address does ${namespace.id} put in place of ${restored.packet.source}?`;
    return endUnknown(restored, namespace.id, question, addresses);
  }
  const left = why === undefined ? restored : applyMasquerade(restored, way, why);
  return {
    state: left,
    stage: {
      kind: 'transmit',
      namespace: namespace.id,
      link: outputLink,
      nexthop: gateway ?? left.packet.destination,
    },
  };
}

function applyMasquerade(state: WalkState, way: Postroute, why: string): WalkState {
  const { namespace, outputLink, gateway } = way;
  const source = selectMasquerade(namespace, outputLink, gateway, state.packet.destination);
  if (source === undefined || source === state.packet.source)
    return { ...state, isMarkedForMasquerade: false };
  const rewritten = masquerade(state, namespace, source);
  return addHop(rewritten, namespace.id, {
    step: 'nat',
    did: `source ${state.packet.source} becomes ${source}: ${why}`,
    assumes: 'the chains are as their programs write them (they are not evaluated)',
  });
}

/**
 * MASQUERADE ignores the route's preferred source (measured, Linux 6.18): it takes what the device offers for the next hop,
 * and another device's address where this one has none (Linux 6.12, nf_nat_masquerade.c).
 */
function selectMasquerade(
  namespace: Namespace,
  link: string,
  gateway: Address | undefined,
  to: Address,
): Address | undefined {
  return familyOf(to) === 6
    ? selectSource6(namespace, link, to)
    : selectSource4(namespace, { link, gateway: gateway ?? to, scope: 0 });
}
