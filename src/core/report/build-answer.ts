// From a judgement to the answer. Nothing is decided here: ids, words and proofs come from diagnose and repair; this puts
// them into the published shape, in an order that depends on nothing but the facts. The same bundle gives the same bytes.
import type { Evidence } from '../fact/evidence.ts';
import type { Diagnosis, JudgedIntent, RootCause, Unknown } from '../diagnose/diagnosis.ts';
import type { Judgement } from '../pipeline.ts';
import type { Repair, RepairCommand } from '../repair/plan.ts';
import type { Trace } from '../trace/flow.ts';
import type { Answer, AnswerCause, AnswerCommand, AnswerRepair, AnswerSymptom } from './answer.ts';
import type { AnswerEvidence } from './answer-flow.ts';
import { buildIntentFlow, pathOfTrace } from './build-flow.ts';
import { buildPath } from './build-path.ts';
import { indexPlaces } from './find-places.ts';
import type { Places } from './find-places.ts';
import { groupFlows } from './group-flows.ts';
import { argumentName, compareNatural, compareText } from './names.ts';
import { makeRetracer } from './trace-healed.ts';
import type { Retracer } from './trace-healed.ts';

/** Delivered flows are listed up to this many and only counted beyond: a large cluster has millions. */
const mostDeliveredListed = 400;
const mostIntentLabels = 50;
const mostExamples = 5;

interface Parts {
  readonly judgement: Judgement;
  readonly places: Places;
  readonly judgedById: ReadonlyMap<string, JudgedIntent>;
  readonly retracer: Retracer;
}

export function buildAnswer(judgement: Judgement, retracer: Retracer = makeRetracer(judgement)): Answer {
  const { diagnosis, snapshot } = judgement;
  const parts: Parts = {
    judgement,
    places: indexPlaces(snapshot),
    judgedById: new Map(diagnosis.judged.map((judged) => [judged.intent.id, judged])),
    retracer,
  };
  const manifest = snapshot.manifest.known ? snapshot.manifest.value : undefined;
  return {
    format: 'waylaid-answer/1',
    verdict: diagnosis.verdict,
    summary: diagnosis.summary,
    ...(manifest?.collectedAt === undefined ? {} : { collectedAt: manifest.collectedAt }),
    ...(manifest?.clusterName === undefined ? {} : { cluster: manifest.clusterName }),
    vantage: { ...diagnosis.vantage, nodesMissing: [...diagnosis.vantage.nodesMissing].sort(compareNatural) },
    rootCauses: diagnosis.causes.map((cause) => buildCause(parts, cause)),
    symptoms: diagnosis.symptoms.map(buildSymptom).sort((a, b) => compareNatural(a.id, b.id)),
    cleared: diagnosis.cleared
      .map((cleared) => ({ ...cleared, evidence: copyEvidence(cleared.evidence) }))
      .sort((a, b) => compareText(a.suspect, b.suspect) || compareNatural(a.subject, b.subject)),
    unknowns: diagnosis.unknowns.map(buildUnknown).sort(compareUnknowns),
    risks: diagnosis.risks
      .map((risk) => ({ ...risk, subjects: [...risk.subjects], evidence: copyEvidence(risk.evidence) }))
      .sort((a, b) => compareText(a.code, b.code) || compareText(a.subjects.join(), b.subjects.join())),
    repairs: judgement.repairs.map(buildRepair),
    flows: buildFlows(diagnosis, parts.places),
    notes: snapshot.notes
      .map(({ code, path, text }) => ({ code, path, text }))
      .sort((a, b) => compareNatural(a.path, b.path) || compareText(a.text, b.text)),
  };
}

function buildCause(parts: Parts, cause: RootCause): AnswerCause {
  const broken = cause.breaks
    .map((id) => parts.judgedById.get(id))
    .filter((judged) => judged !== undefined)
    .sort((a, b) => compareNatural(a.intent.id, b.intent.id));
  return {
    id: cause.id,
    code: cause.code,
    layer: cause.layer,
    title: cause.title,
    explanation: cause.explanation,
    subjects: [...cause.subjects],
    elements: cause.elements.map((element) => ({ ...element, evidence: { ...element.evidence } })),
    confidence: cause.confidence,
    evidence: copyEvidence(cause.evidence),
    ...(cause.origin === undefined ? {} : { origin: cause.origin }),
    alternatives: [...cause.alternatives],
    breaks: {
      flows: cause.breaks.length,
      examples: broken.slice(0, mostExamples).map((judged) => judged.intent.id),
      intents: [...new Set(broken.map((judged) => judged.intent.label))].slice(0, mostIntentLabels),
      groups: groupFlows(broken, parts.places),
    },
    explains: [...cause.explains].sort(compareNatural),
    repairs: parts.judgement.repairs
      .filter((repair) => repair.for.includes(cause.id))
      .map((repair) => repair.id),
    changes: cause.changes.map((change) => ({ ...change })),
    ...buildExample(parts, cause.id, parts.judgedById.get(cause.exampleIntent ?? '') ?? broken[0]),
  };
}

