// The first screen: verdict, root causes, what was cleared, what is not known, the fix and the next command to type. In: an
// answer. Out: text that fits the terminal. Nothing is said here that the answer does not hold.
import { evidenceLabel } from '../../fact/evidence.ts';
import type { Answer, AnswerRepair } from '../answer.ts';
import { shortName } from '../names.ts';
import { cleanStrings } from './clean-text.ts';
import { displayWidth } from './display-width.ts';
import { countOf, indentedLines, labelColumnsFor, labelledLines, listSome, wrapText } from './layout.ts';
import { causeLines, describeSymptom } from './render-cause.ts';
import { describeProof, repairKinds } from './render-repairs.ts';
import { columnsOf, emptyLine, formatLines, glyphsOf, span, widestProse } from './text-style.ts';
import type { Line, TextStyle, Tone } from './text-style.ts';

const mostListed = 4;
const mostRepairs = 6;

/** How the user called us, so that the commands we suggest can be typed as they stand. */
export interface Invocation {
  /** `waylaid` or `kubectl waylaid`. */
  readonly program: string;
  /** `--bundle x`, `--lab y` or nothing. */
  readonly source: readonly string[];
}

export function renderAnswer(
  answer: Answer,
  style: TextStyle,
  invocation: Invocation = { program: 'waylaid', source: [] },
): string {
  // The flows are not drawn here, and cleaning thousands of them would be all that takes time.
  const clean = cleanStrings({ ...answer, flows: { ...answer.flows, list: [] } }, style);
  const sections = [
    headLines(clean, style),
    ...clean.rootCauses.map((cause, index) => causeLines(cause, index + 1, clean, style)),
    asideLines(clean, style),
    nextLines(clean, style, invocation),
  ].filter((lines) => lines.length > 0);
  return formatLines(
    sections.flatMap((lines, index) => (index === 0 ? lines : [emptyLine, ...lines])),
    style,
  );
}

const verdictTone: Readonly<Record<Answer['verdict'], Tone>> = {
  healthy: 'good',
  broken: 'bad',
  unknown: 'warn',
};

function headLines(answer: Answer, style: TextStyle): Line[] {
  const glyphs = glyphsOf(style);
  const columns = Math.min(columnsOf(style), widestProse);
  const label = `${glyphs[answer.verdict]} ${answer.verdict}`;
  return labelledLines({
    label,
    text: headline(answer),
    indent: 0,
    labelColumns: label.length + 3,
    columns,
    labelTone: verdictTone[answer.verdict],
  });
}

function headline(answer: Answer): string {
  switch (answer.verdict) {
    case 'healthy':
      return `${countOf(answer.flows.intended, 'intended flow')} ${answer.flows.intended === 1 ? 'arrives' : 'arrive'} (${describeVantage(answer)})`;
    case 'broken':
      return brokenHeadline(answer);
    case 'unknown':
      return unknownHeadline(answer);
  }
}

function brokenHeadline(answer: Answer): string {
  const causes = countOf(answer.rootCauses.length, 'root cause');
  const verb = answer.rootCauses.length === 1 ? 'explains' : 'explain';
  const explained = answer.symptoms.filter((symptom) => symptom.explainedBy.length > 0);
  const logLines = explained
    .filter((symptom) => symptom.kind === 'log-error')
    .reduce((sum, symptom) => sum + symptom.count, 0);
  const crashLoops = explained.filter((symptom) => symptom.kind === 'crash-loop').length;
  const others =
    explained.length - crashLoops - explained.filter((symptom) => symptom.kind === 'log-error').length;
  const parts = [
    `${answer.flows.failed} of ${countOf(answer.flows.intended, 'flow')}`,
    ...(crashLoops > 0 ? [countOf(crashLoops, 'crash loop')] : []),
    ...(logLines > 0 ? [countOf(logLines, 'log line')] : []),
    ...(others > 0 ? [countOf(others, 'other symptom')] : []),
  ];
  return `${causes} ${verb} ${parts.join(', ')}`;
}

function unknownHeadline(answer: Answer): string {
  const first = answer.unknowns[0];
  const flows = answer.flows.unknown;
  const unjudged = flows === 0 ? '' : `cannot judge ${countOf(flows, 'flow')} of ${answer.flows.intended}: `;
  if (first === undefined) return unjudged === '' ? answer.summary : `${unjudged}${answer.summary}`;
  return `${unjudged}${first.question} (${first.needs}: ${first.why}). Run: ${first.command}`;
}

function describeVantage(answer: Answer): string {
  const { vantage } = answer;
  const nodes = vantage.nodesSeen + vantage.nodesMissing.length;
  return [
    `${vantage.nodesSeen} of ${countOf(nodes, 'node')} seen`,
    ...(vantage.podNamespacesSeen > 0 ? [`${countOf(vantage.podNamespacesSeen, 'pod namespace')} seen`] : []),
    ...(vantage.tailnetPolicySeen ? ['tailnet policy seen'] : []),
  ].join(', ');
}

