// Finds where JSON stops being JSON, so that a person can be told the byte and the line. In: bytes that a parser
// refused. Out: the position, and whether the text simply ended too early. JavaScript engines word this differently
// from version to version and count characters; this counts bytes. Strings are followed but their escapes not judged.
import { skipByteOrderMark, skipString, skipWhitespace } from './scan-json.ts';

export interface JsonDamage {
  readonly byte: number;
  readonly isCutOff: boolean;
}

type Expectation = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end';

interface Walk {
  /** The brackets that are open, as bytes. */
  readonly open: number[];
  expected: Expectation;
  at: number;
}

const literal = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;

export function findJsonDamage(bytes: Uint8Array): JsonDamage | undefined {
  const walk: Walk = { open: [], expected: 'value', at: skipWhitespace(bytes, skipByteOrderMark(bytes)) };
  while (walk.at < bytes.length) {
    const damage = step(bytes, walk);
    if (damage !== undefined) return damage;
    walk.at = skipWhitespace(bytes, walk.at);
  }
  const isWhole = walk.open.length === 0 && walk.expected === 'comma-or-end';
  return isWhole ? undefined : { byte: bytes.length, isCutOff: true };
}

function step(bytes: Uint8Array, walk: Walk): JsonDamage | undefined {
  const byte = bytes[walk.at] ?? 0;
  const { expected } = walk;
  if (closes(byte, walk.open, expected)) {
    walk.open.pop();
    walk.at++;
    walk.expected = 'comma-or-end';
    return undefined;
  }
  if (expected === 'value' || expected === 'value-or-end') return stepIntoValue(bytes, walk);
  if (expected === 'key' || expected === 'key-or-end') {
    return byte === 0x22 ? stepOverString(bytes, walk, 'colon') : { byte: walk.at, isCutOff: false };
  }
  if (expected === 'colon' && byte === 0x3a) walk.expected = 'value';
  else if (expected === 'comma-or-end' && byte === 0x2c && walk.open.length > 0) {
    walk.expected = walk.open.at(-1) === 0x7b ? 'key' : 'value';
  } else return { byte: walk.at, isCutOff: false };
  walk.at++;
  return undefined;
}

function stepIntoValue(bytes: Uint8Array, walk: Walk): JsonDamage | undefined {
  const byte = bytes[walk.at] ?? 0;
  if (byte === 0x22) return stepOverString(bytes, walk, 'comma-or-end');
  if (byte === 0x7b || byte === 0x5b) {
    walk.open.push(byte);
    walk.at++;
    walk.expected = byte === 0x7b ? 'key-or-end' : 'value-or-end';
    return undefined;
  }
  const end = literalEnd(bytes, walk.at);
  if (end === 'cut off') return { byte: bytes.length, isCutOff: true };
  if (end < 0) return { byte: walk.at, isCutOff: false };
  walk.at = end;
  walk.expected = 'comma-or-end';
  return undefined;
}

function stepOverString(bytes: Uint8Array, walk: Walk, next: Expectation): JsonDamage | undefined {
  const end = skipString(bytes, walk.at);
  if (end < 0) return { byte: bytes.length, isCutOff: true };
  walk.at = end;
  walk.expected = next;
  return undefined;
}

/** `cut off at byte 4096` or `not JSON at byte 12 (line 3)`. */
export function describeJsonDamage(bytes: Uint8Array): string {
  const damage = findJsonDamage(bytes);
  if (damage === undefined) return 'not JSON (a bad escape or control character inside a string)';
  if (damage.isCutOff) return `cut off at byte ${damage.byte}`;
  return `not JSON at byte ${damage.byte} (line ${lineOfByte(bytes, damage.byte)})`;
}

export function lineOfByte(bytes: Uint8Array, position: number): number {
  let line = 1;
  for (let at = 0; at < position && at < bytes.length; at++) if (bytes[at] === 0x0a) line++;
  return line;
}

function closes(byte: number, open: readonly number[], expected: Expectation): boolean {
  if (byte === 0x7d)
    return open.at(-1) === 0x7b && (expected === 'key-or-end' || expected === 'comma-or-end');
  if (byte === 0x5d)
    return open.at(-1) === 0x5b && (expected === 'value-or-end' || expected === 'comma-or-end');
  return false;
}

function literalEnd(bytes: Uint8Array, from: number): number | 'cut off' {
  let text = '';
  let at = from;
  for (; at < bytes.length; at++) {
    const character = String.fromCharCode(bytes[at] ?? 0);
    if (!/[-+.\w]/.test(character)) break;
    text += character;
  }
  if (literal.test(text)) return at;
  const startsOne =
    ['true', 'false', 'null'].some((word) => word.startsWith(text)) || /^-?[\d.eE+-]*$/.test(text);
  return at === bytes.length && text !== '' && startsOne ? 'cut off' : -1;
}