/** The pictures: the packet's way as it is, and its way once every cause is gone. */
function buildExample(
  parts: Parts,
  causeId: string,
  example: JudgedIntent | undefined,
): Pick<AnswerCause, 'path' | 'expected' | 'trace'> {
  if (example === undefined) return {};
  const { flow } = example.intent;
  const alone = parts.retracer.traceAlone(flow, causeId);
  const path = pathOfTrace(alone?.verdict === 'fails' ? alone : example.trace, parts.places);
  const healed = parts.retracer.traceHealed(flow);
  const expected =
    healed?.verdict === 'arrives' ? healedPath(healed, path.direction, parts.places) : undefined;
  const owner = parts.places.findOwner(flow.to);
  return {
    path,
    ...(expected === undefined ? {} : { expected }),
    trace: {
      from: argumentName(flow.from),
      to: owner === undefined ? flow.to : argumentName(owner),
      protocol: flow.protocol,
      ...(flow.port === undefined ? {} : { port: flow.port }),
    },
  };
}

/** The healed way in the direction that is lost now, so that the two pictures can be laid one under the other. */
function healedPath(healed: Trace, direction: 'request' | 'reply', places: Places): AnswerCause['expected'] {
  const request = healed.journeys[0];
  const journey = direction === 'reply' ? request?.replies?.[0] : request;
  return journey === undefined ? undefined : buildPath(journey, direction, places);
}

function buildSymptom(symptom: Diagnosis['symptoms'][number]): AnswerSymptom {
  return {
    ...symptom,
    evidence: copyEvidence(symptom.evidence),
    explainedBy: [...symptom.explainedBy].sort(compareNatural),
  };
}

function buildUnknown(unknown: Unknown): Answer['unknowns'][number] {
  const { question, needs, command, why, intents } = unknown;
  return { question, needs, command, why, flows: intents.length };
}

function compareUnknowns(a: Answer['unknowns'][number], b: Answer['unknowns'][number]): number {
  return b.flows - a.flows || compareNatural(a.needs, b.needs) || compareText(a.question, b.question);
}

function buildRepair(repair: Repair): AnswerRepair {
  return {
    id: repair.id,
    for: [...repair.for],
    kind: repair.kind,
    title: repair.title,
    commands: repair.commands.map(copyCommand),
    changes: repair.changes.map((change) => ({ ...change })),
    undo: repair.undo.map(copyCommand),
    risk: repair.risk,
    disruptive: repair.isDisruptive,
    ...(repair.note === undefined ? {} : { note: repair.note }),
    simulated: { ...repair.simulated },
  };
}

function buildFlows(diagnosis: Diagnosis, places: Places): Answer['flows'] {
  const count = (verdicts: readonly string[]): number =>
    diagnosis.judged.filter((judged) => verdicts.includes(judged.trace.verdict)).length;
  const delivered = count(['arrives']);
  const isListed = (judged: JudgedIntent): boolean =>
    judged.trace.verdict !== 'arrives' || delivered <= mostDeliveredListed;
  return {
    intended: diagnosis.judged.length,
    delivered,
    failed: count(['fails', 'partly']),
    unknown: count(['unknown']),
    list: diagnosis.judged
      .filter(isListed)
      .sort((a, b) => compareNatural(a.intent.id, b.intent.id))
      .map((judged) => buildIntentFlow(judged, places)),
  };
}

function copyCommand(command: RepairCommand): AnswerCommand {
  return {
    on: command.on,
    argv: [...command.argv],
    ...(command.stdin === undefined ? {} : { stdin: command.stdin }),
  };
}

function copyEvidence(evidence: readonly Evidence[]): AnswerEvidence[] {
  return evidence.map((one) => ({ ...one }));
}
