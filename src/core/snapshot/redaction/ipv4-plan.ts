// Pseudonyms of public IPv4 addresses, as numbers. The lower half of 198.18.0.0/15 takes whole prefixes at their own size, so
// that a gateway stays inside its subnet; the upper half takes single addresses in numeric order, so that ranges stay ranges.
// What does not fit: a prefix wider than /18, or beyond 65,536 addresses of prefixes, becomes a single address (it then covers
// nothing, where the original may have covered another address of the bundle).
import { formatAddress } from '../../net/address.ts';
import { isPublicAddress } from './public-address.ts';

export interface Ipv4Plan {
  readonly observe: (value: number, length: number) => void;
  readonly seal: () => void;
  readonly replace: (value: number, length: number) => { readonly value: number; readonly length: number };
  readonly isObserved: (value: number) => boolean;
}

const blocksBase = 0xc6120000;
const singlesBase = 0xc6130000;
const halfSize = 65_536;
const widestBlock = 18;

interface Block {
  readonly start: number;
  readonly size: number;
  readonly pseudonym: number;
}

export function planIpv4(): Ipv4Plan {
  const addresses = new Set<number>();
  const prefixes = new Map<string, { readonly start: number; readonly length: number }>();
  const taken = new Set<number>();
  const singles = new Map<number, number>();
  let blocks: readonly Block[] = [];
  let next = singlesBase + 1;

  const observe = (value: number, length: number): void => {
    if (!isPublicAddress(formatAddress(4, [0, 0, 0, value]))) {
      if (value >= blocksBase && value < singlesBase + halfSize) taken.add(value);
      return;
    }
    const start = networkOf(value, length);
    if (length === 32 || start !== value) addresses.add(value);
    if (length < 32) prefixes.set(`${start}/${length}`, { start, length });
  };
  const assign = (value: number): number => {
    const last = singlesBase + halfSize - 1;
    while (taken.has(next) && next < last) next++;
    const pseudonym = Math.min(next, last);
    next++;
    singles.set(value, pseudonym);
    return pseudonym;
  };
  const seal = (): void => {
    const sorted = [...addresses].sort((a, b) => a - b);
    blocks = allocateBlocks([...prefixes.values()], sorted, taken);
    const starts = [...prefixes.values()].map((prefix) => prefix.start);
    const left = new Set([...sorted, ...starts].filter((value) => blockOf(blocks, value) === undefined));
    for (const value of [...left].sort((a, b) => a - b)) assign(value);
  };
  const replace = (value: number, length: number): { value: number; length: number } => {
    const block = blockOf(blocks, value);
    if (block !== undefined && block.size >= sizeOf(length)) {
      return { value: block.pseudonym + value - block.start, length };
    }
    return { value: singles.get(value) ?? assign(value), length: 32 };
  };
  return { observe, seal, replace, isObserved: (value) => addresses.has(value) };
}

/** Prefixes that hold an address of the bundle come first: only for them does membership decide anything. */
function allocateBlocks(
  prefixes: readonly { readonly start: number; readonly length: number }[],
  addresses: readonly number[],
  taken: ReadonlySet<number>,
): readonly Block[] {
  const outermost = withoutNested(prefixes.filter((prefix) => prefix.length >= widestBlock));
  const isInhabited = (prefix: { start: number; length: number }): boolean => {
    const first = firstAtLeast(addresses, prefix.start);
    return first !== undefined && first < prefix.start + sizeOf(prefix.length);
  };
  const inhabited = outermost.filter(isInhabited);
  const others = outermost.filter((prefix) => !isInhabited(prefix));
  const takenSorted = [...taken].sort((a, b) => a - b);
  const blocks: Block[] = [];
  let free = blocksBase;
  for (const prefix of [...inhabited, ...others]) {
    const size = sizeOf(prefix.length);
    const pseudonym = nextFree(free, size, takenSorted);
    if (pseudonym + size > singlesBase) continue;
    blocks.push({ start: prefix.start, size, pseudonym });
    free = pseudonym + size;
  }
  return blocks.sort((a, b) => a.start - b.start);
}

/** The first aligned place behind `free` that no address of the input occupies. */
function nextFree(free: number, size: number, takenSorted: readonly number[]): number {
  let place = Math.ceil(free / size) * size;
  while (place < singlesBase) {
    const occupied = firstAtLeast(takenSorted, place);
    if (occupied === undefined || occupied >= place + size) return place;
    place += size;
  }
  return place;
}

/** Largest first; of two where one holds the other, the larger. */
function withoutNested(
  prefixes: readonly { readonly start: number; readonly length: number }[],
): readonly { readonly start: number; readonly length: number }[] {
  const kept: { start: number; length: number }[] = [];
  const covered = new Set<string>();
  for (const prefix of [...prefixes].sort((a, b) => a.length - b.length || a.start - b.start)) {
    let isNested = false;
    for (let length = widestBlock; length < prefix.length && !isNested; length++) {
      isNested = covered.has(`${networkOf(prefix.start, length)}/${length}`);
    }
    if (isNested) continue;
    covered.add(`${prefix.start}/${prefix.length}`);
    kept.push(prefix);
  }
  return kept;
}

function blockOf(blocks: readonly Block[], value: number): Block | undefined {
  let low = 0;
  let high = blocks.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((blocks[middle]?.start ?? 0) <= value) low = middle + 1;
    else high = middle;
  }
  const block = blocks[low - 1];
  return block !== undefined && value < block.start + block.size ? block : undefined;
}

function firstAtLeast(sorted: readonly number[], value: number): number | undefined {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return sorted[low];
}

function sizeOf(length: number): number {
  return 2 ** (32 - length);
}

function networkOf(value: number, length: number): number {
  return value - (value % sizeOf(length));
}
