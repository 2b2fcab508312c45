// From a snapshot to what is wrong with it. In: facts. Out: how every intent fared, the root causes, the symptoms under
// them, what was cleared and what nobody knows. The steps are those of the design, in order.
import { buildCauses, healsAny } from './build-causes.ts';
import { clearSuspects } from './clear-suspects.ts';
import type {
  Diagnosis,
  DiagnosisVerdict,
  Intent,
  JudgedIntent,
  RootCause,
  Symptom,
  Unknown,
  Vantage,
} from './diagnosis.ts';
import type { Candidate } from './candidate.ts';
import { dropForbidden, dropForbiddenWhenHealed, isPolicyChange, meetsPolicy } from './denied-on-purpose.ts';
import { causesOfEndpoints, explainSymptoms } from './explain-symptoms.ts';
import { findChanges, findNeeded } from './find-changes.ts';
import type { FoundChanges } from './find-changes.ts';
import { judgeMeasured } from './judge-measured.ts';
import { listDoubts } from './list-doubts.ts';
import { listIntents } from './list-intents.ts';
import { listRisks } from './list-risks.ts';
import { listSizeIntents } from './list-size-intents.ts';
import { listUnknowns, listUnlisted } from './list-unknowns.ts';
import { readLogSymptoms } from './symptoms/read-log-symptoms.ts';
import { readPodSymptoms } from './symptoms/read-pod-symptoms.ts';
import { openWorld } from './world.ts';
import type { World } from './world.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

export function diagnoseSnapshot(snapshot: Snapshot): Diagnosis {
  const base = openWorld(snapshot);
  const asked = dropForbidden(base.network, judgeIntents(base, snapshot));
  const judged = meetsPolicy(asked) ? dropForbiddenWhenHealed(healOthers(base, asked), asked) : asked;
  const failing = judged.filter(isFailing);
  const found = findChanges(base, failing, judged.filter(isArriving));
  const { causes, causeOf } = buildCauses(base, found, failing);
  const symptoms = explainAll(base, { found, causeOf, judged });
  const explained = causes.map((cause) => withSymptoms(cause, symptoms, { base, found, failing }));
  const { open: doubts, noted } = listDoubts(base.network, judged);
  const unknowns = [...listUnknowns(base.network, judged), ...doubts, ...noted];
  const unlisted = listUnlisted(base.network);
  const verdict = judgeAll({ judged, causes: explained, symptoms, unlisted, doubts });
  return {
    verdict,
    summary: summarise({ verdict, judged, causes: explained, symptoms, unknowns, unlisted, doubts }),
    vantage: describeVantage(snapshot),
    judged,
    causes: explained,
    symptoms,
    cleared: clearSuspects({ base, healed: found.healed, judged, causes: explained, symptoms }),
    unknowns,
    risks: listRisks(base, explained, judged),
  };
}

/** The world where whatever is wrong beside the policies is mended. */
function healOthers(base: World, judged: readonly JudgedIntent[]): World {
  const isOther = (candidate: Candidate): boolean => !isPolicyChange(candidate);
  return findChanges(base, judged.filter(isFailing), judged.filter(isArriving), isOther).healed;
}

function isArriving({ trace }: JudgedIntent): boolean {
  return trace.verdict === 'arrives';
}

function isFailing({ trace }: JudgedIntent): boolean {
  return trace.verdict === 'fails' || trace.verdict === 'partly';
}

function judgeIntents(base: World, snapshot: Snapshot): readonly JudgedIntent[] {
  const judge = (intent: Intent): JudgedIntent =>
    judgeMeasured({ intent, trace: base.trace(intent.flow) }, snapshot.probes);
  const judged = listIntents(base.network, snapshot.probes)
    .map(judge)
    .filter((one) => isJudgeable(base, one));
  return [...judged, ...listSizeIntents(base.network, judged).map(judge)];
}

/**
 * What leads out counts where it can be judged. A tracked connection counts where a new one would fare well: else what
 * fails the new one failed the tracked one first.
 */
function isJudgeable(base: World, { intent, trace }: JudgedIntent): boolean {
  if (intent.isOutward === true) return trace.verdict !== 'unknown';
  const { fromPort, ...fresh } = intent.flow;
  return fromPort === undefined || base.trace(fresh).verdict === 'arrives';
}

interface Found {
  readonly found: FoundChanges;
  readonly causeOf: ReadonlyMap<string, string>;
  readonly judged: readonly JudgedIntent[];
}

function explainAll(base: World, about: Found): readonly Symptom[] {
  const { cluster } = base.network;
  const pods = cluster.pods.known ? cluster.pods.value : [];
  const observed = [...readPodSymptoms(pods), ...readLogSymptoms(base.network, cluster.logs)];
  const idsOf = (candidates: readonly { readonly key: string }[]): readonly string[] =>
    candidates.flatMap((candidate) => about.causeOf.get(candidate.key) ?? []);
  return explainSymptoms(observed, {
    base,
    judged: about.judged,
    causesOf: (flow) => idsOf(findNeeded(about.found, base, flow)),
    causesOfIntent: new Map([...about.found.needed].map(([id, candidates]) => [id, idsOf(candidates)])),
  });
}

