// The steps of a packet that meets a datapath of its own: programs at the socket, IPVS, and the devices of Cilium's eBPF
// (datapath-service.ts and datapath-path.ts say what happens there). In: a state and where it is. Out: the states it goes
// on in or its end; nothing where the kernel's own tables decide. What was translated is remembered as a connection of the
// namespace, so that the answer is put back.
import { followDatapath } from './datapath-path.ts';
import { translateByDatapath } from './datapath-service.ts';
import type { DatapathPlace, DatapathService } from './datapath-service.ts';
import type { Connection } from './connection.ts';
import type { Element, Packet } from './flow.ts';
import { invertTuple, tupleOf, withConnection } from './track-packet.ts';
import { addHop, endLost, endUnknown, ipProtocolOf, withPacket } from './walk.ts';
import type { Step, WalkState } from './walk.ts';
import { wireKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { CiliumWay } from '../model/cilium-ways.ts';

export type DatapathResult =
  { readonly kind: 'passed'; readonly state: WalkState } | { readonly kind: 'ended'; readonly step: Step };

/** Undefined where nothing is translated at the place. */
export function passServices(
  network: Network,
  namespace: Namespace,
  state: WalkState,
  place: DatapathPlace,
): readonly DatapathResult[] | undefined {
  if (state.isReply || state.depth > 0) return undefined;
  const service = translateByDatapath(network, namespace, { packet: state.packet, place });
  if (service.kind === 'none') return undefined;
  if (service.kind === 'translated') return translate(namespace, state, service);
  return [{ kind: 'ended', step: endForService(namespace, state, service) }];
}

function endForService(
  namespace: Namespace,
  state: WalkState,
  service: Exclude<DatapathService, { kind: 'none' | 'translated' }>,
): Step {
  if (service.kind === 'unknown') return endUnknown(state, namespace.id, service.question, service.missing);
  if (service.kind === 'forgotten') return loseForgotten(namespace, state, service);
  const hop = addHop(state, namespace.id, { step: 'nat', did: service.text, because: service.evidence });
  const disposition = { kind: 'refused', by: namespace.id, why: 'no-endpoints' } as const;
  return { state: hop, stage: { kind: 'end', disposition } };
}

function loseForgotten(
  namespace: Namespace,
  state: WalkState,
  { text, evidence }: Extract<DatapathService, { kind: 'forgotten' }>,
): Step {
  const address = state.packet.destination;
  const elements = evidence.map((one): Element => ({
    kind: 'absence',
    namespace: namespace.id,
    of: 'service-rule',
    address,
    evidence: one,
  }));
  const hop = addHop(state, namespace.id, { step: 'nat', did: text, because: evidence, elements });
  return endLost(hop, namespace.id, 'wrong-host');
}

function translate(
  namespace: Namespace,
  state: WalkState,
  service: Extract<DatapathService, { kind: 'translated' }>,
): readonly DatapathResult[] {
  const { packet } = state;
  const assumes = service.assumes === undefined ? {} : { assumes: service.assumes };
  const passed = service.endpoints.map((end): DatapathResult => {
    const changed = withPacket(state, { destination: end.address, destinationPort: end.port });
    const did = `${service.text}: ${packet.destination}:${packet.destinationPort} → ${end.address}:${end.port}`;
    const hopped = addHop(changed, namespace.id, {
      step: 'nat',
      did,
      because: service.evidence,
      elements: service.strangers
        .filter((one) => one.address === end.address)
        .map((one) => ({ kind: 'absence', namespace: namespace.id, of: 'endpoint', ...one })),
      ...assumes,
    });
    const marked = { ...hopped, isMarkedForMasquerade: service.isMasqueraded };
    return { kind: 'passed', state: rememberDestination(marked, end) };
  });
  return service.lostDraws === 0
    ? passed
    : [...passed, { kind: 'ended', step: loseDraw(namespace, state, service) }];
}

function loseDraw(
  namespace: Namespace,
  state: WalkState,
  service: Extract<DatapathService, { kind: 'translated' }>,
): Step {
  const { packet } = state;
  const did = `${service.text}: ${packet.destination}:${packet.destinationPort} has a slot whose backend is not in the map, and what is drawn to it is dropped`;
  const hop = addHop(state, namespace.id, { step: 'nat', did, because: service.evidence });
  return endLost(hop, namespace.id, 'program-drops');
}

/** In a connection that is tracked already, the answer comes from the endpoint. */
function rememberDestination(
  state: WalkState,
  end: { readonly address: Packet['destination']; readonly port: number },
): WalkState {
  const connection = state.tracking?.connection;
  if (connection === undefined) return state;
  return withConnection(state, {
    ...connection,
    isDestinationSettled: true,
    // IPVS takes the packet before the nat table's INPUT settles its source (Linux 6.12: NF_IP_PRI_NAT_SRC - 1).
    isSourceSettled: false,
    reply: { ...connection.reply, source: end.address, sourcePort: end.port },
  });
}

/** What a program at the socket, or at the pod's device, remembers: the packet as it was asked for, and as it goes on. */
export function rememberTranslation(namespace: Namespace, before: Packet, state: WalkState): WalkState {
  const connection: Connection = {
    namespace: namespace.id,
    protocol: ipProtocolOf(before),
    original: { ...tupleOf(before), source: state.packet.source },
    reply: invertTuple(tupleOf(state.packet)),
    mark: 0,
    isDestinationSettled: true,
    isSourceSettled: true,
    isReplied: false,
  };
  return { ...state, connections: [connection, ...state.connections] };
}

/** An answer's source as the asker knows it, where this namespace's programs translated the question. */
function restoreAnswer(namespace: Namespace, state: WalkState): WalkState {
  if (!state.isReply) return state;
  const tuple = tupleOf(state.packet);
  const known = state.connections.find(
    ({ namespace: at, reply }) =>
      at === namespace.id &&
      reply.source === tuple.source &&
      reply.sourcePort === tuple.sourcePort &&
      reply.destination === tuple.destination &&
      reply.destinationPort === tuple.destinationPort,
  );
  if (known === undefined) return state;
  const { original } = known;
  return withPacket(state, { source: original.destination, sourcePort: original.destinationPort });
}

export interface DeviceCrossing {
  readonly network: Network;
  readonly namespace: Namespace;
  readonly link: string;
  readonly direction: 'in' | 'out';
}

export interface DevicePassage {
  /** What went on by the programs' own ways, or ended. */
  readonly steps: readonly Step[];
  /** What the kernel's own tables decide about, with what was translated and marked. */
  readonly toKernel: readonly WalkState[];
}

/** A packet at a device of a program; undefined where no program is on it. */
export function crossDevice(state: WalkState, crossing: DeviceCrossing): DevicePassage | undefined {
  const { network, namespace, link, direction } = crossing;
  if (
    followDatapath(network, namespace, { link, direction, packet: state.packet, isReply: state.isReply }) ===
    undefined
  )
    return undefined;
  const place: DatapathPlace = { kind: 'device', link };
  const translated = direction === 'in' ? passServices(network, namespace, state, place) : undefined;
  const results = translated ?? [{ kind: 'passed' as const, state }];
  const steps: Step[] = [];
  const toKernel: WalkState[] = [];
  for (const result of results) {
    if (result.kind === 'ended') {
      steps.push(result.step);
      continue;
    }
    const next =
      translated === undefined ? state : rememberTranslation(namespace, state.packet, result.state);
    const outcome = takeWay(next, crossing);
    if ('stage' in outcome) steps.push(outcome);
    else toKernel.push(outcome);
  }
  return { steps, toKernel };
}

function takeWay(state: WalkState, crossing: DeviceCrossing): Step | WalkState {
  const { network, namespace, link, direction } = crossing;
  const way = followDatapath(network, namespace, {
    link,
    direction,
    packet: state.packet,
    isReply: state.isReply,
  });
  if (way === undefined) return state;
  switch (way.kind) {
    case 'unknown':
      return endUnknown(state, namespace.id, way.question, way.missing);
    case 'denied': {
      const hop = addHop(state, namespace.id, { step: 'policy', did: way.text, because: way.evidence, link });
      return endLost(hop, namespace.id, 'program-drops');
    }
    case 'endpoint':
      return enterPod(state, crossing, way);
    case 'tunnel':
      return enterTunnel(state, crossing, way);
    case 'stack':
      return { ...state, packet: { ...state.packet, mark: way.mark } };
  }
}

function enterPod(
  state: WalkState,
  { network, namespace }: DeviceCrossing,
  way: Extract<CiliumWay, { kind: 'endpoint' }>,
): Step {
  const device = way.endpoint.link ?? '?';
  const end = network.wires.get(wireKey(namespace.id, device));
  const restored = restoreAnswer(namespace, state);
  const hop = addHop(restored, namespace.id, {
    step: 'wire',
    did: `Cilium hands it to ${way.endpoint.pod ?? `endpoint ${way.endpoint.id}`} by ${device}`,
    because: way.evidence,
    link: device,
  });
  if (end === undefined) {
    const question = `which pod is behind ${device} of ${namespace.id}?`;
    return endUnknown(hop, namespace.id, question);
  }
  return { state: hop, stage: { kind: 'input', namespace: end.namespace, link: end.link } };
}

function enterTunnel(
  state: WalkState,
  { namespace }: DeviceCrossing,
  way: Extract<CiliumWay, { kind: 'tunnel' }>,
): Step {
  const hop = addHop(restoreAnswer(namespace, state), namespace.id, {
    step: 'encap',
    did: `Cilium sends it to ${way.remote} by ${way.link}`,
    because: way.evidence,
    link: way.link,
  });
  return {
    state: hop,
    stage: { kind: 'tunnel', namespace: namespace.id, link: way.link, remote: way.remote, port: way.port },
  };
}
