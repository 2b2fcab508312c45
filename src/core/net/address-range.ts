// A range of addresses as the prefixes that make it up. Tailscale writes sources and destinations as `*`, a prefix, an
// address, or `10.0.0.5-10.0.0.9`.
import { compareAddresses, familyOf, formatAddress, parseAddress, wordsOf } from './address.ts';
import type { Address, Family, Words } from './address.ts';
import { defaultPrefix, makePrefix, parsePrefix, widthOf } from './prefix.ts';
import type { Prefix } from './prefix.ts';

/** `*` is every address of both families. Undefined where the text is none of the four forms. */
export function parseRange(text: string): readonly Prefix[] | undefined {
  if (text === '*') return [defaultPrefix(4), defaultPrefix(6)];
  const dash = text.indexOf('-');
  if (dash < 0) {
    const prefix = parsePrefix(text);
    return prefix === undefined ? undefined : [prefix];
  }
  const first = parseAddress(text.slice(0, dash));
  const last = parseAddress(text.slice(dash + 1));
  if (first === undefined || last === undefined || familyOf(first) !== familyOf(last)) return undefined;
  return compareAddresses(first, last) > 0 ? undefined : prefixesOfRange(first, last);
}

/** The fewest prefixes that hold exactly the addresses from `first` to `last`. */
function prefixesOfRange(first: Address, last: Address): readonly Prefix[] {
  const family = familyOf(first);
  const end = valueOf(wordsOf(last));
  const prefixes: Prefix[] = [];
  for (let start = valueOf(wordsOf(first)); start <= end;) {
    let hostBits = 0;
    while (hostBits < widthOf(family) && fits(start, BigInt(hostBits + 1), end)) hostBits++;
    prefixes.push(makePrefix(addressOf(family, start), widthOf(family) - hostBits));
    start += 1n << BigInt(hostBits);
  }
  return prefixes;
}

function fits(start: bigint, hostBits: bigint, end: bigint): boolean {
  const size = 1n << hostBits;
  return start % size === 0n && start + size - 1n <= end;
}

function valueOf(words: Words): bigint {
  return words.reduce((value, word) => (value << 32n) + BigInt(word), 0n);
}

function addressOf(family: Family, value: bigint): Address {
  const word = (shift: bigint): number => Number((value >> shift) & 0xffffffffn);
  return formatAddress(family, [word(96n), word(64n), word(32n), word(0n)]);
}
