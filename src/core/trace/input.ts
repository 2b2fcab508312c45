// An IP packet comes in by a device: PREROUTING, routing with source validation, and then it is for this namespace
// (INPUT), sent on (FORWARD, POSTROUTING), or dropped. Order: Linux 6.12 ip_rcv, PREROUTING, ip_route_input_slow, FORWARD, POSTROUTING.
import { classifyInput } from './source-validation.ts';
import type { InputAnswer } from './source-validation.ts';
import type { RouteQuery } from './lookup.ts';
import { carryTranslated } from './bridge-translation.ts';
import { crossDevice, passServices } from './cross-datapath.ts';
import type { DevicePassage } from './cross-datapath.ts';
import { addRouteHops } from './route-hops.ts';
import { endTooBig, findSizeLimit, isTooBig } from './packet-size.ts';
import { passFrame } from './pass-frame.ts';
import { passHook } from './pass-hook.ts';
import type { HookResult, PassingPlace } from './pass-hook.ts';
import { endForAnswer, postroute, sendTranslated } from './send.ts';
import { addHop, endLost, endUnknown, ipProtocolOf, namespaceAt, withPacket } from './walk.ts';
import type { Stage, Step, WalkState } from './walk.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';

export type Input = Extract<Stage, { kind: 'input' }>;

export function receivePacket(network: Network, state: WalkState, stage: Input): readonly Step[] {
  const namespace = namespaceAt(network, stage.namespace);
  const place = `${stage.namespace} ${stage.link} ${state.packet.source} ${state.packet.destination}`;
  if (state.visited.has(place)) return [endLost(state, stage.namespace, 'loop')];
  // What a bridge ran PREROUTING for keeps the mark it got there.
  const arrived = stage.beforeBridge === undefined ? withPacket(state, { mark: 0 }) : state;
  const seen = { ...arrived, visited: new Set([...state.visited, place]) };
  return takeFrame(network, seen, { namespace, stage }).flatMap((result) =>
    result.kind === 'ended' ? [result.step] : enterDevice(network, result.state, { namespace, stage }),
  );
}

interface Arrival {
  readonly namespace: Namespace;
  readonly stage: Input;
}

/** The device's own chains, and those of the bridge that hands the frame up. */
function takeFrame(network: Network, state: WalkState, arrival: Arrival): readonly HookResult[] {
  const { namespace, stage } = arrival;
  const isOnBridge = stage.port !== undefined && stage.beforeBridge === undefined;
  return passFrame(state, {
    network,
    namespace,
    hooks: isOnBridge ? ['ingress', 'prerouting', 'input'] : ['ingress'],
    inputLink: stage.port ?? stage.link,
  });
}

function enterDevice(network: Network, seen: WalkState, arrival: Arrival): readonly Step[] {
  const { namespace, stage } = arrival;
  const passage =
    crossDevice(seen, { network, namespace, link: stage.link, direction: 'in' }) ??
    meetServices(network, namespace, seen, stage.link);
  return [
    ...passage.steps,
    ...passage.toKernel.flatMap((next) => enterKernel(network, next, { namespace, stage })),
  ];
}

/** A program on a NIC that passes packets to Services on by itself: where they go from there is not followed. */
function meetServices(network: Network, namespace: Namespace, state: WalkState, link: string): DevicePassage {
  const results = passServices(network, namespace, state, { kind: 'device', link });
  if (results === undefined) return { steps: [], toKernel: [state] };
  const { destination, destinationPort } = state.packet;
  const question = `where do the programs on ${link} of ${namespace.id} send packets for ${destination}:${destinationPort}?`;
  const steps = results.map((result) =>
    result.kind === 'ended' ? result.step : endUnknown(result.state, namespace.id, question),
  );
  return { steps, toKernel: [] };
}

function enterKernel(network: Network, state: WalkState, { namespace, stage }: Arrival): readonly Step[] {
  const entering: WalkState = { ...state, tracking: undefined };
  const at: Place = {
    namespace,
    link: stage.link,
    ...(stage.port === undefined ? {} : { port: stage.port }),
    before: stage.beforeBridge ?? state.packet.destination,
  };
  if (stage.beforeBridge !== undefined) return routeInput(network, state, at);
  return passHook(entering, { network, ...describePlace(at), hook: 'prerouting' }).flatMap((result) =>
    result.kind === 'ended' ? [result.step] : routeInput(network, result.state, at),
  );
}

interface Place {
  readonly namespace: Namespace;
  readonly link: string;
  readonly port?: string;
  /** Where the packet was going before PREROUTING. */
  readonly before: Address;
}

