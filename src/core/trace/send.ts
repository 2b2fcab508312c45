// A local sender: rule and route lookup, choice of the source address, OUTPUT (what is translated or marked there may be
// routed again, with the source kept), POSTROUTING, and out. Order: Linux 6.12 ip_route_output_key_hash_rcu, then the OUTPUT and POSTROUTING
// hooks.
import { passServices, rememberTranslation } from './cross-datapath.ts';
import type { DatapathResult } from './cross-datapath.ts';
import type { Packet } from './flow.ts';
import { lookupRoute } from './route-lookup.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';
import { addErrorHop, addRouteHops, refusalOf } from './route-hops.ts';
import { resolveAgain, resolveConnect, resolveOutput } from './route-output.ts';
import type { OutputAnswer } from './route-output.ts';
import { endTooBig, findSizeLimit, isTooBig } from './packet-size.ts';
import { passHook } from './pass-hook.ts';
import type { HookResult, PassingPlace } from './pass-hook.ts';
import { withConnection } from './track-packet.ts';
import { addHop, endLost, endUnknown, ipProtocolOf, namespaceAt, withPacket } from './walk.ts';
import type { Stage, Step, WalkState } from './walk.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import type { NexthopFact } from '../snapshot/namespace-facts.ts';

export type Send = Extract<Stage, { kind: 'send' }>;

type Found = Extract<RouteAnswer, { kind: 'route' }>;

export function sendPacket(network: Network, state: WalkState, stage: Send): readonly Step[] {
  const namespace = namespaceAt(network, stage.namespace);
  const connecting = passServices(network, namespace, state, { kind: 'connect' });
  if (connecting === undefined) return sendFrom(network, state, { namespace, stage });
  return connecting.flatMap((result) =>
    result.kind === 'ended'
      ? [result.step]
      : sendFrom(network, result.state, { namespace, stage, asked: state.packet }),
  );
}

interface Sending {
  readonly namespace: Namespace;
  readonly stage: Send;
  /** Where a program at the socket changed the destination: the packet as it was asked for. */
  readonly asked?: Packet;
}

