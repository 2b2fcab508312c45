// Follows one flow there and back. In: a network and a flow. Out: every journey the packet could take, each with its
// reply's, and one verdict over all of them.
import type { Flow, Journey, Trace } from './flow.ts';
import { judgeJourneys } from './judge-journeys.ts';
import { isDestinationChanged } from './track-packet.ts';
import { agreeOnSizes } from './agree-on-sizes.ts';
import type { SizedFlow } from './agree-on-sizes.ts';
import { runSized } from './discover-size.ts';
import { firstStep } from './first-step.ts';
import { makeAnswer, makeError } from './make-answer.ts';
import { runWalk } from './walk-driver.ts';
import type { FinishedWay } from './walk-driver.ts';
import { addHop } from './walk.ts';
import type { Step, WalkState } from './walk.ts';
import { missing } from '../fact/known.ts';
import type { NamespaceId, Network } from '../model/network.ts';

export function traceFlow(network: Network, asked: Flow): Trace {
  const flow = agreeOnSizes(network, asked);
  if (!network.namespaces.has(flow.from))
    return { flow, journeys: [unseenSender(network, flow)], verdict: 'unknown' };
  const ways = runSized(network, firstStep(flow, flow.requestBytes), flow.from);
  const journeys = ways.map((way) => finishJourney(network, flow, way));
  return { flow: asked, journeys, verdict: judgeJourneys(journeys) };
}

function unseenSender(network: Network, flow: Flow): Journey {
  const node = nodeOfSender(network, flow);
  const path = node === undefined ? 'nodes/' : `nodes/${node}/ip-route-4.json`;
  const why = node === undefined ? undefined : network.unreachable.get(node);
  const gap = why === undefined ? missing('not-collected', path) : missing('unreachable', path, why);
  const at = node === undefined ? flow.from : `node/${node}`;
  return {
    hops: [],
    end: {
      kind: 'unknown',
      at,
      question: `what does ${at} do with packets from ${flow.from}?`,
      missing: gap,
    },
  };
}

function nodeOfSender(network: Network, flow: Flow): string | undefined {
  if (flow.from.startsWith('node/')) return flow.from.slice('node/'.length);
  const pods = network.cluster.pods.known ? network.cluster.pods.value : [];
  return pods.find((pod) => `pod/${pod.namespace}/${pod.name}` === flow.from)?.nodeName;
}

function finishJourney(network: Network, flow: SizedFlow, way: FinishedWay): Journey {
  const { hops } = way.state;
  const doubts = way.state.doubts.length === 0 ? {} : { doubts: way.state.doubts };
  if (way.end.kind === 'unknown' && way.end.leftBy !== undefined) {
    return { hops, end: way.end, ...doubts, replies: answerFromOutside(network, flow, way) };
  }
  const answers = answererOf(way);
  if (answers === undefined) return { hops, end: way.end, ...doubts };
  const home: Journey = { hops: [], end: { kind: 'delivered', to: flow.from } };
  if (answers.from === flow.from) return { hops, end: way.end, ...doubts, replies: [home] };
  const answer: Step = {
    state: answers.isIcmp ? makeError(way.state) : makeAnswer(way.state, flow.answerBytes),
    stage: { kind: 'send', namespace: answers.from, isBound: !answers.isIcmp },
  };
  const replies = runSized(network, answer, answers.from);
  return { hops, end: way.end, ...doubts, replies: replies.map((reply) => finishReply(flow, reply)) };
}

/** Whoever is out there answers to the address that the packet left with, and by the same way. */
function answerFromOutside(network: Network, flow: Flow, way: FinishedWay): readonly Journey[] {
  const leftBy = way.end.kind === 'unknown' ? way.end.leftBy : undefined;
  if (leftBy === undefined) return [];
  const answer: Step = { state: makeAnswer(way.state), stage: { kind: 'input', ...leftBy } };
  return runWalk(network, answer).map((reply) => finishReply(flow, reply));
}

interface Answerer {
  readonly from: NamespaceId;
  /** An ICMP error comes from whatever address the way back gives; an answer or a reset from the one that was asked. */
  readonly isIcmp: boolean;
}

/** Who answers: the one it was delivered to, or the one who refused it. What is lost has no answer. */
function answererOf(way: FinishedWay): Answerer | undefined {
  if (way.end.kind === 'delivered') return { from: way.end.to, isIcmp: false };
  if (way.end.kind !== 'refused') return undefined;
  return { from: way.end.by, isIcmp: way.end.why !== 'port-closed' };
}

function finishReply(flow: Flow, reply: FinishedWay): Journey {
  const { state, end } = reply;
  const doubts = state.doubts.length === 0 ? {} : { doubts: state.doubts };
  if (end.kind === 'delivered' && end.to !== flow.from) {
    const lost = { kind: 'lost', at: end.to, why: 'wrong-host', isCertain: true } as const;
    return { hops: state.hops, end: lost, ...doubts };
  }
  if (end.kind !== 'delivered' || isAnswer(flow, state)) return { hops: state.hops, end, ...doubts };
  return endUnmatched(flow, state);
}

/** A socket takes an answer only from where it asked; an error of a machine on the way comes from anywhere. */
function isAnswer(flow: Flow, { packet, quoted }: WalkState): boolean {
  if (quoted !== undefined) return true;
  const isPortRight = flow.protocol === 'icmp' || packet.sourcePort === (flow.port ?? 0);
  return packet.source === flow.to && isPortRight;
}

/** The machine that translated the flow did not see the answer, or did not know it. */
function endUnmatched(flow: Flow, state: WalkState): Journey {
  const { packet } = state;
  const translator = state.connections.find(
    (connection) => connection.original.destination === flow.to && isDestinationChanged(connection),
  );
  const at = translator?.namespace ?? flow.from;
  const evidence = state.hops.findLast((hop) => hop.because.length > 0)?.because[0];
  const hopped = addHop(state, flow.from, {
    step: 'deliver',
    did: `the answer comes from ${packet.source}:${packet.sourcePort}, and ${flow.to}:${flow.port ?? 0} was asked: not taken`,
    because: evidence === undefined ? [] : [evidence],
    elements:
      evidence === undefined
        ? []
        : [{ kind: 'absence', namespace: at, of: 'connection', address: packet.source, evidence }],
  });
  const end = { kind: 'lost', at: flow.from, why: 'reply-unmatched', isCertain: true } as const;
  return { hops: hopped.hops, end, ...(state.doubts.length === 0 ? {} : { doubts: state.doubts }) };
}
