// `waylaid explain`: the list of catalogued diagnoses, or the words of one.
import type { DiagnosisText } from '../../diagnose/diagnosis-text.ts';
import { cleanStrings } from './clean-text.ts';
import { padEnd } from './display-width.ts';
import { indentedLines, wrapText } from './layout.ts';
import { columnsOf, emptyLine, formatLines, span, widestProse } from './text-style.ts';
import type { Line, TextStyle } from './text-style.ts';

export function renderCatalogue(diagnoses: readonly DiagnosisText[], style: TextStyle): string {
  const clean = cleanStrings(diagnoses, style);
  const longest = Math.max(0, ...clean.map((diagnosis) => diagnosis.code.length));
  const columns = columnsOf(style);
  const isWideEnough = columns - longest - 3 >= 30;
  const lines = clean.flatMap((diagnosis): Line[] => {
    if (!isWideEnough) {
      return [
        ...wrapText(diagnosis.code, columns).map((text): Line => [span(text, 'strong')]),
        ...indentedLines(diagnosis.title, 3, columns),
      ];
    }
    const titles = wrapText(diagnosis.title, columns - longest - 3);
    return titles.map((title, index) => [
      span(padEnd(index === 0 ? diagnosis.code : '', longest + 3), 'strong'),
      span(title),
    ]);
  });
  return formatLines(lines, style);
}

export function renderExplanation(diagnosis: DiagnosisText, style: TextStyle): string {
  const clean = cleanStrings(diagnosis, style);
  const columns = Math.min(columnsOf(style), widestProse);
  return formatLines(
    [
      ...wrapText(clean.title, columns).map((text): Line => [span(text, 'strong')]),
      ...indentedLines(`${clean.code} (layer ${clean.layer})`, 0, columns, 'dim'),
      emptyLine,
      ...indentedLines(clean.meaning, 0, columns),
      ...section('How it is proved', indentedLines(clean.howProved, 3, columns)),
      ...section(
        'By hand',
        clean.byHand.flatMap((step) => stepLines(step, columns)),
      ),
      ...section(
        'Sources',
        clean.sources.flatMap((source) => indentedLines(source, 3, columns)),
      ),
    ],
    style,
  );
}

function section(title: string, lines: readonly Line[]): Line[] {
  return lines.length === 0 ? [] : [emptyLine, [span(title, 'strong')], ...lines];
}

/** A command is not wrapped: it must be possible to paste it. */
function stepLines(step: string, columns: number): Line[] {
  return step.startsWith('$ ')
    ? [[span(' '.repeat(5)), span(step.slice(2), 'accent')]]
    : indentedLines(step, 3, columns);
}
