// Longest-prefix match over a fixed list of prefixes, in typed arrays.
// In: distinct prefixes in address order (a shorter one before the longer ones that start with it). Out: a table that
// answers with the number of the longest prefix containing an address. The address space is cut into intervals at
// build time, so a lookup is one bisection; only tables with many intervals pay for an index, since a cluster has
// thousands of small tables and a fixed index for each would cost more than all of the routes.
import type { Family } from './address.ts';
import { buildSlotIndex } from './slot-index.ts';
import type { SlotIndex } from './slot-index.ts';

/** `words` holds one unsigned 32-bit word for each IPv4 prefix and four for each IPv6 prefix. */
export interface PrefixList {
  readonly family: Family;
  readonly words: Uint32Array;
  readonly lengths: Uint8Array;
}

export interface PrefixTable {
  readonly family: Family;
  /** Where each interval begins (same word layout as the list); the first begins at zero. */
  readonly starts: Uint32Array;
  /** By interval: the number of its longest prefix, or -1. */
  readonly values: Int32Array;
  /** By prefix number: the next shorter prefix around it, or -1. */
  readonly covers: Int32Array;
  /** IPv4 tables with many intervals only. */
  readonly index: SlotIndex | undefined;
}

export function buildPrefixTable(list: PrefixList): PrefixTable {
  const sweep = startSweep(list);
  for (let prefix = 0; prefix < list.lengths.length; prefix++) enterPrefix(sweep, prefix);
  while (sweep.depth > 0) leavePrefix(sweep);
  const starts = sweep.starts.slice(0, sweep.count * sweep.width);
  const values = sweep.values.slice(0, sweep.count);
  const index = list.family === 4 ? buildSlotIndex(starts, 4096) : undefined;
  return { family: list.family, starts, values, covers: sweep.covers, index };
}

/** The number of the longest prefix that contains an IPv4 address, or -1. */
export function findPrefix4(table: PrefixTable, address: number): number {
  const starts = table.starts;
  const index = table.index;
  let low = 0;
  let high = table.values.length - 1;
  if (index !== undefined) {
    let slot = address >>> 16;
    let slots = index.first;
    const second = index.secondAt[slot] as number;
    if (second >= 0) {
      slot = second + ((address >>> 8) & 255);
      slots = index.second;
    }
    low = slots[slot] as number;
    high = slots[slot + 1] as number;
  }
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] as number) <= address) low = middle;
    else high = middle - 1;
  }
  return table.values[low] as number;
}

/** The number of the longest prefix that contains an IPv6 address, or -1. */
export function findPrefix6(table: PrefixTable, w0: number, w1: number, w2: number, w3: number): number {
  const starts = table.starts;
  let low = 0;
  let high = table.values.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    const at = middle * 4;
    let difference = (starts[at] as number) - w0;
    if (difference === 0) difference = (starts[at + 1] as number) - w1;
    if (difference === 0) difference = (starts[at + 2] as number) - w2;
    if (difference === 0) difference = (starts[at + 3] as number) - w3;
    if (difference <= 0) low = middle;
    else high = middle - 1;
  }
  return table.values[low] as number;
}

/** The state of one pass over the prefixes: which are open, and the intervals cut so far. */
interface Sweep {
  readonly list: PrefixList;
  readonly width: number;
  readonly starts: Uint32Array;
  readonly values: Int32Array;
  readonly covers: Int32Array;
  /** The open prefixes, outermost first; at most one for each length. */
  readonly open: Int32Array;
  /** The first address after each open prefix; a prefix that ends the address space has none. */
  readonly ends: Uint32Array;
  readonly isLast: Uint8Array;
  depth: number;
  count: number;
}

function startSweep(list: PrefixList): Sweep {
  const width = list.family === 4 ? 1 : 4;
  const most = 2 * list.lengths.length + 1;
  const values = new Int32Array(most);
  values[0] = -1;
  return {
    list,
    width,
    starts: new Uint32Array(most * width),
    values,
    covers: new Int32Array(list.lengths.length),
    open: new Int32Array(130),
    ends: new Uint32Array(130 * width),
    isLast: new Uint8Array(130),
    depth: 0,
    count: 1,
  };
}

function enterPrefix(sweep: Sweep, prefix: number): void {
  const { list, width } = sweep;
  while (sweep.depth > 0 && endsBefore(sweep, prefix)) leavePrefix(sweep);
  const at = prefix * width;
  cutInterval(sweep, list.words, at, prefix);
  sweep.covers[prefix] = sweep.depth > 0 ? (sweep.open[sweep.depth - 1] ?? -1) : -1;
  sweep.open[sweep.depth] = prefix;
  sweep.isLast[sweep.depth] = writeEnd(sweep, prefix) ? 0 : 1;
  sweep.depth++;
}

function leavePrefix(sweep: Sweep): void {
  sweep.depth--;
  if (sweep.isLast[sweep.depth] === 1) return;
  const outer = sweep.depth > 0 ? (sweep.open[sweep.depth - 1] ?? -1) : -1;
  cutInterval(sweep, sweep.ends, sweep.depth * sweep.width, outer);
}

/** Begins an interval; one that begins where the last did replaces it. */
function cutInterval(sweep: Sweep, words: Uint32Array, at: number, value: number): void {
  const { starts, values, width } = sweep;
  const last = (sweep.count - 1) * width;
  let isSame = true;
  for (let word = 0; word < width; word++) {
    if (starts[last + word] !== words[at + word]) isSame = false;
  }
  if (!isSame) sweep.count++;
  for (let word = 0; word < width; word++)
    starts[(sweep.count - 1) * width + word] = words[at + word] as number;
  values[sweep.count - 1] = value;
}

function endsBefore(sweep: Sweep, prefix: number): boolean {
  const top = sweep.depth - 1;
  if (sweep.isLast[top] === 1) return false;
  for (let word = 0; word < sweep.width; word++) {
    const end = sweep.ends[top * sweep.width + word] as number;
    const start = sweep.list.words[prefix * sweep.width + word] as number;
    if (end !== start) return end < start;
  }
  return true;
}

/** Writes the address after the prefix on top of the stack; false where the address space ends with it. */
function writeEnd(sweep: Sweep, prefix: number): boolean {
  const { list, width, ends } = sweep;
  const hostBits = width * 32 - (list.lengths[prefix] as number);
  const first = width - 1 - (hostBits >>> 5);
  let added = 2 ** (hostBits & 31);
  for (let word = width - 1; word >= 0; word--) {
    const sum = (list.words[prefix * width + word] as number) + (word <= first ? added : 0);
    ends[sweep.depth * width + word] = sum >>> 0;
    if (word <= first) added = sum > 0xffffffff ? 1 : 0;
  }
  return first >= 0 && added === 0;
}
