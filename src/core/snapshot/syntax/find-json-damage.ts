// Finds where JSON stops being JSON, so that a person can be told the byte and the line. In: bytes that a parser
// refused. Out: the position, and whether the text simply ended too early. JavaScript engines word this differently
// from version to version and count characters; this counts bytes. Strings are followed but their escapes not judged.
import { skipByteOrderMark, skipString, skipWhitespace } from './scan-json.ts';

export interface JsonDamage {
  readonly byte: number;
  readonly isCutOff: boolean;
}

type Expectation = 'value' | 'value-or-end' | 'key' | 'key-or-end' | 'colon' | 'comma-or-end';

const literal = /^(?:true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?)$/;
const longestLiteral = 64;

export function findJsonDamage(bytes: Uint8Array): JsonDamage | undefined {
  const open: number[] = [];
  let expected: Expectation = 'value';
  let at = skipWhitespace(bytes, skipByteOrderMark(bytes));
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    const isValue: boolean = expected === 'value' || expected === 'value-or-end';
    const isKey: boolean = expected === 'key' || expected === 'key-or-end';
    if (closes(byte, open, expected)) {
      open.pop();
      at++;
      expected = 'comma-or-end';
    } else if (isValue && (byte === 0x7b || byte === 0x5b)) {
      open.push(byte);
      at++;
      expected = byte === 0x7b ? 'key-or-end' : 'value-or-end';
    } else if ((isValue || isKey) && byte === 0x22) {
      at = skipString(bytes, at);
      if (at < 0) return { byte: bytes.length, isCutOff: true };
      expected = isKey ? 'colon' : 'comma-or-end';
    } else if (expected === 'colon' && byte === 0x3a) {
      at++;
      expected = 'value';
    } else if (expected === 'comma-or-end' && byte === 0x2c && open.length > 0) {
      at++;
      expected = open.at(-1) === 0x7b ? 'key' : 'value';
    } else if (isValue) {
      const end = literalEnd(bytes, at);
      if (end === 'cut off') return { byte: bytes.length, isCutOff: true };
      if (end < 0) return { byte: at, isCutOff: false };
      at = end;
      expected = 'comma-or-end';
    } else return { byte: at, isCutOff: false };
    at = skipWhitespace(bytes, at);
  }
  const isWhole = open.length === 0 && expected === 'comma-or-end';
  return isWhole ? undefined : { byte: bytes.length, isCutOff: true };
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
  for (; at < bytes.length && text.length < longestLiteral; at++) {
    const character = String.fromCharCode(bytes[at] ?? 0);
    if (!/[-+.\w]/.test(character)) break;
    text += character;
  }
  if (literal.test(text)) return at;
  const startsOne =
    ['true', 'false', 'null'].some((word) => word.startsWith(text)) || /^-?[\d.eE+-]*$/.test(text);
  return at === bytes.length && text !== '' && startsOne ? 'cut off' : -1;
}
