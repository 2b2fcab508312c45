// The packet's path as a small picture: labels joined by arrows, details under them, the end marked, and in dots the way it
// should go from where the two part. In: paths of the answer. Out: lines that fit; a long path goes on in the next row.
import type { AnswerPath, AnswerPathStep } from '../answer-flow.ts';
import { displayWidth, fittingStart } from './display-width.ts';
import { indentedLines, wrapText } from './layout.ts';
import { glyphsOf, span } from './text-style.ts';
import type { Line, Span, TextStyle, Tone } from './text-style.ts';

const indent = 3;

export interface Picture {
  readonly path: AnswerPath;
  readonly expected?: AnswerPath | undefined;
}

export function drawPicture(picture: Picture, columns: number, style: TextStyle): Line[] {
  const { path, expected } = picture;
  const lead =
    path.direction === 'reply'
      ? indentedLines('the request arrives; its reply:', indent, columns, 'dim')
      : [];
  const rows = layRows(path, columns, style);
  const lines = rows.flatMap((row) => drawRow(row));
  const ending = drawEnding(path, rows, columns, style);
  const healed = expected === undefined ? [] : drawExpected(path, expected, rows, { columns, style });
  return [...lead, ...mergeEnding(lines, ending, rows), ...healed];
}

interface Cell {
  readonly step: AnswerPathStep;
  /** Column where the label starts. */
  readonly at: number;
  /** What joins it to the one before; empty for the first. */
  readonly joint: string;
  readonly jointAt: number;
}

interface Row {
  readonly cells: readonly Cell[];
  readonly mark?: { readonly text: string; readonly at: number; readonly tone: Tone };
}

function layRows(path: AnswerPath, columns: number, style: TextStyle): Row[] {
  const glyphs = glyphsOf(style);
  const rows: Row[] = [];
  let cells: Cell[] = [];
  let column = indent;
  let detailEnd = 0;
  const widestLabel = columns - indent - 10;
  for (const step of path.steps.map((one) => shorten(one, widestLabel))) {
    const isFirst = rows.length === 0 && cells.length === 0;
    const joint = isFirst ? '' : glyphs.way;
    let jointAt = cells.length === 0 ? indent : column + 1;
    let at = isFirst ? indent : jointAt + displayWidth(joint) + 1;
    if (step.detail !== undefined && at < detailEnd + 2 && cells.length > 0) {
      const shift = detailEnd + 2 - at;
      jointAt += shift;
      at += shift;
    }
    // The mark of the end (` ──✗`) must still fit behind the last label.
    if (
      cells.length > 0 &&
      at + Math.max(displayWidth(step.label) + 4, displayWidth(step.detail ?? '')) > columns
    ) {
      rows.push({ cells });
      cells = [];
      detailEnd = 0;
      jointAt = indent;
      at = indent + displayWidth(glyphs.way) + 1;
    }
    cells.push({ step, at, joint: cells.length === 0 && rows.length === 0 ? '' : glyphs.way, jointAt });
    column = at + displayWidth(step.label);
    if (step.detail !== undefined) detailEnd = at + displayWidth(step.detail);
  }
  rows.push({ cells, ...endMark(path, column + 1, style) });
  return rows;
}

function shorten(step: AnswerPathStep, columns: number): AnswerPathStep {
  const cut = (text: string): string =>
    displayWidth(text) <= columns ? text : `${fittingStart(text, columns - 2)}..`;
  return {
    ...step,
    label: cut(step.label),
    ...(step.detail === undefined ? {} : { detail: cut(step.detail) }),
  };
}

function endMark(path: AnswerPath, at: number, style: TextStyle): Pick<Row, 'mark'> {
  const glyphs = glyphsOf(style);
  if (path.end.disposition === 'delivered') return {};
  const isUnknown = path.end.disposition === 'unknown';
  return {
    mark: { text: isUnknown ? glyphs.unknownWay : glyphs.lostWay, at, tone: isUnknown ? 'warn' : 'bad' },
  };
}

function drawRow(row: Row): Line[] {
  const labels = placeSpans([
    ...row.cells.flatMap((cell) => [
      { at: cell.jointAt, piece: span(cell.joint, 'dim') },
      { at: cell.at, piece: span(cell.step.label, 'strong') },
    ]),
    ...(row.mark === undefined ? [] : [{ at: row.mark.at, piece: span(row.mark.text, row.mark.tone) }]),
  ]);
  const details = row.cells.flatMap((cell) =>
    cell.step.detail === undefined ? [] : [{ at: cell.at, piece: span(cell.step.detail, 'dim') }],
  );
  return details.length === 0 ? [labels] : [labels, placeSpans(details)];
}

