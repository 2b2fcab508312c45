// Drives a packet through the stages until every way it can take has ended. In: a network and a first step. Out: the
// journeys. Ways multiply where the kernel hashes or kube-proxy draws, so their number is bounded.
import { deliverPacket } from './deliver.ts';
import type { Disposition, Hop, Journey } from './flow.ts';
import { receivePacket } from './input.ts';
import { sendPacket } from './send.ts';
import { transmitPacket } from './transmit.ts';
import { receiveVxlan } from './vxlan.ts';
import { addHop, endLost, endUnknown, namespaceAt } from './walk.ts';
import type { Stage, Step, WalkState } from './walk.ts';
import type { Network } from '../model/network.ts';
import { vxlanOverheadBytes } from '../model/overlay-overhead.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';

/** A finished way, with the state that its reply needs. */
export interface FinishedWay {
  readonly state: WalkState;
  readonly end: Disposition;
}

const maxWays = 256;
const maxSteps = 16_384;
const maxDepth = 3;

export function runWalk(network: Network, first: Step): readonly FinishedWay[] {
  const pending: Step[] = [first];
  const finished: FinishedWay[] = [];
  for (let steps = 0; pending.length > 0; steps++) {
    const step = pending.pop() as Step;
    if (step.stage.kind === 'end') {
      finished.push({ state: step.state, end: step.stage.disposition });
      continue;
    }
    if (finished.length + pending.length > maxWays || steps > maxSteps) {
      finished.push({
        state: step.state,
        end: { kind: 'unknown', at: step.stage.namespace, question: 'the packet could take too many ways' },
      });
      return finished;
    }
    const next = advance(network, step.state, step.stage);
    for (let index = next.length - 1; index >= 0; index--) pending.push(next[index] as Step);
  }
  return finished;
}

function advance(
  network: Network,
  state: WalkState,
  stage: Exclude<Stage, { kind: 'end' }>,
): readonly Step[] {
  switch (stage.kind) {
    case 'send':
      return sendPacket(network, state, stage);
    case 'transmit':
      return transmitPacket(network, state, stage);
    case 'input':
      return receivePacket(network, state, stage);
    case 'deliver':
      return [deliverPacket(network, state, stage)];
    case 'encap':
      return carryOverlay(network, state, stage);
    case 'tunnel':
      return carryTunnel(network, state, stage);
  }
}

/** The outer packet of a VXLAN frame: its own flow, from the device's local address. */
function carryOverlay(
  network: Network,
  state: WalkState,
  stage: Extract<Stage, { kind: 'encap' }>,
): readonly Step[] {
  const namespace = namespaceAt(network, stage.namespace);
  const link = namespace.linksByName.get(stage.link);
  if (link?.vxlan === undefined) return [endUnknown(state, namespace.id, `how is ${stage.link} set up?`)];
  const { local, port } = link.vxlan;
  return carryOuter(network, state, {
    stage,
    port,
    ...(local === undefined ? {} : { local }),
    ...(stage.via === undefined ? {} : { via: stage.via }),
    arrive: (carrying, at) => receiveVxlan(network, carrying, { from: link, at, mac: stage.mac }),
  });
}

/** The outer packet of a program's tunnel comes from whatever address the route to the remote gives. */
function carryTunnel(
  network: Network,
  state: WalkState,
  stage: Extract<Stage, { kind: 'tunnel' }>,
): readonly Step[] {
  return carryOuter(network, state, {
    stage,
    port: stage.port,
    arrive: (carrying, at) => {
      const far = namespaceAt(network, at);
      if (far.linksByName.has(stage.link))
        return { state: carrying, stage: { kind: 'input', namespace: at, link: stage.link } };
      const { links } = far.facts;
      if (!links.known) return endUnknown(carrying, at, `has ${at} a device ${stage.link}?`, links);
      const hop = addHop(carrying, at, { step: 'decap', did: `no device ${stage.link} here` });
      return endLost(hop, at, 'wrong-host');
    },
  });
}

