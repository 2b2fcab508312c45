// Makes foreign text safe for a terminal. Evidence holds log lines that anybody may have written: control characters, escape
// sequences and direction overrides become a visible mark, so that a log cannot move the cursor or hide a word. For a
// terminal without UTF-8 the signs that waylaid itself uses become ASCII.
import type { TextStyle } from './text-style.ts';

const blanks = /[\t\n\r\v\f\u00a0\u2028\u2029]+/g;
const unsafe = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/gu;

const asciiForms: Readonly<Record<string, string>> = {
  '→': '->',
  '←': '<-',
  '↔': '<->',
  '…': '...',
  '·': '-',
  '×': 'x',
  '–': '-',
  '—': '-',
  '«': '"',
  '»': '"',
  '“': '"',
  '”': '"',
  '‘': "'",
  '’': "'",
  '✓': 'ok',
  '✗': 'x',
  '≤': '<=',
  '≥': '>=',
};

export function cleanText(text: string, isAscii: boolean): string {
  const safe = text.replace(blanks, ' ').replace(unsafe, '�');
  return isAscii ? safe.replace(/[^ -~]/gu, (character) => asciiForms[character] ?? '?') : safe;
}

/** The same data with every string cleaned, so that no renderer can forget one. */
export function cleanStrings<T>(value: T, style: Pick<TextStyle, 'isAscii'>): T {
  return mapStrings(value, (text) => cleanText(text, style.isAscii)) as T;
}

function mapStrings(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((one: unknown) => mapStrings(one, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, mapStrings(one, change)]));
}
