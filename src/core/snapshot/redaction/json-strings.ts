// Walks a JSON text and reports where its strings stand, so that single strings can be replaced and all else stays as it was:
// layout, number spellings (ids beyond 2^53), comments and trailing commas of HuJSON, several documents in one text.
// In: the text and who wants to know. Out: the offset of the first character that is not JSON; the text's length if all is.

export interface JsonVisitor {
  readonly open: (bracket: Bracket, offset: number) => void;
  readonly close: () => void;
  /** A string with its quotes, from `start` to before `end`. */
  readonly name: (start: number, end: number) => void;
  readonly string: (start: number, end: number) => void;
  readonly comment: (start: number, end: number) => void;
}

export type Bracket = '{' | '[';

interface Walk {
  readonly text: string;
  readonly visitor: JsonVisitor;
  readonly open: Bracket[];
  expected: 'value' | 'name' | 'colon' | 'comma';
}

export function scanJson(text: string, visitor: JsonVisitor): number {
  const walk: Walk = { text, visitor, open: [], expected: 'value' };
  let position = 0;
  while (position < text.length) {
    if (isSpace(text.charCodeAt(position))) {
      position++;
      continue;
    }
    const end = takeToken(walk, position);
    if (end === undefined) return position;
    position = end;
  }
  return position;
}

/** The end of the token, or undefined where none that fits stands. */
function takeToken(walk: Walk, position: number): number | undefined {
  const character = walk.text.charAt(position);
  if (character === '"') return takeString(walk, position);
  if (character === '{' || character === '[') return takeOpening(walk, character, position);
  if (character === '}' || character === ']') return takeClosing(walk, character, position);
  if (character === ':' || character === ',') return takeSeparator(walk, character, position);
  return character === '/' ? takeComment(walk, position) : takeScalar(walk, position);
}

function takeString(walk: Walk, start: number): number | undefined {
  if (walk.expected !== 'value' && walk.expected !== 'name') return undefined;
  const end = stringEnd(walk.text, start);
  if (end === undefined) return undefined;
  if (walk.expected === 'name') {
    walk.visitor.name(start, end);
    walk.expected = 'colon';
  } else {
    walk.visitor.string(start, end);
    expectAfterValue(walk);
  }
  return end;
}

function takeOpening(walk: Walk, bracket: Bracket, position: number): number | undefined {
  if (walk.expected !== 'value') return undefined;
  walk.open.push(bracket);
  walk.visitor.open(bracket, position);
  walk.expected = bracket === '{' ? 'name' : 'value';
  return position + 1;
}

/** A bracket may close after a value, in an empty container, or after a trailing comma. */
function takeClosing(walk: Walk, bracket: '}' | ']', position: number): number | undefined {
  const isFitting =
    bracket === '}'
      ? walk.open.at(-1) === '{' && (walk.expected === 'comma' || walk.expected === 'name')
      : walk.open.at(-1) === '[' && (walk.expected === 'comma' || walk.expected === 'value');
  if (!isFitting) return undefined;
  walk.open.pop();
  walk.visitor.close();
  expectAfterValue(walk);
  return position + 1;
}

function takeSeparator(walk: Walk, separator: ':' | ',', position: number): number | undefined {
  if (walk.expected !== (separator === ':' ? 'colon' : 'comma')) return undefined;
  walk.expected = separator === ',' && walk.open.at(-1) === '{' ? 'name' : 'value';
  return position + 1;
}

function takeComment(walk: Walk, start: number): number | undefined {
  const end = commentEnd(walk.text, start);
  if (end !== undefined) walk.visitor.comment(start, end);
  return end;
}

const scalarPattern = /(?:-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

function takeScalar(walk: Walk, start: number): number | undefined {
  if (walk.expected !== 'value') return undefined;
  scalarPattern.lastIndex = start;
  const match = scalarPattern.exec(walk.text);
  if (match === null) return undefined;
  expectAfterValue(walk);
  return start + match[0].length;
}

function expectAfterValue(walk: Walk): void {
  walk.expected = walk.open.length === 0 ? 'value' : 'comma';
}

function isSpace(code: number): boolean {
  return code === 32 || code === 10 || code === 13 || code === 9 || code === 0xfeff;
}

/** Behind the closing quote; undefined where the string is not closed in its line. */
function stringEnd(text: string, start: number): number | undefined {
  let quote = start;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) return undefined;
    let slashes = 0;
    while (text.charCodeAt(quote - 1 - slashes) === 92) slashes++;
    if (slashes % 2 === 0) break;
  }
  return text.slice(start, quote).includes('\n') ? undefined : quote + 1;
}

function commentEnd(text: string, start: number): number | undefined {
  const next = text.charAt(start + 1);
  if (next === '/') {
    const end = text.indexOf('\n', start);
    return end < 0 ? text.length : end;
  }
  const end = next === '*' ? text.indexOf('*/', start + 2) : -1;
  return end < 0 ? undefined : end + 2;
}

/** The value of a string token. */
export function readString(text: string, start: number, end: number): string {
  const inner = text.slice(start + 1, end - 1);
  if (!inner.includes('\\')) return inner;
  try {
    return String(JSON.parse(text.slice(start, end)));
  } catch {
    // A control character or an escape that JSON has not: as it stands.
    return inner;
  }
}
