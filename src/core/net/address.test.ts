// Canonical spelling against the URL parser of the platform (WHATWG URL, section 3.5, which serialises as RFC 5952 does
// but for IPv4-mapped addresses), and prefixes against their bits.
import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatAddress, parseAddress, wordsOf } from './address.ts';
import type { Address } from './address.ts';
import { makePrefix, prefixContains } from './prefix.ts';

const group = fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 0xffff }));
const groups = fc.array(group, { minLength: 8, maxLength: 8 });

function canonicalByUrl(text: string): string {
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

test('IPv6 addresses are spelled as the URL parser spells them', () => {
  fc.assert(
    fc.property(groups, fc.boolean(), fc.nat(8), (values, isUpper, gap) => {
      const full = values.map((value) => value.toString(16).padStart(isUpper ? 4 : 1, '0'));
      const zeros = values.slice(gap).findIndex((value) => value !== 0);
      const end = zeros < 0 ? 8 : gap + zeros;
      const short = `${full.slice(0, gap).join(':')}::${full.slice(end).join(':')}`;
      for (const text of end > gap ? [full.join(':'), short] : [full.join(':')]) {
        const canonical = canonicalByUrl(text);
        const isMapped = canonical.startsWith('::ffff:') && values[5] === 0xffff;
        const mapped = `::ffff:${[values[6], values[7]].map((value = 0) => `${value >> 8}.${value & 255}`).join('.')}`;
        expect(parseAddress(isUpper ? text.toUpperCase() : text)).toBe(isMapped ? mapped : canonical);
      }
    }),
  );
});

test('what is no IPv6 address is none', () => {
  const piece = fc.constantFrom(':', '::', 'f', '0', '10.0.0.1', '12345', 'g', '.', 'fe80');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 10 }), (pieces) => {
      const text = pieces.join('');
      if (!text.includes(':')) return;
      // A dotted quad belongs at the end only; Linux's own parser and this one are not asked to agree on others.
      if (/\..*:/.test(text)) return;
      expect(parseAddress(text) !== undefined).toBe(isIPv6(text));
    }),
    { numRuns: 2000 },
  );
});

test('a prefix has the first bits of its addresses, and zeros after them', () => {
  fc.assert(
    fc.property(groups, groups, fc.nat(128), (one, other, length) => {
      const toBits = (values: readonly number[]): string =>
        values.map((value) => value.toString(2).padStart(16, '0')).join('');
      const toAddress = (values: readonly number[]): Address =>
        parseAddress(values.map((value) => value.toString(16)).join(':')) as Address;
      const prefix = makePrefix(toAddress(one), length);
      const words = wordsOf(prefix.address).map((word) => word.toString(2).padStart(32, '0'));
      expect(words.join('')).toBe(toBits(one).slice(0, length).padEnd(128, '0'));
      expect(prefixContains(prefix, toAddress(one))).toBe(true);
      const isInside = toBits(one).slice(0, length) === toBits(other).slice(0, length);
      expect(prefixContains(prefix, toAddress(other))).toBe(isInside);
    }),
  );
  fc.assert(
    fc.property(fc.nat(0xffffffff), fc.nat(0xffffffff), fc.nat(32), (one, other, length) => {
      const toAddress = (value: number): Address => formatAddress(4, [0, 0, 0, value]);
      const prefix = makePrefix(toAddress(one), length);
      const shift = 2 ** (32 - length);
      expect(prefix.address).toBe(toAddress(Math.floor(one / shift) * shift));
      expect(prefixContains(prefix, toAddress(other))).toBe(
        Math.floor(one / shift) === Math.floor(other / shift),
      );
    }),
  );
});
