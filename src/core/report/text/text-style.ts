// What a rendering has to know about the terminal, and lines made of toned pieces. Layout counts columns on plain text;
// tone is put on at the very end, so colour never changes what stands where and nothing is said by colour alone.

export type Tone = 'strong' | 'dim' | 'bad' | 'good' | 'warn' | 'accent';

/** Puts a tone on a text; without colour it gives the text back. */
export type Paint = (tone: Tone, text: string) => string;

export interface Glyphs {
  readonly healthy: string;
  readonly broken: string;
  readonly unknown: string;
  readonly arrow: string;
  readonly request: string;
  readonly reply: string;
  readonly way: string;
  readonly expectedWay: string;
  readonly lostWay: string;
  readonly unknownWay: string;
  readonly corner: string;
  readonly dot: string;
}

export interface TextStyle {
  /** Columns; no line is longer. */
  readonly width: number;
  readonly paint: Paint;
  readonly isAscii: boolean;
  /** `-o wide`: evidence beside every statement. */
  readonly isWide: boolean;
}

export interface Span {
  readonly text: string;
  readonly tone?: Tone;
}

export type Line = readonly Span[];

/** Narrower than this nothing can be laid out; such a terminal wraps by itself. */
export const narrowestColumns = 40;

/** Prose in longer lines is hard to read, however wide the window is. */
export const widestProse = 100;

export const plainStyle: TextStyle = {
  width: 80,
  paint: (_tone, text) => text,
  isAscii: false,
  isWide: false,
};

const unicodeGlyphs: Glyphs = {
  healthy: '✓',
  broken: '✗',
  unknown: '?',
  arrow: '→',
  request: '→',
  reply: '←',
  way: '──▶',
  expectedWay: '╌╌▶',
  lostWay: '──✗',
  unknownWay: '──?',
  corner: '└',
  dot: '·',
};

const asciiGlyphs: Glyphs = {
  healthy: 'ok',
  broken: 'x',
  unknown: '?',
  arrow: '->',
  request: '>',
  reply: '<',
  way: '-->',
  expectedWay: '..>',
  lostWay: '--x',
  unknownWay: '--?',
  corner: '`',
  dot: '-',
};

export function glyphsOf(style: TextStyle): Glyphs {
  return style.isAscii ? asciiGlyphs : unicodeGlyphs;
}

export function columnsOf(style: TextStyle): number {
  return Math.max(narrowestColumns, style.width);
}

export function span(text: string, tone?: Tone): Span {
  return tone === undefined ? { text } : { text, tone };
}

export const emptyLine: Line = [];

export function formatLines(lines: readonly Line[], style: TextStyle): string {
  return lines.map((line) => `${formatLine(line, style)}\n`).join('');
}

function formatLine(line: Line, style: TextStyle): string {
  const last = line.findLastIndex((piece) => piece.text.trimEnd() !== '');
  return line
    .slice(0, last + 1)
    .map((piece, index) => paintSpan(index === last ? piece.text.trimEnd() : piece.text, piece.tone, style))
    .join('');
}

function paintSpan(text: string, tone: Tone | undefined, style: TextStyle): string {
  return tone === undefined || text.trim() === '' ? text : style.paint(tone, text);
}
