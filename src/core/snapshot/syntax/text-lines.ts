// A file as lines and as records, with the guards that keep damaged text from being read as a smaller whole.
// In: a file. Out: its lines, or where it is damaged. Every command whose output is read here ends its last line, so
// text that does not was cut off; a NUL or a broken UTF-8 sequence means that it is no text at all.
import type { BundleFile } from '../bundle-file.ts';
import { notUnderstood, understood } from './reading.ts';
import type { Reading } from './reading.ts';

export interface Line {
  /** Counted from 1. */
  readonly number: number;
  readonly text: string;
}

/** A line and the indented lines under it, as iproute2 prints links, addresses and multipath routes. */
export interface TextRecord {
  readonly head: Line;
  readonly body: readonly Line[];
}

/** The lines of a command's output. */
export function readLines(file: BundleFile): Reading<readonly Line[]> {
  const text = file.text();
  if (text !== '' && !text.endsWith('\n')) {
    return notUnderstood(`cut off at byte ${file.bytes.length} (its last line does not end)`);
  }
  return splitLines(text);
}

/** The lines of a file that people write: editors may leave the last one without an end. */
export function readHandWrittenLines(file: BundleFile): Reading<readonly Line[]> {
  const text = file.text();
  return splitLines(text === '' || text.endsWith('\n') ? text : `${text}\n`);
}

function splitLines(text: string): Reading<readonly Line[]> {
  const damage = text.search(/[\0\uFFFD]/);
  if (damage >= 0) {
    return notUnderstood(`not text at line ${text.slice(0, damage).split('\n').length}`);
  }
  const lines = text.split('\n').map((line, index) => ({
    number: index + 1,
    text: line.endsWith('\r') ? line.slice(0, -1) : line,
  }));
  lines.pop();
  return understood(lines);
}

export function readRecords(file: BundleFile): Reading<readonly TextRecord[]> {
  const lines = readLines(file);
  if (!lines.isUnderstood) return lines;
  const records: { head: Line; body: Line[] }[] = [];
  for (const line of lines.value) {
    if (line.text.trim() === '') continue;
    const last = records.at(-1);
    if (!/^\s/.test(line.text)) records.push({ head: line, body: [] });
    else if (last === undefined) return notUnderstood(`not understood at line ${line.number}`);
    else last.body.push(line);
  }
  return understood(records);
}

export function wordsOf(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== '');
}

export interface PairedWords {
  readonly values: ReadonlyMap<string, string>;
  /** The words that were neither a key nor its value. */
  readonly bare: readonly string[];
}

/** Reads from left to right, so that a device named like a key is not taken for one. */
export function pairWords(words: readonly string[], keys: ReadonlySet<string>): PairedWords {
  const values = new Map<string, string>();
  const bare: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? '';
    const value = keys.has(word) ? words[at + 1] : undefined;
    if (value === undefined) bare.push(word);
    else {
      values.set(word, value);
      at++;
    }
  }
  return { values, bare };
}