function sendFrom(network: Network, state: WalkState, sending: Sending): readonly Step[] {
  const { namespace, stage, asked } = sending;
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
  const kept = asked === undefined ? sourced : rememberTranslation(namespace, asked, sourced);
  return sendRouted(network, kept, { namespace, answer: answer.route });
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

interface Routed {
  readonly namespace: Namespace;
  readonly answer: Found;
  readonly hop: NexthopFact;
}

/** OUTPUT for each nexthop the kernel could pick, and what is changed there is routed again, with the source kept. */
function sendRouted(
  network: Network,
  state: WalkState,
  about: { readonly namespace: Namespace; readonly answer: Found },
): readonly Step[] {
  const { namespace, answer } = about;
  return listWays(answer).flatMap((hop) => {
    const routed = fitOwnRoute(addRouteHops(state, namespace.id, answer, hop), about, hop);
    const narrow = namespace.linksByName.get(hop.link ?? '');
    const limit = findSizeLimit(namespace, answer.route, hop);
    if (state.depth > 0 && narrow !== undefined && isTooBig(routed, limit)) {
      return [endTooBig(routed, { namespace, link: narrow, mtuBytes: limit, isSilent: false })];
    }
    const place = { network, namespace, hook: 'output' as const, outputLink: hop.link ?? 'lo' };
    return passHook(routed, place).flatMap((result) => {
      if (result.kind === 'ended') return [result.step];
      if (result.isRerouted) return sendAgain(network, result.state, namespace, result.routedMark);
      const virtual = passServices(network, namespace, result.state, { kind: 'output' });
      if (virtual !== undefined) return sendTranslated(network, namespace, virtual);
      return leave(network, result.state, { namespace, answer, hop });
    });
  });
}

/** A program's packets are made to fit the route they leave by; only a tunnel's are as large as what it carries. */
function fitOwnRoute(
  state: WalkState,
  { namespace, answer }: { readonly namespace: Namespace; readonly answer: Found },
  hop: NexthopFact,
): WalkState {
  const limit = findSizeLimit(namespace, answer.route, hop);
  return state.depth === 0 && isTooBig(state, limit) ? withPacket(state, { sizeBytes: limit }) : state;
}

function listWays(answer: Found): readonly NexthopFact[] {
  if (answer.route.type !== 'local') return answer.nexthops;
  return [{ link: 'lo', weight: 1, flags: [] }];
}

function sendAgain(
  network: Network,
  state: WalkState,
  namespace: Namespace,
  routedMark = state.packet.mark,
): readonly Step[] {
  const query = outputQuery(state, { kind: 'send', namespace: namespace.id, isBound: true });
  const again = resolveAgain(namespace, { ...query, mark: routedMark });
  if (again.kind !== 'route') return [endWithoutRoute(state, namespace, again)];
  const answer = again.route;
  return listWays(answer).flatMap((hop) =>
    leave(network, addRouteHops(state, namespace.id, answer, hop), { namespace, answer, hop }),
  );
}

/**
 * What IPVS gives another destination is routed as the machine's own, without a source, a mark or ports, and goes through
 * OUTPUT (Linux 6.12 net/netfilter/ipvs/ip_vs_xmit.c: do_output_route4, ip_vs_nat_send_or_cont).
 */
export function sendTranslated(
  network: Network,
  namespace: Namespace,
  results: readonly DatapathResult[],
): readonly Step[] {
  return results.flatMap((result) => {
    if (result.kind === 'ended') return [result.step];
    const { state } = result;
    const query = { to: state.packet.destination, mark: 0, tos: 0, uid: 0, ipProtocol: 0 };
    const answer = lookupRoute(namespace, { ...query, sourcePort: 0, destinationPort: 0 });
    if (answer.kind !== 'route') return [endForAnswer(state, namespace, answer)];
    return listWays(answer).flatMap((hop) => {
      const routed = addRouteHops(state, namespace.id, answer, hop);
      const place = { network, namespace, hook: 'output' as const, outputLink: hop.link ?? 'lo' };
      return passHook(routed, place).flatMap((passed) =>
        passed.kind === 'ended' ? [passed.step] : leave(network, passed.state, { namespace, answer, hop }),
      );
    });
  });
}

function leave(network: Network, state: WalkState, about: Routed): readonly Step[] {
  const { namespace, answer, hop } = about;
  if (answer.route.type === 'local') return loopBack(network, state, namespace);
  if (answer.route.type !== 'unicast') {
    return [endUnknown(state, namespace.id, `${answer.route.type} traffic is not followed`)];
  }
  return postroute(network, state, { namespace, outputLink: hop.link ?? '?', gateway: hop.gateway });
}

/** What a machine sends to itself leaves by lo and comes in by it, with its route and its connection kept. */
function loopBack(network: Network, state: WalkState, namespace: Namespace): readonly Step[] {
  const hooks: readonly Omit<PassingPlace, 'network' | 'namespace'>[] = [
    { hook: 'postrouting', outputLink: 'lo' },
    { hook: 'prerouting', inputLink: 'lo' },
    { hook: 'input', inputLink: 'lo' },
  ];
  let results: readonly HookResult[] = [{ kind: 'passed', state, isRerouted: false }];
  for (const hook of hooks) {
    results = results.flatMap((result) =>
      result.kind === 'ended'
        ? [result]
        : passHook(confirm(result.state, hook.hook), { network, namespace, ...hook }),
    );
  }
  return results.map((result) =>
    result.kind === 'ended'
      ? result.step
      : { state: result.state, stage: { kind: 'deliver', namespace: namespace.id } },
  );
}

/** Connection tracking confirms at the end of POSTROUTING what PREROUTING then finds (nf_conntrack_confirm). */
function confirm(state: WalkState, next: PassingPlace['hook']): WalkState {
  const connection = state.tracking?.connection;
  if (next === 'postrouting' || connection === undefined) return state;
  return withConnection(state, { ...connection, isConfirmed: true });
}

export interface Postroute {
  readonly namespace: Namespace;
  readonly outputLink: string;
  readonly gateway: Address | undefined;
  readonly inputLink?: string;
}

/** What the last hook does, and the hand-over to the device. */
export function postroute(network: Network, state: WalkState, way: Postroute): readonly Step[] {
  const { namespace, outputLink, gateway } = way;
  const nexthop = gateway ?? state.packet.destination;
  const place: PassingPlace = {
    network,
    namespace,
    hook: 'postrouting',
    outputLink,
    nexthop,
    ...(way.inputLink === undefined ? {} : { inputLink: way.inputLink }),
  };
  return passHook(state, place).map((result) =>
    result.kind === 'ended'
      ? result.step
      : {
          state: result.state,
          stage: { kind: 'transmit', namespace: namespace.id, link: outputLink, nexthop },
        },
  );
}
