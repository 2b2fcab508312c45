// A prediction and a measurement of the same flow. Where they differ, the prediction is wrong, whatever it rests on: the
// flow counts as unknown, and the answer says which probe contradicts it.
import type { JudgedIntent } from './diagnosis.ts';
import type { ProbeFact } from '../snapshot/snapshot.ts';
import type { Journey, Trace } from '../trace/flow.ts';

/** Outcomes of a connect that say whether the packet got there: a refusal by the port is an arrival. */
const arrived: readonly string[] = ['ok', 'refused', 'reset', 'tls-error', 'status', 'nxdomain', 'servfail'];
const lost: readonly string[] = ['timeout', 'unreachable'];

export function judgeMeasured(judged: JudgedIntent, probes: readonly ProbeFact[]): JudgedIntent {
  if (judged.intent.kind !== 'probe') return judged;
  const [evidence] = judged.intent.evidence;
  const probe = probes.find(
    (candidate) => candidate.evidence.path === evidence?.path && candidate.evidence.at === evidence.at,
  );
  if (probe === undefined || agrees(judged.trace, probe)) return judged;
  return { ...judged, trace: contradict(judged.trace, probe) };
}

function agrees(trace: Trace, probe: ProbeFact): boolean {
  const isArrived =
    arrived.includes(probe.outcome) && !(probe.stage === 'resolve' && probe.outcome === 'timeout');
  if (trace.verdict === 'arrives') return isArrived || !lost.includes(probe.outcome);
  if (trace.verdict === 'fails') return !isArrived || isRefusal(trace, probe);
  return true;
}

function isRefusal(trace: Trace, probe: ProbeFact): boolean {
  return probe.outcome === 'refused' && trace.journeys.some((journey) => journey.end.kind === 'refused');
}

function contradict(trace: Trace, probe: ProbeFact): Trace {
  const question = `the model says ${trace.verdict}, but ${probe.id ?? 'a probe'} measured ${probe.stage} ${probe.outcome} (${probe.evidence.path})`;
  const open = (journey: Journey): Journey => ({
    hops: journey.hops,
    end: { kind: 'unknown', at: trace.flow.from, question },
  });
  return { flow: trace.flow, journeys: trace.journeys.map(open), verdict: 'unknown' };
}
