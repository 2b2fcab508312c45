// The entries of an ordinary tar archive that is in memory as a whole: the kind that collectors and tar programs write for
// a bundle. In: all bytes of the tar. Out: every entry and where its content starts, or undefined for anything that is not
// ordinary (long names, links, damage, no end mark): that is for tar-stream, which knows all of tar and says what is wrong.
import type { TarEntry } from './tar-stream-reader.ts';

export interface PlainEntry extends TarEntry {
  readonly startByte: number;
}

const blockBytes = 512;

export function listPlainTar(tar: Buffer): readonly PlainEntry[] | undefined {
  // Words are read at multiples of four bytes only, and a partial block is damage.
  if (tar.byteOffset % 4 !== 0 || tar.length % blockBytes !== 0) return undefined;
  const words = new Uint32Array(tar.buffer, tar.byteOffset, tar.length / 4);
  const entries: PlainEntry[] = [];
  let at = 0;
  while (at < tar.length && tar[at] !== 0) {
    const entry = readHeader(tar, words, at);
    if (entry === undefined) return undefined;
    entries.push(entry);
    at = entry.startByte + Math.ceil(entry.sizeBytes / blockBytes) * blockBytes;
  }
  return at < tar.length && isZero(words, at / 4) ? entries : undefined;
}

function readHeader(tar: Buffer, words: Uint32Array, at: number): PlainEntry | undefined {
  const type = typeAt(tar, at);
  const sizeBytes = readOctal(tar, at + 124, 12);
  const startByte = at + blockBytes;
  if (type === undefined || sizeBytes < 0 || startByte + sizeBytes > tar.length) return undefined;
  if (type === 'directory' && sizeBytes > 0) return undefined;
  if (readOctal(tar, at + 148, 8) !== sumHeader(tar, words, at)) return undefined;
  const own = readText(tar, at, 100);
  // Only POSIX's format has a prefix; GNU's keeps other things there.
  const prefix = tar[at + 262] === 0 ? readText(tar, at + 345, 155) : '';
  const name = prefix === '' ? own : `${prefix}/${own}`;
  // Before POSIX a folder was a file whose name ends in a slash.
  if (type === 'file' && name.endsWith('/')) return undefined;
  return { name, type, sizeBytes, startByte };
}

/** `ustar` and a NUL is POSIX's magic, `ustar` and a space GNU's; the types are a file (`0` or NUL) and a folder (`5`). */
function typeAt(tar: Buffer, at: number): 'file' | 'directory' | undefined {
  if (tar.toString('latin1', at + 257, at + 262) !== 'ustar') return undefined;
  const sixth = tar[at + 262];
  if (
    sixth === 0 ? tar.toString('latin1', at + 263, at + 265) !== '00' : sixth !== 32 || tar[at + 263] !== 32
  )
    return undefined;
  const flag = tar[at + 156];
  if (flag === 53) return 'directory';
  return flag === 48 || flag === 0 ? 'file' : undefined;
}

/** Octal digits ended by a space or NUL; -1 for any other spelling. */
function readOctal(tar: Buffer, from: number, length: number): number {
  let value = 0;
  for (let at = from; at < from + length; at++) {
    const digit = (tar[at] ?? 0) - 48;
    if (digit < 0 || digit > 7) return at > from && (digit === -48 || digit === -16) ? value : -1;
    value = value * 8 + digit;
  }
  return -1;
}

function readText(tar: Buffer, from: number, length: number): string {
  if (tar[from] === 0) return '';
  const end = tar.indexOf(0, from);
  return tar.toString('utf8', from, end < 0 || end > from + length ? from + length : end);
}

/** The sum of a header's bytes with its own sum counted as spaces: two bytes of a word at a time in either half. */
function sumHeader(tar: Buffer, words: Uint32Array, at: number): number {
  let sums = 0;
  for (let index = at / 4, end = index + blockBytes / 4; index < end; index++) {
    const word = words[index] ?? 0;
    if (word !== 0) sums += (word & 0xff00ff) + ((word >>> 8) & 0xff00ff);
  }
  let sum = (sums & 0xffff) + (sums >>> 16) + 8 * 32;
  for (let index = at + 148; index < at + 156; index++) sum -= tar[index] ?? 0;
  return sum;
}

function isZero(words: Uint32Array, from: number): boolean {
  for (let index = from; index < words.length; index++) if (words[index] !== 0) return false;
  return true;
}