function describePlace(place: Place): Pick<PassingPlace, 'namespace' | 'inputLink' | 'physicalInput'> {
  const { namespace, link, port } = place;
  return { namespace, inputLink: link, ...(port === undefined ? {} : { physicalInput: port }) };
}

function routeInput(network: Network, state: WalkState, place: Place): readonly Step[] {
  const answer = classifyInput(place.namespace, inputQuery(state, place.link));
  if (answer.kind !== 'forward') return endInput(network, state, place, answer);
  const { namespace, link, port, before } = place;
  const arrival = port === undefined ? undefined : { network, namespace, bridge: link, port, before };
  const carried = arrival === undefined ? undefined : carryTranslated(state, arrival, answer.route);
  return carried ?? forward(network, state, place, answer);
}

function endInput(
  network: Network,
  state: WalkState,
  place: Place,
  answer: Exclude<InputAnswer, { kind: 'forward' }>,
): readonly Step[] {
  switch (answer.kind) {
    case 'local':
      return passLocal(network, state, place);
    case 'rejected':
      return [endRejected(state, place, answer)];
    case 'not-forwarding':
      return [endNotForwarding(state, place, answer)];
    case 'broadcast':
      return [endUnknown(state, place.namespace.id, 'broadcast traffic is not followed')];
    case 'failed':
      return [endForAnswer(state, place.namespace, answer.answer)];
    case 'unknown':
      return [endUnknown(state, place.namespace.id, answer.question, answer.missing)];
  }
}

function passLocal(network: Network, state: WalkState, place: Place): readonly Step[] {
  const { namespace } = place;
  return passHook(state, { network, ...describePlace(place), hook: 'input' }).flatMap((result) => {
    if (result.kind === 'ended') return [result.step];
    const virtual = passServices(network, namespace, result.state, { kind: 'input' });
    if (virtual !== undefined) return sendTranslated(network, namespace, virtual);
    return [{ state: result.state, stage: { kind: 'deliver', namespace: namespace.id } }];
  });
}

function inputQuery(state: WalkState, link: string): RouteQuery {
  const { packet } = state;
  return {
    to: packet.destination,
    from: packet.source,
    mark: packet.mark,
    inputLink: link,
    tos: 0,
    ipProtocol: ipProtocolOf(packet),
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
    uid: 0,
  };
}

function forward(
  network: Network,
  state: WalkState,
  place: Place,
  answer: Extract<InputAnswer, { kind: 'forward' }>,
): readonly Step[] {
  const { namespace, link } = place;
  if (state.packet.ttl <= 1) return [endLost(state, namespace.id, 'loop')];
  const aged = withPacket(state, { ttl: state.packet.ttl - 1 });
  return answer.route.nexthops.flatMap((hop) => {
    const routed = addRouteHops(aged, namespace.id, answer.route, hop);
    const outputLink = hop.link ?? '?';
    const limit = findSizeLimit(namespace, answer.route.route, hop);
    const narrow = namespace.linksByName.get(outputLink);
    if (narrow !== undefined && isTooBig(routed, limit)) {
      return [endTooBig(routed, { namespace, link: narrow, mtuBytes: limit, isSilent: false })];
    }
    const way = { namespace, outputLink, gateway: hop.gateway, inputLink: link };
    const passing = { network, ...describePlace(place), hook: 'forward' as const, outputLink };
    return passHook(routed, passing).flatMap((result) =>
      result.kind === 'ended' ? [result.step] : postroute(network, result.state, way),
    );
  });
}

function endRejected(
  state: WalkState,
  place: Place,
  answer: Extract<InputAnswer, { kind: 'rejected' }>,
): Step {
  const hop = addHop(state, place.namespace.id, {
    step: 'source-check',
    did: answer.text,
    because: answer.evidence,
    elements: answer.elements,
    link: place.link,
  });
  return endLost(hop, place.namespace.id, 'source-rejected');
}

function endNotForwarding(
  state: WalkState,
  place: Place,
  answer: Extract<InputAnswer, { kind: 'not-forwarding' }>,
): Step {
  const { sysctl, key } = answer;
  const hop = addHop(state, place.namespace.id, {
    step: 'forward',
    did: `${key} = ${sysctl.value}: ${place.namespace.id} does not forward what comes in by ${place.link}`,
    because: [sysctl.evidence],
    elements: [
      { kind: 'sysctl', namespace: place.namespace.id, key, value: sysctl.value, evidence: sysctl.evidence },
    ],
    link: place.link,
  });
  return endLost(hop, place.namespace.id, 'not-forwarding');
}
