// An index over the sorted starts of IPv4 intervals: by the first 16 bits, and by the next 8 where many intervals share
// the first 16. In: the starts. Out: for each slot the interval that holds the slot's first address, so that a
// bisection is left with the few intervals of one slot. Built only where it pays (262 KB for the first level).

export interface SlotIndex {
  /** 65,537 entries: the interval at each /16, and the last interval. */
  readonly first: Int32Array;
  /** By /16: where its 257 entries begin in `second`, or -1 where the first level is fine enough. */
  readonly secondAt: Int32Array;
  readonly second: Int32Array;
}

const mostInSlot = 8;

/** Undefined where there are fewer intervals than make the index worth its memory. */
export function buildSlotIndex(starts: Uint32Array, fewestIntervals: number): SlotIndex | undefined {
  if (starts.length < fewestIntervals) return undefined;
  const first = new Int32Array(65537);
  fillSlots(starts, first, 0, { base: 0, shift: 16, count: 65536 });
  const secondAt = new Int32Array(65536).fill(-1);
  const dense: number[] = [];
  for (let slot = 0; slot < 65536; slot++) {
    if ((first[slot + 1] ?? 0) - (first[slot] ?? 0) > mostInSlot) dense.push(slot);
  }
  const second = new Int32Array(dense.length * 257);
  for (const [order, slot] of dense.entries()) {
    secondAt[slot] = order * 257;
    fillSlots(starts, second, order * 257, { base: slot * 65536, shift: 8, count: 256 });
  }
  return { first, secondAt, second };
}

/** Writes `count` slots of 2^shift addresses each from `base` on, and one entry more: the interval at the end. */
function fillSlots(
  starts: Uint32Array,
  slots: Int32Array,
  at: number,
  range: { base: number; shift: number; count: number },
): void {
  let interval = lastStartAtOrBefore(starts, range.base);
  for (let slot = 0; slot <= range.count; slot++) {
    const address = range.base + slot * 2 ** range.shift;
    while (interval + 1 < starts.length && (starts[interval + 1] ?? 0) <= address) interval++;
    slots[at + slot] = interval;
  }
}

function lastStartAtOrBefore(starts: Uint32Array, address: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((starts[middle] ?? 0) <= address) low = middle;
    else high = middle - 1;
  }
  return low;
}
