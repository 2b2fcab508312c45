// What a sender does about packets that are too big. In: a first step with a size. Out: the finished ways, with smaller
// packets where the machine that could not pass them on was heard, or where TCP finds out by itself; lost where nobody is
// told. Rules: Linux 6.12 net/ipv4/route.c (ip_rt_update_pmtu), net/ipv4/tcp_timer.c (tcp_mtu_probing: 1 after a black hole
// was noticed, 2 always), Documentation/networking/ip-sysctl.rst (ip_no_pmtu_disc: packets may be cut on the way).
import type { Disposition, Flow } from './flow.ts';
import type { Namespace, NamespaceId, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';
import { tupleOf } from './track-packet.ts';
import { runWalk } from './walk-driver.ts';
import type { FinishedWay } from './walk-driver.ts';
import { addHop, ipProtocolOf, withPacket } from './walk.ts';
import type { Step, WalkState } from './walk.ts';

/** Each answer names a smaller size; more than this on one way is a loop. */
const maxAnswers = 4;

/**
 * The largest packet that two ends of a connection send each other: TCP's ends both say what their own device takes
 * (tcp_advertise_mss), other protocols' do not. In: the asked size and how the flow fares without one.
 */
export function agreeOnSize(
  network: Network,
  ways: readonly FinishedWay[],
  flow: Pick<Flow, 'protocol' | 'sizeBytes'>,
): number | undefined {
  if (flow.sizeBytes === undefined || flow.protocol !== 'tcp') return flow.sizeBytes;
  const limits = ways.flatMap(({ state, end }) => {
    const far = end.kind === 'delivered' ? network.namespaces.get(end.to) : undefined;
    const answering = far === undefined ? undefined : findOwnDevice(far, state.packet.destination);
    const first = state.hops.find((hop) => hop.link !== undefined);
    const asking = network.namespaces.get(first?.at ?? '')?.linksByName.get(first?.link ?? '');
    return [answering?.mtuBytes ?? [], asking?.mtuBytes ?? []].flat();
  });
  return Math.min(flow.sizeBytes, ...limits);
}

function findOwnDevice(namespace: Namespace, address: Address): LinkFact | undefined {
  for (const [link, facts] of namespace.addressesByLink)
    if (facts.some((fact) => fact.address === address)) return namespace.linksByName.get(link);
  return undefined;
}

export function runSized(network: Network, first: Step, sender: NamespaceId): readonly FinishedWay[] {
  const { sizeBytes } = first.state.packet;
  if (sizeBytes === undefined) return runWalk(network, first);
  if (mayBeCut(network, first.state, sender)) return runWalk(network, withoutSize(first));
  return runUntilFits(network, { first, sender }, maxAnswers);
}

interface Sending {
  readonly first: Step;
  readonly sender: NamespaceId;
}

function runUntilFits(network: Network, sending: Sending, answersLeft: number): readonly FinishedWay[] {
  return runWalk(network, sending.first).flatMap((way) => {
    if (way.end.kind !== 'lost' || way.end.why !== 'too-big' || answersLeft === 0) return [way];
    const { mtuBytes } = way.end;
    const lesson = learnSize(network, sending, way, way.end);
    if (lesson.text === undefined || mtuBytes === undefined || mtuBytes < 68) return [lesson.way];
    const smaller = withPacket(sending.first.state, { sizeBytes: mtuBytes });
    const state = addHop(smaller, sending.sender, { step: 'send', did: lesson.text });
    return runUntilFits(network, { ...sending, first: { ...sending.first, state } }, answersLeft - 1);
  });
}

interface Lesson {
  /** How the sender came to know, if it did. */
  readonly text?: string;
  readonly way: FinishedWay;
}

function learnSize(
  network: Network,
  { sender }: Sending,
  way: FinishedWay,
  end: Extract<Disposition, { kind: 'lost' }>,
): Lesson {
  const size = end.mtuBytes ?? 0;
  if (isProbing(network, way.state, sender))
    return { text: `TCP of ${sender} finds by itself that ${size} bytes pass (tcp_mtu_probing)`, way };
  if (end.isSilent === true) return { way };
  const errors = runWalk(network, {
    state: makeError(way.state),
    stage: { kind: 'send', namespace: end.at, isBound: false },
  });
  const lost = errors.find((error) => error.end.kind !== 'delivered' || error.end.to !== sender);
  if (lost === undefined) return { text: `${end.at} answers that ${size} bytes are all that pass`, way };
  return { way: { ...way, state: addLostError(way.state, end.at, lost) } };
}

/** The way of the answer belongs to the story, and what ended it may be the cause. */
function addLostError(state: WalkState, at: NamespaceId, error: FinishedWay): WalkState {
  const last = error.state.hops.at(-1);
  return addHop(state, at, {
    step: 'send',
    did: `its answer that the packet is too big does not arrive${last === undefined ? '' : `: ${last.did}`}`,
    because: last?.because ?? [],
    elements: last?.elements ?? [],
  });
}

function makeError(state: WalkState): WalkState {
  const { packet } = state;
  return {
    packet: {
      source: packet.destination,
      destination: packet.source,
      protocol: 'icmp',
      sourcePort: 0,
      destinationPort: 0,
      mark: 0,
      ttl: 64,
    },
    hops: [],
    connections: state.connections,
    doubts: state.doubts,
    quoted: { protocol: ipProtocolOf(packet), tuple: tupleOf(packet), isTooBig: true },
    isReply: true,
    depth: state.depth,
    visited: new Set(),
  };
}

function readSetting(network: Network, sender: NamespaceId, key: string): string | undefined {
  const sysctls = network.namespaces.get(sender)?.facts.sysctls;
  return sysctls?.known === true ? sysctls.value.get(key)?.value : undefined;
}

function isProbing(network: Network, { packet }: WalkState, sender: NamespaceId): boolean {
  const value = readSetting(network, sender, 'net.ipv4.tcp_mtu_probing');
  return packet.protocol === 'tcp' && (value === '1' || value === '2');
}

/** IPv4 only: a sender that does not look for the size lets routers cut its packets. */
function mayBeCut(network: Network, { packet }: WalkState, sender: NamespaceId): boolean {
  if (packet.destination.includes(':')) return false;
  return readSetting(network, sender, 'net.ipv4.ip_no_pmtu_disc') === '1';
}

function withoutSize(step: Step): Step {
  const { sizeBytes, ...packet } = step.state.packet;
  return sizeBytes === undefined ? step : { ...step, state: { ...step.state, packet } };
}
