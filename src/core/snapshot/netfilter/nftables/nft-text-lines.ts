// The lines of `nft list ruleset`, with what one statement spreads over several (the elements of a set) folded into one.
// In: a file's lines. Out: trimmed lines without their handles, and the line whose braces never close.
import type { Line } from '../../syntax/text-lines.ts';

export interface FoldedLine {
  /** Of its first line. */
  readonly number: number;
  readonly text: string;
  readonly handle?: number;
}

export interface FoldedLines {
  readonly lines: readonly FoldedLine[];
  readonly unclosed?: number;
}

export function foldLines(lines: readonly Line[]): FoldedLines {
  const folded: FoldedLine[] = [];
  let open: { readonly number: number; text: string; depth: number } | undefined;
  for (const { number, text } of lines) {
    const depth = depthOf(text);
    if (open !== undefined) {
      open.text += ` ${text.trim()}`;
      open.depth += depth;
      if (open.depth > 0) continue;
      folded.push(takeHandle(open.number, open.text));
      open = undefined;
    } else if (depth > 0 && !opensBlock(text)) open = { number, text, depth };
    else folded.push(takeHandle(number, text));
  }
  return open === undefined ? { lines: folded } : { lines: folded, unclosed: open.number };
}

/** A table, a chain, a set or an object, whose content stands on lines of its own. */
function opensBlock(text: string): boolean {
  return (
    /^\s*[a-z]+(?: [a-z0-9]+)? \S+(?: \S+)? \{(?: #.*)?$/.test(text) &&
    !/[@=]/.test(withoutQuotes(text).split('#')[0] ?? '')
  );
}

export function closesBlock(text: string): boolean {
  return text === '}';
}

/** By how much the braces of a line open more than they close. */
function depthOf(text: string): number {
  const plain = withoutQuotes(text);
  let depth = 0;
  for (const character of plain) depth += character === '{' ? 1 : character === '}' ? -1 : 0;
  return depth;
}

export function withoutQuotes(text: string): string {
  return text.includes('"') ? text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '""') : text;
}

function takeHandle(number: number, line: string): FoldedLine {
  // Behind an opening brace there can be more than a handle (`# progname firewalld`).
  const text = line.replace(/ \{ # (?!handle \d+$).*$/, ' {');
  const found = /^(.*?)\s*# handle (\d+)$/.exec(text);
  // A handle stands behind everything else, so what looks like one inside a comment is not at the end.
  if (found === null || found[1] === undefined) return { number, text: text.trim() };
  return { number, text: found[1].trim(), handle: Number(found[2]) };
}
