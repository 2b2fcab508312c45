import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareNatural, shortName } from './names.ts';

describe('natural order', () => {
  test('numbers by value', () => {
    const sorted = ['flow-10', 'flow-9', 'flow-1', 'a', 'flow'].sort(compareNatural);
    expect(sorted).toEqual(['a', 'flow', 'flow-1', 'flow-9', 'flow-10']);
  });

  test('is a total order: what differs is never equal, and the order does not depend on the start', () => {
    const names = fc.array(fc.stringMatching(/^[a-b0-2-]{0,6}$/), { maxLength: 8 });
    fc.assert(
      fc.property(names, (words) => {
        const sorted = [...words].sort(compareNatural);
        expect([...words].reverse().sort(compareNatural)).toEqual(sorted);
        for (const a of words) for (const b of words) expect(compareNatural(a, b) === 0).toBe(a === b);
      }),
    );
  });
});

test.each([
  ['pod/shop/web', 'shop/web'],
  ['node/n2', 'n2'],
  ['tailnet/device/gateway', 'tailnet device/gateway'],
  ['plain', 'plain'],
])('%s is called %s', (reference, name) => {
  expect(shortName(reference)).toBe(name);
});
