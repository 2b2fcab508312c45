// From chosen changes to root causes: grouped, named, with what they break, and as sure as the evidence allows.
import { nameCause } from './catalogue.ts';
import { groupCandidates } from './cause-group.ts';
import type { CauseGroup } from './cause-group.ts';
import type { Candidate } from './candidate.ts';
import type { Confidence, JudgedIntent, RootCause } from './diagnosis.ts';
import type { FoundChanges } from './find-changes.ts';
import type { World } from './world.ts';
import type { Evidence } from '../fact/evidence.ts';
import type { Hop, Journey } from '../trace/flow.ts';

export interface BuiltCauses {
  /** Without `explains`, which needs the symptoms. */
  readonly causes: readonly RootCause[];
  /** Candidate key to cause id. */
  readonly causeOf: ReadonlyMap<string, string>;
}

export function buildCauses(
  world: World,
  found: FoundChanges,
  failing: readonly JudgedIntent[],
): BuiltCauses {
  const groups = groupCandidates(world, found.chosen);
  const drafts = groups.map((group) => draftCause(world, found, group, failing));
  // The cause that breaks most comes first; then by name, so that the order never depends on the bundle's.
  const ordered = drafts.sort(
    (a, b) => b.cause.breaks.length - a.cause.breaks.length || (a.cause.title < b.cause.title ? -1 : 1),
  );
  const causes = ordered.map(({ cause }, index) => ({ ...cause, id: `rc${index + 1}` }));
  const pairs = ordered.flatMap(({ group }, index) =>
    group.candidates.map((candidate): [string, string] => [candidate.key, `rc${index + 1}`]),
  );
  return { causes, causeOf: new Map(pairs) };
}

function draftCause(
  world: World,
  found: FoundChanges,
  group: CauseGroup,
  failing: readonly JudgedIntent[],
): { readonly cause: RootCause; readonly group: CauseGroup } {
  const broken = failing.filter(({ intent }) => needsAny(found, intent.id, group.candidates));
  const named = nameCause({ ...group, broken }, world);
  const example = pickExample(broken);
  const cause: RootCause = {
    id: '',
    ...named,
    confidence: judgeConfidence(found, broken),
    evidence: listEvidence(
      named.elements.map((element) => element.evidence),
      example,
    ),
    changes: group.changes,
    breaks: broken.map(({ intent }) => intent.id),
    explains: [],
    alternatives: listAlternatives(found, group),
    ...(example === undefined ? {} : { exampleIntent: example.intent.id }),
  };
  return { cause, group };
}

function needsAny(found: FoundChanges, intent: string, candidates: readonly Candidate[]): boolean {
  const needed = found.needed.get(intent) ?? [];
  return needed.some((candidate) => candidates.includes(candidate));
}

/** A pod's own packet, lost on its way there, shows the fault best; and of those the shortest way. */
function pickExample(broken: readonly JudgedIntent[]): JudgedIntent | undefined {
  const kinds = [
    'pod-to-pod',
    'pod-to-service',
    'node-to-pod',
    'node-to-node',
    'node-to-service',
    'probe',
    'question',
  ];
  const rank = ({ intent, trace }: JudgedIntent): number => {
    const lost = trace.journeys.find((journey) => journey.end.kind === 'lost');
    const isReplyLost = lost === undefined ? 1000 : 0;
    return kinds.indexOf(intent.kind) * 100 + isReplyLost + (lost?.hops.length ?? 0);
  };
  return [...broken].sort((a, b) => rank(a) - rank(b))[0];
}

/**
 * Proven: at least one of the losses is certain, for what decides it was seen, and the change was seen to heal; otherwise
 * part of the way is outside, or a fact further on is missing.
 */
function judgeConfidence(found: FoundChanges, broken: readonly JudgedIntent[]): Confidence {
  if (!healsAny(found, broken)) return 'supported';
  const losses = broken.flatMap(({ trace }) => trace.journeys.flatMap(endsOf));
  const isCertain = losses.some((end) => end.kind === 'refused' || (end.kind === 'lost' && end.isCertain));
  return isCertain ? 'proven' : 'supported';
}

export function healsAny(found: FoundChanges, broken: readonly JudgedIntent[]): boolean {
  return broken.some(({ intent }) => found.healed.trace(intent.flow).verdict === 'arrives');
}

function endsOf(journey: Journey): readonly Journey['end'][] {
  return [journey.end, ...(journey.replies ?? []).map((reply) => reply.end)];
}

function listEvidence(own: readonly Evidence[], example: JudgedIntent | undefined): readonly Evidence[] {
  const last = example === undefined ? undefined : lastHop(example);
  const all = [...own, ...(last?.because ?? [])].filter((evidence) => !evidence.path.startsWith('('));
  return [...new Map(all.map((evidence) => [`${evidence.path} ${evidence.at ?? ''}`, evidence])).values()];
}

function lastHop(example: JudgedIntent): Hop | undefined {
  const journey =
    example.trace.journeys.find((candidate) => candidate.end.kind !== 'delivered') ??
    example.trace.journeys[0];
  const reply = journey?.replies?.find((candidate) => candidate.end.kind !== 'delivered');
  return (reply ?? journey)?.hops.at(-1);
}

function listAlternatives(found: FoundChanges, group: CauseGroup): readonly string[] {
  return [
    ...new Set(
      group.candidates.flatMap((candidate) =>
        (found.alternatives.get(candidate.key) ?? []).map((other) => other.family),
      ),
    ),
  ].sort();
}