/** Why it ended: under the mark where there is room, else below. */
function drawEnding(
  path: AnswerPath,
  rows: readonly Row[],
  columns: number,
  style: TextStyle,
): Ending | undefined {
  const mark = rows.at(-1)?.mark;
  if (mark === undefined) return undefined;
  const text = `${glyphsOf(style).corner} ${path.end.text}`;
  const at = mark.at + 2;
  const lastDetail = Math.max(
    0,
    ...(rows.at(-1)?.cells ?? []).map((cell) => cell.at + displayWidth(cell.step.detail ?? '')),
  );
  const room = columns - at;
  if (displayWidth(text) <= room) return { lines: [text], at, isBeside: lastDetail + 1 <= at };
  if (room >= 24) {
    const [first = '', ...rest] = wrapText(path.end.text, room - 2);
    return {
      lines: [`${glyphsOf(style).corner} ${first}`, ...rest.map((line) => `  ${line}`)],
      at,
      isBeside: lastDetail + 1 <= at,
    };
  }
  const [first = '', ...rest] = wrapText(path.end.text, columns - indent - 2);
  return {
    lines: [`${glyphsOf(style).corner} ${first}`, ...rest.map((line) => `  ${line}`)],
    at: indent,
    isBeside: false,
  };
}

interface Ending {
  readonly lines: readonly string[];
  readonly at: number;
  /** Whether its first line may share the row of the details. */
  readonly isBeside: boolean;
}

function mergeEnding(lines: readonly Line[], ending: Ending | undefined, rows: readonly Row[]): Line[] {
  if (ending === undefined) return [...lines];
  const drawn = ending.lines.map((text) => span(text));
  const hasDetails = rows.at(-1)?.cells.some((cell) => cell.step.detail !== undefined) ?? false;
  const last = lines.at(-1);
  if (ending.isBeside && hasDetails && last !== undefined) {
    const [first, ...rest] = drawn;
    const width = last.reduce((sum, piece) => sum + displayWidth(piece.text), 0);
    const beside: Line = [
      ...last,
      span(' '.repeat(Math.max(1, ending.at - width))),
      ...(first === undefined ? [] : [first]),
    ];
    return [...lines.slice(0, -1), beside, ...rest.map((piece) => indented(piece, ending.at))];
  }
  return [...lines, ...drawn.map((piece) => indented(piece, ending.at))];
}

function indented(piece: Span, at: number): Line {
  return [span(' '.repeat(at)), piece];
}

/** From where the two ways part: everything after the last common label, in dots. */
function drawExpected(
  path: AnswerPath,
  expected: AnswerPath,
  rows: readonly Row[],
  room: { readonly columns: number; readonly style: TextStyle },
): Line[] {
  const glyphs = glyphsOf(room.style);
  let common = 0;
  while (
    common < Math.min(path.steps.length, expected.steps.length) &&
    path.steps[common]?.label === expected.steps[common]?.label
  )
    common++;
  const rest = expected.steps.slice(Math.max(1, common)).map((step) => step.label);
  if (rest.length === 0) return [];
  const words = rest.map((label) => `${glyphs.expectedWay} ${label}`);
  const remark = '(where it should go)';
  const parting = rows.length === 1 ? rows[0]?.cells[Math.max(1, common)] : undefined;
  const whole = `${words.join(' ')}   ${remark}`;
  const at = parting?.jointAt ?? indent;
  if (at + displayWidth(whole) <= room.columns) return [[span(' '.repeat(at)), span(whole, 'dim')]];
  return [
    ...packWords([...words, remark], room.columns - indent).map((text): Line => [
      span(' '.repeat(indent)),
      span(text, 'dim'),
    ]),
  ];
}

/** Like wrapping, but an arrow stays with its label. */
function packWords(words: readonly string[], columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of words.flatMap((one) => wrapText(one, columns))) {
    const joined = line === '' ? word : `${line} ${word}`;
    if (displayWidth(joined) <= columns) line = joined;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

function placeSpans(placed: readonly { readonly at: number; readonly piece: Span }[]): Line {
  const line: Span[] = [];
  let column = 0;
  for (const { at, piece } of placed) {
    if (piece.text === '') continue;
    if (at > column) line.push(span(' '.repeat(at - column)));
    line.push(piece);
    column = Math.max(at, column) + displayWidth(piece.text);
  }
  return line;
}
