// IP prefixes: an address with its host bits cleared, and a length.
import { familyOf, formatAddress, ipv4Value, parseAddress, wordsOf } from './address.ts';
import type { Address, Family, Words } from './address.ts';

export interface Prefix {
  readonly family: Family;
  readonly address: Address;
  readonly length: number;
}

export function widthOf(family: Family): number {
  return family === 4 ? 32 : 128;
}

/** Reads `10.0.0.0/8`, `fd00::/64` or a bare address (a host prefix). Host bits are cleared. */
export function parsePrefix(text: string): Prefix | undefined {
  const slash = text.indexOf('/');
  const address = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (address === undefined) return undefined;
  const width = widthOf(familyOf(address));
  const lengthText = slash < 0 ? String(width) : text.slice(slash + 1);
  if (!/^\d{1,3}$/.test(lengthText) || Number(lengthText) > width) return undefined;
  return makePrefix(address, Number(lengthText));
}

export function makePrefix(address: Address, length: number): Prefix {
  const family = familyOf(address);
  if (length === widthOf(family)) return { family, address, length };
  return { family, address: formatAddress(family, maskWords(wordsOf(address), length, family)), length };
}

export function defaultPrefix(family: Family): Prefix {
  return makePrefix((family === 4 ? '0.0.0.0' : '::') as Address, 0);
}

export function hostPrefix(address: Address): Prefix {
  return { family: familyOf(address), address, length: widthOf(familyOf(address)) };
}

export function formatPrefix(prefix: Prefix): string {
  return `${prefix.address}/${prefix.length}`;
}

export function prefixContains(prefix: Prefix, address: Address): boolean {
  if (familyOf(address) !== prefix.family) return false;
  if (prefix.family === 4)
    return maskWord(ipv4Value(address) ^ ipv4Value(prefix.address), prefix.length) === 0;
  return sameBits(wordsOf(address), wordsOf(prefix.address), prefix.length);
}

/** Whether every address of `inner` lies in `outer`. */
export function prefixCovers(outer: Prefix, inner: Prefix): boolean {
  return outer.length <= inner.length && prefixContains(outer, inner.address);
}

export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  return prefixCovers(a, b) || prefixCovers(b, a);
}

export function samePrefix(a: Prefix, b: Prefix): boolean {
  return a.length === b.length && a.address === b.address;
}

function maskWords(words: Words, length: number, family: Family): Words {
  if (family === 4) return [0, 0, 0, maskWord(words[3], length)];
  return [
    maskWord(words[0], length),
    maskWord(words[1], length - 32),
    maskWord(words[2], length - 64),
    maskWord(words[3], length - 96),
  ];
}

function maskWord(word: number, keptBits: number): number {
  if (keptBits >= 32) return word;
  return keptBits <= 0 ? 0 : (word & (0xffffffff << (32 - keptBits))) >>> 0;
}

function sameBits(a: Words, b: Words, length: number): boolean {
  return (
    maskWord(a[0] ^ b[0], length) === 0 &&
    maskWord(a[1] ^ b[1], length - 32) === 0 &&
    maskWord(a[2] ^ b[2], length - 64) === 0 &&
    maskWord(a[3] ^ b[3], length - 96) === 0
  );
}
