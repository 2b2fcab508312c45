import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseRange } from './address-range.ts';
import { formatAddress, ipv4Value } from './address.ts';
import type { Address } from './address.ts';
import { formatPrefix } from './prefix.ts';

const show = (text: string): readonly string[] | undefined => parseRange(text)?.map(formatPrefix);

describe('parseRange', () => {
  test.each([
    ['*', ['0.0.0.0/0', '::/0']],
    ['10.0.0.7', ['10.0.0.7/32']],
    ['10.0.0.0/8', ['10.0.0.0/8']],
    ['10.0.0.5-10.0.0.9', ['10.0.0.5/32', '10.0.0.6/31', '10.0.0.8/31']],
    ['0.0.0.0-255.255.255.255', ['0.0.0.0/0']],
    ['fd00::-fd00::ffff', ['fd00::/112']],
    ['::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', ['::/0']],
  ])('%s', (text, prefixes) => {
    expect(show(text)).toEqual(prefixes);
  });

  test.each(['', 'cap:x', '10.0.0.9-10.0.0.5', '10.0.0.1-fd00::1', '10.0.0.1-'])('%j is none', (text) => {
    expect(show(text)).toBeUndefined();
  });

  test('the prefixes follow each other and cover exactly the range', () => {
    const value = fc.nat(0xffffffff);
    fc.assert(
      fc.property(value, value, (a, b) => {
        const [first, last] = a <= b ? [a, b] : [b, a];
        const address = (number: number): Address => formatAddress(4, [0, 0, 0, number]);
        let next = first;
        for (const prefix of parseRange(`${address(first)}-${address(last)}`) ?? []) {
          expect(ipv4Value(prefix.address)).toBe(next);
          next += 2 ** (32 - prefix.length);
        }
        expect(next).toBe(last + 1);
      }),
    );
  });
});
