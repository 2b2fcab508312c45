// Splits a big JSON object, such as a Kubernetes List, into the byte ranges of its fields and of the elements of its
// `items`, so that each object can be parsed by itself and no string of a hundred megabytes is ever made.
// In: the bytes. Out: the ranges, or undefined where the structure is not that of an object with a list in `items`
// (the caller then parses the whole). The ranges are found by brackets and quotes only: parsing each of them decides.
import { skipByteOrderMark, skipString, skipValue, skipWhitespace } from './scan-json.ts';

export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

export interface ListLayout {
  readonly items: readonly ByteRange[];
  /** The other fields: the range of the key with its quotes, and that of the value. */
  readonly fields: readonly { readonly key: ByteRange; readonly value: ByteRange }[];
}

const comma = 0x2c;
const colon = 0x3a;

/** `decode` turns a range into text; it is asked for keys only. */
export function splitListItems(
  bytes: Uint8Array,
  decode: (start: number, end: number) => string,
): ListLayout | undefined {
  const fields = splitFields(bytes);
  if (fields === undefined) return undefined;
  let items: ByteRange[] | undefined;
  const others = [];
  for (const field of fields) {
    if (decodeKey(decode(field.key.start, field.key.end)) !== 'items') others.push(field);
    else {
      items = splitElements(bytes, field.value);
      if (items === undefined) return undefined;
    }
  }
  return items === undefined ? undefined : { items, fields: others };
}

function decodeKey(quoted: string): string | undefined {
  try {
    const key: unknown = JSON.parse(quoted);
    return typeof key === 'string' ? key : undefined;
  } catch {
    return undefined;
  }
}

function splitFields(bytes: Uint8Array): { key: ByteRange; value: ByteRange }[] | undefined {
  let at = skipWhitespace(bytes, skipByteOrderMark(bytes));
  if (bytes[at] !== 0x7b) return undefined;
  const fields = [];
  at = skipWhitespace(bytes, at + 1);
  if (bytes[at] === 0x7d) return endsAfter(bytes, at + 1) ? [] : undefined;
  for (;;) {
    const keyEnd = skipString(bytes, at);
    if (keyEnd < 0) return undefined;
    const afterKey = skipWhitespace(bytes, keyEnd);
    if (bytes[afterKey] !== colon) return undefined;
    const start = skipWhitespace(bytes, afterKey + 1);
    const end = skipValue(bytes, start);
    if (end < 0) return undefined;
    fields.push({ key: { start: at, end: keyEnd }, value: { start, end } });
    at = skipWhitespace(bytes, end);
    if (bytes[at] === 0x7d) return endsAfter(bytes, at + 1) ? fields : undefined;
    if (bytes[at] !== comma) return undefined;
    at = skipWhitespace(bytes, at + 1);
  }
}

function splitElements(bytes: Uint8Array, list: ByteRange): ByteRange[] | undefined {
  if (bytes[list.start] !== 0x5b) return undefined;
  const elements: ByteRange[] = [];
  let at = skipWhitespace(bytes, list.start + 1);
  if (bytes[at] === 0x5d) return at + 1 === list.end ? elements : undefined;
  for (;;) {
    const end = skipValue(bytes, at);
    if (end < 0 || end > list.end) return undefined;
    elements.push({ start: at, end });
    at = skipWhitespace(bytes, end);
    if (bytes[at] === 0x5d) return at + 1 === list.end ? elements : undefined;
    if (bytes[at] !== comma) return undefined;
    at = skipWhitespace(bytes, at + 1);
  }
}

function endsAfter(bytes: Uint8Array, at: number): boolean {
  return skipWhitespace(bytes, at) === bytes.length;
}
