// One root cause on the first screen: what it is, how sure, the path of a packet it loses, the state that decides, who made
// that state, what it breaks and what it explains. In: a cause of a cleaned answer. Out: lines.
import type { Evidence } from '../../fact/evidence.ts';
import { evidenceLabel } from '../../fact/evidence.ts';
import type { Answer, AnswerCause, AnswerSymptom } from '../answer.ts';
import { shortName } from '../names.ts';
import { displayWidth } from './display-width.ts';
import {
  cutText,
  firstSentence,
  indentedLines,
  labelColumnsFor,
  labelledLines,
  listSome,
  withRightText,
  wrapText,
} from './layout.ts';
import { drawPicture } from './picture.ts';
import { columnsOf, emptyLine, span, widestProse } from './text-style.ts';
import type { Line, TextStyle, Tone } from './text-style.ts';

const indent = 3;
const mostElements = 3;
const mostSymptoms = 4;
const mostGroups = 4;
const longestSymptom = 110;

const confidenceTone: Readonly<Record<AnswerCause['confidence'], Tone>> = {
  proven: 'good',
  supported: 'warn',
  suspected: 'dim',
};

export function causeLines(cause: AnswerCause, number: number, answer: Answer, style: TextStyle): Line[] {
  const columns = Math.min(columnsOf(style), widestProse);
  const picture =
    cause.path === undefined || cause.path.steps.length < 2
      ? []
      : [...drawPicture({ path: cause.path, expected: cause.expected }, columnsOf(style), style), emptyLine];
  return [
    ...titleLines(cause, number, columns),
    ...explanationLines(cause, picture.length > 0, columns, style),
    ...(picture.length > 0 ? [emptyLine] : []),
    ...picture,
    ...elementLines(cause, columns, style),
    ...factLines('origin', cause.origin, columns),
    ...factLines('breaks', describeBreaks(cause, style), columns),
    ...factLines('explains', describeSymptoms(cause, answer.symptoms, style), columns),
    ...(cause.alternatives.length === 0
      ? []
      : factLines('or', `${cause.alternatives.join('; ')} (nothing seen tells these apart)`, columns)),
    ...(style.isWide ? wideLines(cause, columns) : []),
  ];
}

function titleLines(cause: AnswerCause, number: number, columns: number): Line[] {
  const mark = `${number}`.padEnd(indent);
  const room = columns - indent - cause.confidence.length - 2;
  const lines = wrapText(cause.title, room).map((text, index): Line => [
    span(index === 0 ? mark : ' '.repeat(indent), 'strong'),
    span(text, 'strong'),
  ]);
  return withRightText(lines, span(cause.confidence, confidenceTone[cause.confidence]), columns);
}

/** The picture says most of it; without one, or asked for everything, the whole explanation. */
function explanationLines(
  cause: AnswerCause,
  hasPicture: boolean,
  columns: number,
  style: TextStyle,
): Line[] {
  const text = hasPicture && !style.isWide ? firstSentence(cause.explanation) : cause.explanation;
  return text === '' ? [] : indentedLines(text, indent, columns);
}

function elementLines(cause: AnswerCause, columns: number, style: TextStyle): Line[] {
  const most = style.isWide ? cause.elements.length : mostElements;
  const isInOnePlace = new Set(cause.elements.map((element) => element.in)).size <= 1;
  const shown = cause.elements.slice(0, most).flatMap((element) => {
    const text = isInOnePlace ? element.text : `${shortName(element.in)}: ${element.text}`;
    return elementLine(element.kind, text, element.evidence, columns);
  });
  const rest = cause.elements.length - most;
  return rest > 0 ? [...shown, ...factLines('', `and ${rest} more (-o wide shows all)`, columns)] : shown;
}

function elementLine(kind: string, text: string, evidence: Evidence, columns: number): Line[] {
  const labelColumns = labelColumnsFor(10, columns);
  const lines = labelledLines({ label: kind, text, indent, labelColumns, columns, labelTone: 'dim' });
  const source = evidenceLabel(evidence);
  const isRoomy =
    lines.length === 1 && indent + labelColumns + displayWidth(text) + 2 + displayWidth(source) <= columns;
  if (isRoomy) return withRightText(lines, span(source, 'dim'), columns);
  return [...lines, ...indentedLines(source, indent + labelColumns, columns, 'dim')];
}

export function factLines(label: string, text: string | undefined, columns: number): Line[] {
  if (text === undefined || text === '') return [];
  const labelColumns = labelColumnsFor(10, columns);
  return labelledLines({ label, text, indent, labelColumns, columns, labelTone: 'dim' });
}

function describeBreaks(cause: AnswerCause, style: TextStyle): string {
  const groups = cause.breaks.groups.map((group) => `${group.text} (${group.flows})`);
  return listSome(groups, style.isWide ? groups.length : mostGroups);
}

function describeSymptoms(cause: AnswerCause, symptoms: readonly AnswerSymptom[], style: TextStyle): string {
  const explained = symptoms
    .filter((symptom) => symptom.explainedBy.includes(cause.id))
    .map((symptom) => describeSymptom(symptom, style));
  return listSome(explained, style.isWide ? explained.length : mostSymptoms, '; ');
}

/** `timeout connecting to 10.43.0.10 (swimto/api, 31 times)`; a long log line is cut unless everything is wanted. */
export function describeSymptom(symptom: AnswerSymptom, style: TextStyle): string {
  const subject = shortName(symptom.subject);
  const facts = [
    ...(symptom.text.includes(subject) ? [] : [subject]),
    ...(symptom.kind === 'log-error' && symptom.count > 1 ? [`${symptom.count} times`] : []),
  ];
  const text = style.isWide ? symptom.text : cutText(symptom.text, longestSymptom);
  return facts.length === 0 ? text : `${text} (${facts.join(', ')})`;
}

function wideLines(cause: AnswerCause, columns: number): Line[] {
  const evidence = cause.evidence.flatMap((one) =>
    factLines(
      'evidence',
      one.quote === undefined ? evidenceLabel(one) : `${evidenceLabel(one)}  ${one.quote}`,
      columns,
    ),
  );
  return [
    ...factLines('code', `${cause.code} (layer ${cause.layer})`, columns),
    ...factLines('subjects', cause.subjects.join(', '), columns),
    ...evidence,
  ];
}
