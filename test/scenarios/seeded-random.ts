// Chance that is the same in every run: shuffles and picks from a seed (mulberry32).
export interface SeededRandom {
  /** From 0 up to, not including, `limit`. */
  readonly below: (limit: number) => number;
  readonly shuffle: <T>(values: readonly T[]) => T[];
  /** The same value with the keys of every object in another order. */
  readonly shuffleKeys: (value: unknown) => unknown;
}

export function makeRandom(seed: number): SeededRandom {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  const shuffle = <T>(values: readonly T[]): T[] => {
    const shuffled = [...values];
    for (let last = shuffled.length - 1; last > 0; last--) {
      const other = below(last + 1);
      [shuffled[last], shuffled[other]] = [shuffled[other] as T, shuffled[last] as T];
    }
    return shuffled;
  };
  const shuffleKeys = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(shuffleKeys);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      shuffle(Object.entries(value)).map(([key, field]) => [key, shuffleKeys(field)] as const),
    );
  };
  return { below, shuffle, shuffleKeys };
}
