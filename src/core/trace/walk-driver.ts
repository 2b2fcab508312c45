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
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';

/** A finished way, with the state that its reply needs. */
export interface FinishedWay {
  readonly state: WalkState;
  readonly end: Disposition;
}

const maxWays = 64;
const maxSteps = 4096;
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
  if (state.depth >= maxDepth) return [endLost(state, namespace.id, 'loop')];
  const { vxlan } = link;
  const isBound = vxlan.local !== undefined;
  const outer: WalkState = {
    packet: {
      source: vxlan.local ?? ((stage.remote.includes(':') ? '::' : '0.0.0.0') as Address),
      destination: stage.remote,
      protocol: 'udp',
      sourcePort: vxlan.port,
      destinationPort: vxlan.port,
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
    namespace: namespace.id,
    isBound,
    ...(stage.via === undefined ? {} : { outputLink: stage.via }),
  };
  return runWalk(network, { state: outer, stage: send }).map((way) =>
    resume(network, state, { way, stage, link }),
  );
}

/** The headers that VXLAN puts around: Ethernet, VXLAN and UDP with IPv4's 20 bytes or IPv6's 40. */
const vxlanOverheadBytes = { 4: 50, 6: 70 } as const;

function wrapSize({ packet }: WalkState, remote: Address): { readonly sizeBytes?: number } {
  return packet.sizeBytes === undefined
    ? {}
    : { sizeBytes: packet.sizeBytes + vxlanOverheadBytes[familyOf(remote)] };
}

interface Carried {
  readonly way: FinishedWay;
  readonly stage: Extract<Stage, { kind: 'encap' }>;
  readonly link: Parameters<typeof receiveVxlan>[2]['from'];
}

/** The inner frame goes on where the outer packet arrived, or shares its fate. */
function resume(network: Network, state: WalkState, carried: Carried): Step {
  const { way, stage, link } = carried;
  const nested: Journey = { hops: way.state.hops, end: way.end };
  const carrying: WalkState = { ...attachNested(state, nested), doubts: way.state.doubts };
  if (way.end.kind === 'delivered') {
    return receiveVxlan(network, carrying, { from: link, at: way.end.to, mac: stage.mac });
  }
  if (way.end.kind === 'unknown') return { state: carrying, stage: { kind: 'end', disposition: way.end } };
  const at = way.end.kind === 'lost' ? way.end.at : way.end.by;
  const isCertain = way.end.kind === 'refused' || way.end.isCertain;
  const lost = addHop(carrying, stage.namespace, {
    step: 'encap',
    did: `the outer packet to ${stage.remote} does not arrive`,
    elements: way.state.hops.flatMap((hop) => hop.elements),
    because: way.state.hops.at(-1)?.because ?? [],
    link: stage.link,
  });
  if (way.end.kind === 'lost' && way.end.why === 'too-big') return passOnLimit(lost, stage, way.end);
  return endLost(lost, at, 'outer-lost', isCertain);
}

/** The inner packet may be as large as what is left: its sender is told, if the outer one's fate is known here. */
function passOnLimit(
  state: WalkState,
  stage: Carried['stage'],
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
