// A routed packet is handed to a device: which kind it is decides what happens. In: the device and the next hop. Out: the
// stages that follow (input at another device, an outer packet, an end).
import { crossBridge, findCrossing, findInputPort } from './cross-bridge.ts';
import { crossDevice } from './cross-datapath.ts';
import { findNeighbor } from './find-neighbor.ts';
import type { NeighborAnswer } from './find-neighbor.ts';
import { leaveUnderlay } from './leave-underlay.ts';
import { transmitTailnet } from './tailnet.ts';
import { endTooBig, isTooBigToReceive } from './packet-size.ts';
import type { Narrow } from './packet-size.ts';
import type { DeviceOnSegment } from './segment.ts';
import { isTailnetLink } from './tailnet-link.ts';
import { transmitVxlan } from './vxlan.ts';
import { addHop, endLost, endUnknown, namespaceAt } from './walk.ts';
import type { Stage, Step, WalkState } from './walk.ts';
import type { Element } from './flow.ts';
import type { Evidence } from '../fact/evidence.ts';
import { wireKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';

export type Transmit = Extract<Stage, { kind: 'transmit' }>;

export function transmitPacket(network: Network, state: WalkState, stage: Transmit): readonly Step[] {
  const namespace = namespaceAt(network, stage.namespace);
  const link = namespace.linksByName.get(stage.link);
  if (link === undefined) return [endForUnknownLink(namespace, state, stage)];
  if (link.kind === 'loopback') return [{ state, stage: { kind: 'deliver', namespace: namespace.id } }];
  const crossing = { network, namespace, link: link.name, direction: 'out' } as const;
  const passage = crossDevice(state, crossing);
  if (passage !== undefined) return passage.steps;
  const down = whyDown(link);
  if (down !== undefined) {
    const hop = addHop(state, namespace.id, {
      step: 'wire',
      did: `${link.name} ${down}: the packet is dropped`,
      because: [link.evidence],
      elements: [{ kind: 'link', namespace: namespace.id, link }],
      link: link.name,
    });
    return [endLost(hop, namespace.id, 'link-down')];
  }
  if (link.kind === 'vxlan')
    return transmitVxlan(network, state, { namespace, link, nexthop: stage.nexthop });
  if (isTailnetLink(network, namespace, link.name))
    return transmitTailnet(network, state, { namespace, link });
  if (isTunnel(link)) return leaveUnderlay(network, state, { namespace, link, nexthop: stage.nexthop });
  return transmitFrame(network, state, { namespace, link, stage });
}

function endForUnknownLink(namespace: Namespace, state: WalkState, stage: Transmit): Step {
  const links = namespace.facts.links;
  const question = `what is ${stage.link} on ${namespace.id}?`;
  return links.known
    ? endLost(state, namespace.id, 'link-down')
    : endUnknown(state, namespace.id, question, links);
}

/** A tun without a carrier has no program behind it; a NIC without one has no cable. */
function whyDown(link: LinkFact): string | undefined {
  if (link.flags.length === 0) return undefined;
  if (!link.flags.includes('UP')) return 'is down';
  if (link.flags.includes('NO-CARRIER')) return 'has no carrier';
  return undefined;
}

/** Devices without neighbours whose other end only their own program knows. */
function isTunnel(link: LinkFact): boolean {
  return (
    link.kind === 'tun' ||
    link.kind === 'wireguard' ||
    link.kind === 'ipip' ||
    link.kind === 'gre' ||
    link.kind === 'sit'
  );
}

interface Framing {
  readonly namespace: Namespace;
  readonly link: LinkFact;
  readonly stage: Transmit;
}

function transmitFrame(network: Network, state: WalkState, framing: Framing): readonly Step[] {
  const { namespace, link, stage } = framing;
  const answer = findNeighbor(network, namespace, link.name, stage.nexthop);
  switch (answer.kind) {
    case 'found':
      return arrive(network, state, framing, answer);
    case 'unknown':
      return [endUnknown(state, namespace.id, `who has ${stage.nexthop} on ${link.name}?`, answer.missing)];
    case 'outside':
      return leaveUnderlay(network, state, { namespace, link, nexthop: stage.nexthop });
    case 'wrong-mac':
    case 'nobody':
      return [loseForNeighbor(state, framing, answer)];
  }
}

function arrive(
  network: Network,
  state: WalkState,
  framing: Framing,
  answer: Extract<NeighborAnswer, { kind: 'found' }>,
): readonly Step[] {
  const { namespace, link, stage } = framing;
  const { device, entry } = answer;
  const far = network.namespaces.get(device.namespace);
  const hop = addHop(state, namespace.id, {
    step: 'wire',
    did: `out of ${link.name} to ${device.namespace} ${device.link} (${stage.nexthop})`,
    because: entry === undefined ? [link.evidence] : [entry.evidence],
    elements: entry === undefined ? [] : [{ kind: 'neighbor', namespace: namespace.id, neighbor: entry }],
    link: link.name,
    ...(answer.isAssumed ? { assumes: assumption(far, stage) } : {}),
  });
  const own = { namespace: namespace.id, link: link.name };
  const port = findInputPort(network, own, device);
  const input: Stage = {
    kind: 'input',
    namespace: device.namespace,
    link: device.link,
    ...(port === undefined ? {} : { port }),
  };
  const narrow = findNarrowEnd(network, hop, [own, device]);
  if (narrow !== undefined) return [endTooBig(hop, narrow)];
  const crossing = findCrossing(network, own, device);
  if (crossing === undefined) return [{ state: hop, stage: input }];
  return crossBridge(network, hop, crossing).map((result) =>
    result.kind === 'ended' ? result.step : { state: result.state, stage: input },
  );
}

/** The far ends of the wires on the way: the port that the sender is plugged into, and the device that takes it. */
function findNarrowEnd(
  network: Network,
  state: WalkState,
  [from, to]: readonly [DeviceOnSegment, DeviceOnSegment],
): Narrow | undefined {
  if (state.packet.sizeBytes === undefined) return undefined;
  const near = network.wires.get(wireKey(from.namespace, from.link));
  for (const end of near === undefined ? [to] : [near, to]) {
    const namespace = network.namespaces.get(end.namespace);
    const link = namespace?.linksByName.get(end.link);
    if (namespace === undefined || link?.kind === 'bridge' || !isTooBigToReceive(state, link)) continue;
    return { namespace, link, mtuBytes: link.mtuBytes ?? 0, isSilent: true };
  }
  return undefined;
}

function assumption(far: Namespace | undefined, stage: Transmit): string {
  if (far?.isAssumed === true)
    return `${far.id} hangs where the CNI puts it (its namespace was not collected)`;
  return `the network between the machines carries frames to ${stage.nexthop}`;
}

function loseForNeighbor(
  state: WalkState,
  framing: Framing,
  answer: Extract<NeighborAnswer, { kind: 'nobody' | 'wrong-mac' }>,
): Step {
  const { namespace, link, stage } = framing;
  const evidence = neighborEvidence(namespace, answer);
  const element: Element =
    answer.entry === undefined
      ? {
          kind: 'absence',
          namespace: namespace.id,
          of: 'owner',
          link: link.name,
          address: stage.nexthop,
          evidence,
        }
      : { kind: 'neighbor', namespace: namespace.id, neighbor: answer.entry };
  const did =
    answer.kind === 'wrong-mac'
      ? `the entry for ${stage.nexthop} on ${link.name} names ${answer.entry.mac ?? 'no MAC'}, which nobody there has`
      : `nobody on ${link.name} has ${stage.nexthop}`;
  const hop = addHop(state, namespace.id, {
    step: 'neighbor',
    did,
    because: [evidence],
    elements: [element],
    link: link.name,
  });
  return endLost(hop, namespace.id, answer.kind === 'wrong-mac' ? 'wrong-host' : 'no-neighbor');
}

function neighborEvidence(
  namespace: Namespace,
  answer: { readonly entry?: { readonly evidence: Evidence } },
): Evidence {
  if (answer.entry !== undefined) return answer.entry.evidence;
  const { neighbors } = namespace.facts;
  return neighbors.known ? neighbors.evidence : { path: neighbors.path };
}
