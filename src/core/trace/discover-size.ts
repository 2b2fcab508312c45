// What a sender does about packets that are too big. In: a first step with a size. Out: the finished ways, with smaller
// packets where the machine that could not pass them on was heard, or where TCP finds out by itself; lost where nobody is
// told. Rules: Linux 6.12 net/ipv4/route.c (ip_rt_update_pmtu), net/ipv4/tcp_timer.c (tcp_mtu_probing: 1 after a black hole
// was noticed, 2 always), Documentation/networking/ip-sysctl.rst (ip_no_pmtu_disc: packets may be cut on the way).
import type { Disposition } from './flow.ts';
import type { Doubt } from './filter/chain-outcome.ts';
import { makeError } from './make-answer.ts';
import { missing } from '../fact/known.ts';
import type { NamespaceId, Network } from '../model/network.ts';
import { runWalk } from './walk-driver.ts';
import type { FinishedWay } from './walk-driver.ts';
import { addHop, withPacket } from './walk.ts';
import type { Step, WalkState } from './walk.ts';

/** Each answer names a smaller size; more than this on one way is a loop. */
const maxAnswers = 4;

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
    if (mtuBytes === undefined || mtuBytes < smallestBytes) return [lesson.way];
    const smaller = withPacket(sending.first.state, { sizeBytes: mtuBytes });
    const retry = (did: string, doubts = smaller.doubts): readonly FinishedWay[] => {
      const state = addHop({ ...smaller, doubts }, sending.sender, { step: 'send', did });
      return runUntilFits(network, { ...sending, first: { ...sending.first, state } }, answersLeft - 1);
    };
    if (lesson.text !== undefined) return retry(lesson.text);
    const doubt = doubtProbing(network, way.state, sending.sender);
    if (doubt === undefined) return [lesson.way];
    const { state } = lesson.way;
    const lost = { ...lesson.way, state: { ...state, doubts: [...state.doubts, doubt] } };
    const probing: Doubt = { ...doubt, side: 'matches' };
    return [lost, ...retry(describeProbing(sending.sender, mtuBytes), [...smaller.doubts, probing])];
  });
}

/** IPv4's smallest MTU (RFC 791); less than that is no answer. */
const smallestBytes = 68;

function describeProbing(sender: NamespaceId, size: number): string {
  return `TCP of ${sender} finds by itself that ${size} bytes pass (tcp_mtu_probing)`;
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
  if (isProbing(network, way.state, sender)) return { text: describeProbing(sender, size), way };
  if (end.isSilent === true) return { way };
  const errors = runWalk(network, {
    state: makeError(way.state, { isTooBig: true }),
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

const probingKey = 'net.ipv4.tcp_mtu_probing';

function readSetting(network: Network, sender: NamespaceId, key: string): string | undefined {
  const sysctls = network.namespaces.get(sender)?.facts.sysctls;
  return sysctls?.known === true ? sysctls.value.get(key)?.value : undefined;
}

function isProbing(network: Network, { packet }: WalkState, sender: NamespaceId): boolean {
  const value = readSetting(network, sender, probingKey);
  return packet.protocol === 'tcp' && (value === '1' || value === '2');
}

/** Nobody collected the setting that would decide. A namespace that nobody looked into has the kernel's default, 0. */
function doubtProbing(network: Network, { packet }: WalkState, sender: NamespaceId): Doubt | undefined {
  const namespace = network.namespaces.get(sender);
  if (packet.protocol !== 'tcp' || namespace === undefined || namespace.isAssumed) return undefined;
  const { sysctls } = namespace.facts;
  if (sysctls.known && sysctls.value.has(probingKey)) return undefined;
  return {
    id: `${sender} ${probingKey}`,
    question: `does TCP of ${sender} look for a size that passes (${probingKey})?`,
    side: 'does not match',
    missing: sysctls.known
      ? missing('not-collected', sysctls.evidence.path, `${probingKey} is not in it`)
      : sysctls,
  };
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
