// How every row of the benchmark is measured: both sides in one process tree, turn by turn, at least seven rounds after a
// warm-up. In: two ways of doing the same work. Out: the median and the worst of the rounds' ratios. A row whose sides
// disagree on the results is void, whatever its times say. Absolute times are printed nowhere but as a guide: the same
// command moves by a factor of two between runs.

/** One way of doing the work: how long it took, and a checksum of what came out. */
export type Side = () => Promise<{ readonly elapsedMs: number; readonly checksum: string }>;

export interface BenchRow {
  readonly name: string;
  /** What it is compared with. */
  readonly against: string;
  readonly median: number;
  readonly worst: number;
  /** The ratio to reach. */
  readonly goal: number;
  /** Whether a larger ratio is the better one. */
  readonly isLargerBetter: boolean;
  /** Sizes and absolute figures, for orientation. */
  readonly note: string;
  /** Set where the row says nothing: the sides disagree, or it could not be measured here. */
  readonly void?: string;
}

export interface Comparison {
  readonly ours: Side;
  readonly theirs: Side;
  readonly rounds?: number;
}

export interface Ratios {
  /** Their time over ours, round by round. */
  readonly median: number;
  readonly worst: number;
  readonly oursMs: number;
  readonly theirsMs: number;
  readonly agree: boolean;
}

export async function compareSides({ ours, theirs, rounds = 7 }: Comparison): Promise<Ratios> {
  const first = await ours();
  const second = await theirs();
  let agree = first.checksum === second.checksum;
  const ratios: number[] = [];
  const oursMs: number[] = [];
  const theirsMs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const own = await ours();
    const other = await theirs();
    agree &&= own.checksum === first.checksum && other.checksum === first.checksum;
    oursMs.push(own.elapsedMs);
    theirsMs.push(other.elapsedMs);
    ratios.push(other.elapsedMs / own.elapsedMs);
  }
  return {
    median: medianOf(ratios),
    worst: Math.min(...ratios),
    oursMs: medianOf(oursMs),
    theirsMs: medianOf(theirsMs),
    agree,
  };
}

export function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
