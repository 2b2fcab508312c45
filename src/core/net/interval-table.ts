// Tables of intervals that were not made from one list of prefixes but from where several of them change.
// In: sorted starts of intervals (as PrefixTable holds them) and a value for each. Out: a table for the same searches,
// with neighbours of equal value joined.
import type { Family } from './address.ts';
import { wordsOf } from './address.ts';
import type { Prefix } from './prefix.ts';
import { buildPrefixTable } from './prefix-table.ts';
import type { PrefixTable } from './prefix-table.ts';
import { buildSlotIndex } from './slot-index.ts';

/** The starts of the intervals that these prefixes (in any order, repeated or not) cut the address space into. */
export function cutByPrefixes(family: Family, prefixes: readonly Prefix[]): Uint32Array {
  const distinct = new Map(prefixes.map((prefix) => [`${prefix.address}/${prefix.length}`, prefix]));
  const rows = [...distinct.values()].map((prefix) => ({
    words: wordsOf(prefix.address),
    length: prefix.length,
  }));
  rows.sort(
    (a, b) =>
      a.words[0] - b.words[0] ||
      a.words[1] - b.words[1] ||
      a.words[2] - b.words[2] ||
      a.words[3] - b.words[3] ||
      a.length - b.length,
  );
  const words = rows.flatMap((row) => (family === 4 ? [row.words[3]] : row.words));
  const lengths = Uint8Array.from(rows, (row) => row.length);
  return buildPrefixTable({ family, words: Uint32Array.from(words), lengths }).starts;
}

/** The starts that are in either list, in order and once. */
export function mergeStarts(family: Family, a: Uint32Array, b: Uint32Array): Uint32Array {
  const width = family === 4 ? 1 : 4;
  const merged = new Uint32Array(a.length + b.length);
  let left = 0;
  let right = 0;
  let end = 0;
  while (left < a.length || right < b.length) {
    const order = compareStarts(a, left, b, right, width);
    const from = order <= 0 ? a : b;
    const at = order <= 0 ? left : right;
    for (let word = 0; word < width; word++) merged[end + word] = from[at + word] as number;
    end += width;
    if (order <= 0) left += width;
    if (order >= 0) right += width;
  }
  return merged.slice(0, end);
}

/** Below zero where a's start comes first; a list that is used up comes last. */
function compareStarts(a: Uint32Array, left: number, b: Uint32Array, right: number, width: number): number {
  if (left >= a.length) return 1;
  if (right >= b.length) return -1;
  for (let word = 0; word < width; word++) {
    const difference = (a[left + word] as number) - (b[right + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** Such tables are few and asked much, so they are indexed early. */
export function makeIntervalTable(family: Family, starts: Uint32Array, values: Int32Array): PrefixTable {
  const width = family === 4 ? 1 : 4;
  const kept = new Uint32Array(starts.length);
  const keptValues = new Int32Array(values.length);
  let count = 0;
  for (let interval = 0; interval < values.length; interval++) {
    const value = values[interval] as number;
    if (count > 0 && keptValues[count - 1] === value) continue;
    for (let word = 0; word < width; word++) {
      kept[count * width + word] = starts[interval * width + word] as number;
    }
    keptValues[count++] = value;
  }
  const joined = kept.slice(0, count * width);
  return {
    family,
    starts: joined,
    values: keptValues.slice(0, count),
    covers: new Int32Array(0),
    index: family === 4 ? buildSlotIndex(joined, 64) : undefined,
  };
}