interface Outer {
  readonly stage: Extract<Stage, { kind: 'encap' | 'tunnel' }>;
  readonly port: number;
  readonly local?: Address;
  readonly via?: string;
  /** What becomes of the inner packet on the machine where the outer one arrived. */
  readonly arrive: (carrying: WalkState, at: string) => Step;
}

function carryOuter(network: Network, state: WalkState, about: Outer): readonly Step[] {
  const { stage, port, local, via } = about;
  if (state.depth >= maxDepth) return [endLost(state, stage.namespace, 'loop')];
  const outer: WalkState = {
    packet: {
      source: local ?? ((stage.remote.includes(':') ? '::' : '0.0.0.0') as Address),
      destination: stage.remote,
      protocol: 'udp',
      sourcePort: port,
      destinationPort: port,
      mark: state.packet.mark,
      ttl: 64,
      ...wrapSize(state, stage.remote),
    },
    hops: [],
    connections: [],
    doubts: state.doubts,
    isReply: false,
    depth: state.depth + 1,
    visited: new Set(),
  };
  const send: Stage = {
    kind: 'send',
    namespace: stage.namespace,
    isBound: local !== undefined,
    ...(via === undefined ? {} : { outputLink: via }),
  };
  return runWalk(network, { state: outer, stage: send }).map((way) => resume(state, way, about));
}

function wrapSize({ packet }: WalkState, remote: Address): { readonly sizeBytes?: number } {
  return packet.sizeBytes === undefined
    ? {}
    : { sizeBytes: packet.sizeBytes + vxlanOverheadBytes[familyOf(remote)] };
}

/** The inner frame goes on where the outer packet arrived, or shares its fate. */
function resume(state: WalkState, way: FinishedWay, { stage, arrive }: Outer): Step {
  const nested: Journey = { hops: way.state.hops, end: way.end };
  const carrying: WalkState = { ...attachNested(state, nested), doubts: way.state.doubts };
  if (way.end.kind === 'delivered') return arrive(carrying, way.end.to);
  if (way.end.kind === 'unknown') return { state: carrying, stage: { kind: 'end', disposition: way.end } };
  const at = way.end.kind === 'lost' ? way.end.at : way.end.by;
  const isCertain = way.end.kind === 'refused' || way.end.isCertain;
  const lost = addHop(carrying, stage.namespace, {
    step: 'encap',
    did: `the outer packet to ${stage.remote} does not arrive`,
    // What stands where it was lost comes first.
    elements: [...way.state.hops].reverse().flatMap((hop) => hop.elements),
    because: way.state.hops.at(-1)?.because ?? [],
    link: stage.link,
  });
  if (way.end.kind === 'lost' && way.end.why === 'too-big') return passOnLimit(lost, stage, way.end);
  return endLost(lost, at, 'outer-lost', isCertain);
}

/** The inner packet may be as large as what is left: its sender is told, if the outer one's fate is known here. */
function passOnLimit(
  state: WalkState,
  stage: Outer['stage'],
  end: Extract<Disposition, { kind: 'lost' }>,
): Step {
  const isOwn = end.at === stage.namespace && end.isSilent !== true;
  const overhead = vxlanOverheadBytes[familyOf(stage.remote)];
  const disposition: Disposition = {
    kind: 'lost',
    at: isOwn ? stage.namespace : end.at,
    why: 'too-big',
    isCertain: true,
    isSilent: !isOwn,
    ...(end.mtuBytes === undefined ? {} : { mtuBytes: end.mtuBytes - overhead }),
  };
  return { state, stage: { kind: 'end', disposition } };
}

function attachNested(state: WalkState, nested: Journey): WalkState {
  const last = state.hops.at(-1);
  if (last === undefined) return state;
  const withNested: Hop = { ...last, nested };
  return { ...state, hops: [...state.hops.slice(0, -1), withNested] };
}
