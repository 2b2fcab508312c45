// What could not be read in a bundle, on standard error: one sentence each, with what it costs. Under `-o json` the answer
// holds the same notes, and standard output holds nothing but the answer.
import type { Note } from '../core/fact/note.ts';
import { cleanText } from '../core/report/text/clean-text.ts';
import { wrapText } from '../core/report/text/layout.ts';
import { columnsOf } from '../core/report/text/text-style.ts';
import type { TextStyle } from '../core/report/text/text-style.ts';

const mostNotes = 8;
const head = 'waylaid: ';

export function formatNotes(notes: readonly Pick<Note, 'text'>[], style: TextStyle): string {
  const shown = notes.length > mostNotes ? notes.slice(0, mostNotes - 1) : notes;
  const rest = notes.length - shown.length;
  const texts = [
    ...shown.map((note) => note.text),
    ...(rest > 0 ? [`${rest} more like these (-o json lists them all under "notes")`] : []),
  ];
  return texts.map((text) => formatComplaint(text, style)).join('');
}

/** `waylaid: one sentence`, hanging under itself where it is long. */
export function formatComplaint(text: string, style: TextStyle): string {
  const lines = wrapText(cleanText(text, style.isAscii), columnsOf(style) - head.length);
  return `${lines.map((line, index) => `${index === 0 ? head : ' '.repeat(head.length)}${line}`).join('\n')}\n`;
}
