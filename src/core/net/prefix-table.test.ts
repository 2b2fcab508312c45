// The tables against a linear scan, on prefixes that nest, touch, and end the address space.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Family } from './address.ts';
import { buildPrefixTable, findPrefix4, findPrefix6 } from './prefix-table.ts';
import type { PrefixList } from './prefix-table.ts';

interface Row {
  readonly words: readonly number[];
  readonly length: number;
}

function maskRow(words: readonly number[], length: number): Row {
  const masked = words.map((word, index) => {
    const kept = Math.min(32, Math.max(0, length - index * 32));
    return kept === 0 ? 0 : (word & (0xffffffff << (32 - kept))) >>> 0;
  });
  return { words: masked, length };
}

function compareRows(a: Row, b: Row): number {
  for (let word = 0; word < a.words.length; word++) {
    const difference = a.words[word]! - b.words[word]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

function toList(family: Family, rows: readonly Row[]): { list: PrefixList; sorted: Row[] } {
  const distinct = new Map(rows.map((row) => [`${row.words.join('.')}/${row.length}`, row]));
  const sorted = [...distinct.values()].sort(compareRows);
  const words = Uint32Array.from(sorted.flatMap((row) => row.words));
  return { list: { family, words, lengths: Uint8Array.from(sorted.map((row) => row.length)) }, sorted };
}

function scan(sorted: readonly Row[], address: readonly number[], shorterThan = 129): number {
  let best = -1;
  for (const [number, row] of sorted.entries()) {
    const holds = compareRows(maskRow(address, row.length), row) === 0;
    if (holds && row.length < shorterThan && row.length > (sorted[best]?.length ?? -1)) best = number;
  }
  return best;
}

const word = fc.oneof(
  fc.integer({ min: 0, max: 0xffffffff }),
  fc.constantFrom(0, 0xffffffff, 0x80000000, 0x0a000000, 0x0a0000ff, 0x0a2a0000),
  fc.integer({ min: 0x0a000000, max: 0x0a00ffff }),
);
const row4 = fc
  .tuple(word, fc.integer({ min: 0, max: 32 }))
  .map(([value, length]) => maskRow([value], length));
const row6 = fc
  .tuple(word, word, word, word, fc.integer({ min: 0, max: 128 }))
  .map(([a, b, c, d, length]) => maskRow([a, b, c, d], length));

/** Addresses at and beside every boundary, which random ones rarely hit. */
function edges(rows: readonly Row[]): number[][] {
  return rows.flatMap((row) => {
    const last = row.words.map((value, index) => {
      const host = Math.min(32, Math.max(0, (index + 1) * 32 - row.length));
      return host === 32 ? 0xffffffff : (value | (2 ** host - 1)) >>> 0;
    });
    const after = [...last];
    after[after.length - 1] = (after.at(-1)! + 1) >>> 0;
    const before = [...row.words];
    before[before.length - 1] = (before.at(-1)! - 1) >>> 0;
    return [[...row.words], last, after, before];
  });
}

describe('prefix tables', () => {
  it('find the longest IPv4 prefix as a scan does', () => {
    fc.assert(
      fc.property(fc.array(row4, { maxLength: 60 }), fc.array(word, { maxLength: 40 }), (rows, probes) => {
        const { list, sorted } = toList(4, rows);
        const table = buildPrefixTable(list);
        for (const [address] of [...edges(sorted), ...probes.map((value) => [value])]) {
          expect(findPrefix4(table, address!)).toBe(scan(sorted, [address!]));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('find the longest IPv6 prefix as a scan does', () => {
    const address = fc.tuple(word, word, word, word);
    fc.assert(
      fc.property(fc.array(row6, { maxLength: 40 }), fc.array(address, { maxLength: 20 }), (rows, probes) => {
        const { list, sorted } = toList(6, rows);
        const table = buildPrefixTable(list);
        for (const probe of [...edges(sorted), ...probes]) {
          const [a, b, c, d] = probe as [number, number, number, number];
          expect(findPrefix6(table, a, b, c, d)).toBe(scan(sorted, probe));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('name the next shorter prefix around each one', () => {
    fc.assert(
      fc.property(fc.array(row4, { maxLength: 60 }), (rows) => {
        const { list, sorted } = toList(4, rows);
        const table = buildPrefixTable(list);
        for (const [number, row] of sorted.entries()) {
          expect(table.covers[number]).toBe(scan(sorted, row.words, row.length));
        }
      }),
    );
  });

  it('answer the same with an index, dense and sparse', () => {
    const rows: Row[] = [maskRow([0], 0), maskRow([0xfffffff0], 28)];
    let state = 17;
    const next = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0);
    for (let count = 0; count < 6000; count++) {
      const value = count % 2 === 0 ? (0x0a000000 | (next() & 0x3ffff)) >>> 0 : next();
      rows.push(maskRow([value], 16 + (next() % 17)));
    }
    const { list, sorted } = toList(4, rows);
    const table = buildPrefixTable(list);
    expect(table.index).toBeDefined();
    const plain = { ...table, index: undefined };
    for (const [address] of edges(sorted)) {
      expect(findPrefix4(table, address!)).toBe(findPrefix4(plain, address!));
    }
  });

  it('find nothing in an empty table', () => {
    const table = buildPrefixTable({ family: 4, words: new Uint32Array(0), lengths: new Uint8Array(0) });
    expect(findPrefix4(table, 0x01020304)).toBe(-1);
  });
});