function asideLines(answer: Answer, style: TextStyle): Line[] {
  const most = style.isWide ? Number.POSITIVE_INFINITY : mostListed;
  const joint = ` ${glyphsOf(style).dot} `;
  const unexplained = answer.symptoms.filter(
    (one) => one.explainedBy.length === 0 && one.notConnectivity === undefined,
  );
  const apart = answer.symptoms.filter((one) => one.notConnectivity !== undefined);
  const cleared = answer.cleared.map((one) => {
    const subject = shortName(one.subject);
    return `${one.suspect}${one.suspect.includes(subject) ? '' : ` (${subject})`}: ${one.reason}`;
  });
  const unknowns = answer.unknowns.slice(answer.verdict === 'unknown' ? 1 : 0);
  return [
    ...asideBlock('not the cause', listSome(cleared, most, joint), style),
    ...asideBlock(
      'not explained',
      listSome(
        unexplained.map((one) => describeSymptom(one, style)),
        most,
        joint,
      ),
      style,
    ),
    ...asideBlock(
      'not network',
      listSome(
        apart.map((one) => `${describeSymptom(one, style)}: ${one.notConnectivity ?? ''}`),
        most,
        joint,
      ),
      style,
    ),
    ...asideBlock('not known', listSome(unknowns.map(describeUnknown), most, joint), style),
    ...asideBlock(
      'at risk',
      listSome(
        answer.risks.map((risk) => risk.text),
        most,
        joint,
      ),
      style,
    ),
    ...(style.isWide ? wideAsides(answer, style) : []),
  ];
}

function describeUnknown(unknown: Answer['unknowns'][number]): string {
  const flows = unknown.flows === 0 ? '' : `, ${countOf(unknown.flows, 'flow')} unjudged`;
  return `${unknown.question} (${unknown.why}${flows}; run: ${unknown.command})`;
}

function wideAsides(answer: Answer, style: TextStyle): Line[] {
  const columns = Math.min(columnsOf(style), widestProse);
  const sources = [
    ...answer.cleared.map((one) => ({ text: `cleared: ${one.suspect}`, evidence: one.evidence })),
    ...answer.symptoms.map((one) => ({
      text: `symptom: ${describeSymptom(one, style)}`,
      evidence: one.evidence,
    })),
    ...answer.risks.map((one) => ({ text: `risk: ${one.text}`, evidence: one.evidence })),
  ].filter((source) => source.evidence.length > 0);
  if (sources.length === 0) return [];
  return [
    emptyLine,
    [span('evidence', 'dim')],
    ...sources.flatMap((source) => [
      ...indentedLines(source.text, 3, columns),
      ...source.evidence.slice(0, 3).flatMap((one) => indentedLines(evidenceLabel(one), 6, columns, 'dim')),
    ]),
  ];
}

function asideBlock(label: string, text: string, style: TextStyle): Line[] {
  if (text === '') return [];
  const columns = Math.min(columnsOf(style), widestProse);
  return labelledLines({
    label,
    text,
    indent: 0,
    labelColumns: labelColumnsFor(15, columns),
    columns,
    labelTone: 'strong',
  });
}

function nextLines(answer: Answer, style: TextStyle, invocation: Invocation): Line[] {
  const command = (...words: readonly string[]): string =>
    [invocation.program, ...words, ...invocation.source].join(' ');
  const repairs = answer.repairs
    .slice(0, mostRepairs)
    .flatMap((repair, index) => asideBlock(index === 0 ? 'fix' : '', describeRepair(answer, repair), style));
  const cause = answer.rootCauses[0];
  const looks = [
    ...(cause?.trace === undefined ? [] : [command('trace', ...traceArguments(cause.trace))]),
    ...(cause === undefined || cause.code === 'uncatalogued'
      ? []
      : [`${invocation.program} explain ${cause.code}`]),
  ];
  return [
    ...repairs,
    ...(repairs.length === 0 ? [] : commandBlock('', command('fix', '--dry-run'), style)),
    ...looks.flatMap((text, index) => commandBlock(index === 0 ? 'look' : '', text, style)),
  ];
}

/** A command that is too long for its line goes on after a backslash, so that it can still be pasted. */
function commandBlock(label: string, command: string, style: TextStyle): Line[] {
  const columns = Math.min(columnsOf(style), widestProse);
  const labelColumns = labelColumnsFor(15, columns);
  const room = columns - labelColumns;
  const rows = displayWidth(command) <= room ? [command] : wrapText(command, room - 2);
  return rows.flatMap((row, index) =>
    labelledLines({
      label: index === 0 ? label : '',
      text: index < rows.length - 1 ? `${row} \\` : row,
      indent: 0,
      labelColumns,
      columns,
      labelTone: 'strong',
    }),
  );
}

function describeRepair(answer: Answer, repair: AnswerRepair): string {
  const numbers = repair.for.map((id) => answer.rootCauses.findIndex((cause) => cause.id === id) + 1);
  const which = answer.rootCauses.length > 1 ? `${numbers.join('+')} ` : '';
  return `${which}${repairKinds[repair.kind]}: ${repair.title} (${describeProof(repair)})`;
}

export function traceArguments(trace: NonNullable<Answer['rootCauses'][number]['trace']>): readonly string[] {
  return [
    trace.from,
    trace.to,
    ...(trace.protocol === 'tcp' ? [] : ['--proto', trace.protocol]),
    ...(trace.port === undefined ? [] : ['--port', String(trace.port)]),
  ];
}
