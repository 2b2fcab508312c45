// Base64 and UTF-8 without a platform: Secrets hold both, and the core knows neither Buffer nor TextDecoder.
// In: base64 text or text. Out: the other; undefined where the input is not what it claims (then it is binary).

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const sextets = new Map(alphabet.split('').map((letter, value) => [letter.charCodeAt(0), value]));

/** The text that standard base64 holds; undefined for malformed base64 and for bytes that are not UTF-8. */
export function decodeBase64Text(encoded: string): string | undefined {
  const bytes = decodeBase64(encoded);
  return bytes === undefined ? undefined : decodeUtf8(bytes);
}

export function encodeBase64Text(text: string): string {
  return encodeBase64(encodeUtf8(text));
}

function decodeBase64(encoded: string): number[] | undefined {
  const letters = encoded.replace(/[\r\n]/g, '');
  if (letters.length % 4 !== 0) return undefined;
  const padding = letters.endsWith('==') ? 2 : letters.endsWith('=') ? 1 : 0;
  const bytes: number[] = [];
  for (let index = 0; index < letters.length; index += 4) {
    let quantum = 0;
    for (let place = 0; place < 4; place++) {
      const isPadding = index + place >= letters.length - padding;
      const sextet = isPadding ? 0 : sextets.get(letters.charCodeAt(index + place));
      if (sextet === undefined) return undefined;
      quantum = quantum * 64 + sextet;
    }
    bytes.push(quantum >>> 16, (quantum >>> 8) & 255, quantum & 255);
  }
  bytes.length -= padding;
  return bytes;
}

function encodeBase64(bytes: readonly number[]): string {
  const pieces: string[] = [];
  for (let index = 0; index < bytes.length; index += 3) {
    const left = bytes.length - index;
    const quantum = ((bytes[index] ?? 0) << 16) | ((bytes[index + 1] ?? 0) << 8) | (bytes[index + 2] ?? 0);
    const letter = (shift: number): string => alphabet.charAt((quantum >>> shift) & 63);
    pieces.push(letter(18), letter(12), left > 1 ? letter(6) : '=', left > 2 ? letter(0) : '=');
  }
  return pieces.join('');
}

function encodeUtf8(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const scalar = code >= 0xd800 && code <= 0xdfff ? 0xfffd : code;
    if (scalar < 0x80) bytes.push(scalar);
    else if (scalar < 0x800) bytes.push(0xc0 | (scalar >> 6), tail(scalar, 0));
    else if (scalar < 0x10000) bytes.push(0xe0 | (scalar >> 12), tail(scalar, 6), tail(scalar, 0));
    else bytes.push(0xf0 | (scalar >> 18), tail(scalar, 12), tail(scalar, 6), tail(scalar, 0));
  }
  return bytes;
}

function tail(scalar: number, shift: number): number {
  return 0x80 | ((scalar >> shift) & 63);
}

function decodeUtf8(bytes: readonly number[]): string | undefined {
  const pieces: string[] = [];
  let index = 0;
  while (index < bytes.length) {
    const first = bytes[index] ?? 0;
    const length = sequenceLength(first);
    if (length === 0 || index + length > bytes.length) return undefined;
    let code = length === 1 ? first : first & (0xff >> (length + 1));
    for (let offset = 1; offset < length; offset++) {
      const next = bytes[index + offset] ?? 0;
      if ((next & 0xc0) !== 0x80) return undefined;
      code = code * 64 + (next & 63);
    }
    if (!isScalarOfLength(code, length)) return undefined;
    pieces.push(String.fromCodePoint(code));
    index += length;
  }
  return pieces.join('');
}

function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first < 0xe0) return 2;
  if (first >= 0xe0 && first < 0xf0) return 3;
  return first >= 0xf0 && first < 0xf5 ? 4 : 0;
}

/** Refuses overlong forms, surrogates and what lies behind Unicode's end. */
function isScalarOfLength(code: number, length: number): boolean {
  if (length === 3) return code >= 0x800 && (code < 0xd800 || code > 0xdfff);
  return length !== 4 || (code >= 0x10000 && code <= 0x10ffff);
}
