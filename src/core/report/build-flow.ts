// One judged flow as plain data: the way that decides its verdict hop by hop, the reply of that way, and the other ways
// where there are several and not all of them arrive.
import type { JudgedIntent } from '../diagnose/diagnosis.ts';
import type { Hop, Journey, Trace } from '../trace/flow.ts';
import type { AnswerFlow, AnswerHop, AnswerJourney, AnswerPath } from './answer-flow.ts';
import { buildPath } from './build-path.ts';
import type { Places } from './find-places.ts';
import { formatElement } from './element-text.ts';
import { buildEnd } from './end-text.ts';

/** More ways than this are counted, not listed. */
const mostOtherWays = 8;

export interface FlowWords {
  readonly id: string;
  readonly kind: string;
  readonly label: string;
  readonly reason: string;
  /** What the destination was called, where somebody asked. */
  readonly toName?: string;
}

export function buildIntentFlow(judged: JudgedIntent, places: Places): AnswerFlow {
  const { id, kind, label, reason } = judged.intent;
  return buildFlow({ id, kind, label, reason }, judged.trace, places);
}

export function buildFlow(words: FlowWords, trace: Trace, places: Places): AnswerFlow {
  const { flow } = trace;
  const chosen = chooseWay(trace);
  const target = targetOf(trace, chosen.journey, places);
  const machine = places.findMachine(flow.from);
  const source = flow.fromAddress ?? chosen.journey?.hops[0]?.packet.source;
  const others = trace.journeys.filter((journey) => journey !== chosen.journey);
  const end = chosen.end;
  const { toName, ...identity } = words;
  return {
    ...identity,
    from: {
      at: flow.from,
      ...(source === undefined ? {} : { address: source }),
      ...(machine === undefined ? {} : { machine }),
    },
    to: {
      address: flow.to,
      ...(flow.port === undefined ? {} : { port: flow.port }),
      protocol: flow.protocol,
      ...(toName === undefined ? {} : { name: toName }),
      ...target,
    },
    ...(flow.mark === undefined ? {} : { mark: flow.mark }),
    verdict: trace.verdict,
    disposition: end.disposition,
    direction: chosen.direction,
    end,
    path: pathOfTrace(trace, places),
    hops: (chosen.journey?.hops ?? []).map(buildHop),
    reply: (chosen.reply?.hops ?? []).map(buildHop),
    ...(chosen.reply === undefined ? {} : { replyEnd: buildEnd(chosen.reply.end) }),
    ways: trace.journeys.length,
    ...(trace.verdict === 'arrives' || others.length === 0
      ? {}
      : { otherWays: others.slice(0, mostOtherWays).map(buildJourney) }),
  };
}

/** The picture of the way that decides, in the direction that decides. */
export function pathOfTrace(trace: Trace, places: Places): AnswerPath {
  const chosen = chooseWay(trace);
  const journey = chosen.direction === 'reply' ? chosen.reply : chosen.journey;
  return buildPath(journey ?? nowhere(trace), chosen.direction, places);
}

interface ChosenWay {
  readonly journey: Journey | undefined;
  readonly reply: Journey | undefined;
  readonly direction: AnswerPath['direction'];
  readonly end: AnswerFlow['end'];
}

function chooseWay(trace: Trace): ChosenWay {
  const isUnknownWanted = trace.verdict === 'unknown';
  const ways = trace.journeys.flatMap(waysOf);
  const rank = (way: ChosenWay): number => rankWay(way, isUnknownWanted);
  const best = ways.reduce<ChosenWay | undefined>(
    (sofar, way) => (sofar === undefined || rank(way) < rank(sofar) ? way : sofar),
    undefined,
  );
  return (
    best ?? { journey: undefined, reply: undefined, direction: 'request', end: buildEnd(nowhere(trace).end) }
  );
}

function waysOf(journey: Journey): ChosenWay[] {
  const replies = journey.replies ?? [];
  if (journey.end.kind !== 'delivered' || replies.length === 0) {
    return [{ journey, reply: undefined, direction: 'request', end: buildEnd(journey.end) }];
  }
  return replies.map((reply) => {
    const isReplyLost = reply.end.kind !== 'delivered';
    return {
      journey,
      reply,
      direction: isReplyLost ? 'reply' : 'request',
      end: buildEnd(isReplyLost ? reply.end : journey.end),
    };
  });
}

/** Smaller decides: what fails before what is not known, unless not knowing is the verdict. */
function rankWay(way: ChosenWay, isUnknownWanted: boolean): number {
  if (way.end.disposition === 'delivered') return 4;
  if (way.end.disposition === 'unknown') return isUnknownWanted ? 0 : 3;
  return way.direction === 'request' ? 1 : 2;
}

function nowhere(trace: Trace): Journey {
  return {
    hops: [],
    end: { kind: 'unknown', at: trace.flow.from, question: 'the trace followed no packet' },
  };
}

/** Where it arrived; for one that did not, where the address is, as far as anybody says. */
function targetOf(
  trace: Trace,
  journey: Journey | undefined,
  places: Places,
): { at?: string; machine?: string } {
  const arrivedAt = journey?.end.kind === 'delivered' ? journey.end.to : undefined;
  const owner = arrivedAt ?? places.findOwner(trace.flow.to);
  const machine = owner === undefined ? undefined : places.findMachine(owner);
  return {
    ...(arrivedAt === undefined ? {} : { at: arrivedAt }),
    ...(machine === undefined ? {} : { machine }),
  };
}

function buildJourney(journey: Journey): AnswerJourney {
  return {
    hops: journey.hops.map(buildHop),
    end: buildEnd(journey.end),
    ...(journey.replies === undefined ? {} : { replies: journey.replies.map(buildJourney) }),
  };
}

function buildHop(hop: Hop): AnswerHop {
  return {
    at: hop.at,
    step: hop.step,
    did: hop.did,
    decidedBy: hop.elements.map((element) => ({
      kind: element.kind,
      in: element.namespace,
      text: formatElement(element),
    })),
    because: hop.because.map((evidence) => ({ ...evidence })),
    state: { ...hop.packet },
    ...(hop.link === undefined ? {} : { link: hop.link }),
    ...(hop.assumes === undefined ? {} : { assumes: hop.assumes }),
    ...(hop.nested === undefined ? {} : { nested: buildJourney(hop.nested) }),
  };
}
