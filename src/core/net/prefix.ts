// IP prefixes: an address with its host bits cleared, and a length.
import { familyOf, formatAddress, parseAddress, wordsOf } from './address.ts';
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
  return sameBits(wordsOf(address), wordsOf(prefix.address), prefix.length, prefix.family);
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
  const first = family === 4 ? 96 : 0;
  const mask = (word: number, index: number): number => {
    const kept = Math.min(32, Math.max(0, first + length - index * 32));
    return kept === 0 ? 0 : (word & (0xffffffff << (32 - kept))) >>> 0;
  };
  return [mask(words[0], 0), mask(words[1], 1), mask(words[2], 2), mask(words[3], 3)];
}

function sameBits(a: Words, b: Words, length: number, family: Family): boolean {
  const left = maskWords(a, length, family);
  const right = maskWords(b, length, family);
  return left.every((word, index) => word === right[index]);
}
