// Laying out words in columns: wrapping, a label before a paragraph, a text at the right edge. Everything counts display
// columns and yields lines that fit.
import { displayWidth, fittingStart, padEnd } from './display-width.ts';
import { span } from './text-style.ts';
import type { Line, Span, Tone } from './text-style.ts';

/** At least one line; a word longer than a line is cut. */
export function wrapText(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/).filter((part) => part !== '')) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (displayWidth(joined) <= columns) {
      line = joined;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (displayWidth(line) > columns) {
      const start = cutPoint(line, columns);
      lines.push(start);
      line = line.slice(start.length);
    }
  }
  return line === '' && lines.length > 0 ? lines : [...lines, line];
}

/** A path is cut after a slash where that leaves a good part of the line. */
function cutPoint(word: string, columns: number): string {
  const start = fittingStart(word, Math.max(2, columns));
  const slash = start.lastIndexOf('/') + 1;
  return slash > columns / 2 ? start.slice(0, slash) : start;
}

export interface LabelledBlock {
  readonly label: string;
  readonly text: string;
  readonly indent: number;
  /** Columns of the label, with the space after it. */
  readonly labelColumns: number;
  readonly columns: number;
  readonly labelTone?: Tone;
  readonly textTone?: Tone;
}

/** A label, and a paragraph hanging beside it. A label that is too long stands on a line of its own. */
export function labelledLines(block: LabelledBlock): Line[] {
  const hang = block.indent + block.labelColumns;
  const texts = wrapText(block.text, block.columns - hang);
  const blank = span(' '.repeat(hang));
  const isLabelTooLong = displayWidth(block.label) >= block.labelColumns && block.label !== '';
  const rows = texts.map((text) => span(text, block.textTone));
  if (isLabelTooLong) {
    const isFitting = block.indent + displayWidth(block.label) <= block.columns;
    const own: readonly Line[] = isFitting
      ? [[span(' '.repeat(block.indent)), span(block.label, block.labelTone)]]
      : indentedLines(block.label, block.indent, block.columns, block.labelTone);
    return [...own, ...rows.map((row) => [blank, row])];
  }
  const label = [
    span(' '.repeat(block.indent)),
    span(padEnd(block.label, block.labelColumns), block.labelTone),
  ];
  return rows.map((row, index) => (index === 0 ? [...label, row] : [blank, row]));
}

export function indentedLines(text: string, indent: number, columns: number, tone?: Tone): Line[] {
  return wrapText(text, columns - indent).map((line) => [span(' '.repeat(indent)), span(line, tone)]);
}

/** `right` at the right edge of the first line where there is room, else on a line of its own. */
export function withRightText(lines: readonly Line[], right: Span, columns: number): Line[] {
  const [first, ...rest] = lines;
  if (first === undefined) return [[right]];
  const free = columns - lineWidth(first) - displayWidth(right.text);
  if (free >= 2) return [[...first, span(' '.repeat(free)), right], ...rest];
  const own = wrapText(right.text, columns).map((text): Line => [
    span(' '.repeat(Math.max(0, columns - displayWidth(text)))),
    span(text, right.tone),
  ]);
  return [...lines, ...own];
}

export function lineWidth(line: Line): number {
  return line.reduce((sum, piece) => sum + displayWidth(piece.text), 0);
}

/** `1 flow`, `2 flows`. */
export function countOf(count: number, singular: string, plural = `${singular}s`): string {
  return `${count} ${count === 1 ? singular : plural}`;
}

/** `a, b and 3 more`. */
export function listSome(items: readonly string[], most: number, joint = ', '): string {
  const shown = items.length > most ? items.slice(0, most - 1) : items;
  const rest = items.length - shown.length;
  return rest === 0 ? shown.join(joint) : `${shown.join(joint)} and ${rest} more`;
}

/** At most so many columns, with three dots where something is missing. */
export function cutText(text: string, columns: number): string {
  return displayWidth(text) <= columns ? text : `${fittingStart(text, columns - 3)}...`;
}

/** The first sentence of a paragraph: up to a full stop before a space and a capital letter. */
export function firstSentence(text: string): string {
  const end = /[.!?](?=\s+[A-Z])/.exec(text);
  return end === null ? text : text.slice(0, end.index + 1);
}

/** Beside narrow text a label would take too much: it gets a line of its own, and the text a small indent. */
export function labelColumnsFor(usual: number, columns: number): number {
  return columns < 60 ? 4 : usual;
}