/** A cause explains its symptoms, and breaks what fails for the sake of pods that those symptoms made unwell. */
function withSymptoms(cause: RootCause, symptoms: readonly Symptom[], about: Completing): RootCause {
  const own = symptoms.filter((symptom) => symptom.explainedBy.includes(cause.id));
  const byPod = new Map(own.map((symptom) => [symptom.subject, [cause.id]]));
  const dependent = about.failing.filter(({ intent }) =>
    causesOfEndpoints(intent.flow, about, byPod).includes(cause.id),
  );
  const breaks = [...new Set([...cause.breaks, ...dependent.map(({ intent }) => intent.id)])];
  const broken = about.failing.filter(({ intent }) => cause.breaks.includes(intent.id));
  // An observed failure on the very way closes the gap that a machine outside the evidence leaves.
  const isObserved = own.length > 0 && healsAny(about.found, broken);
  return {
    ...cause,
    breaks,
    explains: own.map((symptom) => symptom.id),
    confidence: isObserved ? 'proven' : cause.confidence,
  };
}

interface Completing {
  readonly base: World;
  readonly found: FoundChanges;
  readonly failing: readonly JudgedIntent[];
}

interface Judged {
  readonly judged: readonly JudgedIntent[];
  readonly causes: readonly RootCause[];
  readonly symptoms: readonly Symptom[];
  /** Lists of the cluster that are missing, so that not every flow that should work could be asked. */
  readonly unlisted: readonly Unknown[];
  /** Packet filters on the way that could drop, and that could not be read. */
  readonly doubts: readonly Unknown[];
}

function judgeAll({ judged, causes, symptoms, unlisted, doubts }: Judged): DiagnosisVerdict {
  if (causes.some((cause) => cause.confidence !== 'suspected')) return 'broken';
  const isOpen = judged.length === 0 || judged.some(({ trace }) => trace.verdict !== 'arrives');
  const isUnexplained = symptoms.some(
    (symptom) => symptom.explainedBy.length === 0 && symptom.notConnectivity === undefined,
  );
  return isOpen || isUnexplained || unlisted.length > 0 || doubts.length > 0 ? 'unknown' : 'healthy';
}

function summarise(
  about: Judged & { readonly verdict: DiagnosisVerdict; readonly unknowns: readonly Unknown[] },
): string {
  const { verdict, judged, causes, symptoms, unknowns, unlisted, doubts } = about;
  const first = causes[0];
  if (verdict === 'broken' && first !== undefined) return first.title;
  if (verdict === 'healthy') return `${judged.length} intended flows arrive.`;
  if (judged.length === 0) return 'The evidence names nothing that should work, so nothing can be judged.';
  const failing = judged.filter(
    ({ trace }) => trace.verdict === 'fails' || trace.verdict === 'partly',
  ).length;
  if (failing > 0) return `${failing} intended flows fail, and no change that was tried heals them.`;
  const open = judged.filter(({ trace }) => trace.verdict === 'unknown').length;
  if (open > 0)
    return `${open} intended flows cannot be judged: ${unknowns[0]?.question ?? 'facts are missing'}`;
  const unexplained = symptoms.filter(
    (symptom) => symptom.explainedBy.length === 0 && symptom.notConnectivity === undefined,
  );
  if (unexplained.length === 0)
    return `${judged.length} intended flows arrive, but not everything is known: ${[...unlisted, ...doubts][0]?.question ?? 'facts are missing'}`;
  return `All ${judged.length} intended flows arrive on the model, yet ${unexplained.length} observed failures are unexplained.`;
}

function describeVantage(snapshot: Snapshot): Vantage {
  const { nodes } = snapshot.cluster;
  const named = nodes.known ? nodes.value.map((node) => node.name) : [];
  // A machine that is no node of the cluster is no missing node either.
  const isNode = (name: string): boolean => !nodes.known || named.includes(name);
  const missing = new Set([
    ...named.filter((name) => !snapshot.nodes.has(name)),
    ...[...snapshot.unreachable.keys()].filter(isNode),
  ]);
  return {
    nodesSeen: [...snapshot.nodes.keys()].filter((name) => !snapshot.unreachable.has(name)).length,
    nodesMissing: [...missing].sort(),
    podNamespacesSeen: [...snapshot.nodes.values()].reduce(
      (sum, machine) => sum + machine.pods.size + machine.unnamedNamespaces.size,
      0,
    ),
    tailnetPolicySeen: snapshot.tailnet.get('policy.hujson')?.known === true,
  };
}
