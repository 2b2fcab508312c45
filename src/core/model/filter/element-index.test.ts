// Lookups in sets against a search through every element: generated concatenations of numbers, networks and names, with
// ranges that overlap.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compareAddresses, parseAddress } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { FilterSetElement, FilterValue } from '../../snapshot/filter-facts.ts';
import { findElement } from './element-index.ts';
import type { PacketValue } from './sort-key.ts';

const toAddress = (text: string): Address => {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
};

const host = fc.constantFrom('10.0.0.1', '10.0.0.9', '10.0.1.1', '192.0.2.1').map(toAddress);
const host6 = fc.constantFrom('fd00::1', 'fd00::9', 'fd00:0:0:1::1', 'ff02::1').map(toAddress);
const names = ['eth0', 'eth1', 'cali12', 'tailscale0', ''];

const addressRange = (one: fc.Arbitrary<Address>): fc.Arbitrary<FilterValue> =>
  fc.tuple(one, one, fc.boolean()).map(([a, b, isExact]) => {
    const [from, to] = compareAddresses(a, b) > 0 ? [b, a] : [a, b];
    return { kind: 'address', from, to: isExact ? from : to };
  });

const values: readonly fc.Arbitrary<FilterValue>[] = [
  addressRange(host),
  addressRange(host6),
  fc
    .tuple(fc.constantFrom(0, 5, 80, 0xffffffff), fc.nat(20))
    .map(([from, more]) => ({ kind: 'number', from, to: from + more })),
  fc
    .tuple(fc.constantFrom('eth', 'eth0', 'cali', ''), fc.boolean())
    .map(([name, isPrefix]) => ({ kind: 'name', name, isPrefix })),
];
const keys: readonly fc.Arbitrary<PacketValue>[] = [
  host.map((value) => ({ kind: 'address', value })),
  host6.map((value) => ({ kind: 'address', value })),
  fc.constantFrom(0, 7, 80, 90, 0xffffffff).map((value) => ({ kind: 'number', value })),
  fc.constantFrom(...names).map((value) => ({ kind: 'name', value })),
];

function isInside(value: FilterValue, key: PacketValue): boolean {
  if (value.kind === 'number' && key.kind === 'number')
    return value.from <= key.value && key.value <= value.to;
  if (value.kind === 'address' && key.kind === 'address')
    return compareAddresses(value.from, key.value) <= 0 && compareAddresses(key.value, value.to) <= 0;
  if (value.kind !== 'name' || key.kind !== 'name') return false;
  return value.isPrefix ? key.value !== '' && key.value.startsWith(value.name) : key.value === value.name;
}

const sets = fc.array(fc.constantFrom(0, 1, 2, 3), { minLength: 1, maxLength: 3 }).chain((components) =>
  fc.record({
    elements: fc.array(
      fc
        .tuple(...components.map((component) => values[component]!))
        .map((key): FilterSetElement => ({ key })),
      { minLength: 1, maxLength: 200 },
    ),
    asked: fc.array(fc.tuple(...components.map((component) => keys[component]!)), {
      minLength: 1,
      maxLength: 20,
    }),
  }),
);

describe('findElement', () => {
  it('finds the first element that holds the key', () => {
    let found = 0;
    fc.assert(
      fc.property(sets, ({ elements, asked }) => {
        for (const key of asked) {
          const slow = elements.find((element) =>
            element.key.every((value, at) => isInside(value, key[at]!)),
          );
          if (slow !== undefined) found++;
          expect(findElement(elements, key)).toBe(slow);
        }
      }),
      { numRuns: 400 },
    );
    expect(found).toBeGreaterThan(500);
  });

  it('does not compare values of different kinds', () => {
    const elements: FilterSetElement[] = [{ key: [{ kind: 'number', from: 6, to: 6 }] }];
    expect(findElement(elements, [{ kind: 'name', value: 'tcp' }])).toBe('incomparable');
    expect(findElement([], [{ kind: 'name', value: 'tcp' }])).toBeUndefined();
  });
});
