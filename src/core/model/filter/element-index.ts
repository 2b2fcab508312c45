// Where in a set a packet's key stands. In: the elements of a set or of a list written in a rule, and a key. Out: the
// element that holds it. Elements are grouped by which of their components are exact values: those are hashed, and only
// elements that agree in them are searched by their ranges. Built at the first lookup, once for the same elements, so
// that a set of 10,000 costs one pass and then a few comparisons for each packet.
import type { FilterSetElement } from '../../snapshot/filter-facts.ts';
import { makeKeyRange, makeSortKey } from './sort-key.ts';
import type { KeyRange, PacketValue } from './sort-key.ts';

interface IndexedElement {
  readonly element: FilterSetElement;
  readonly position: number;
  readonly ranges: readonly KeyRange[];
}

/** Elements that agree in their exact components, by where the first of the others begins. */
interface Bucket {
  readonly elements: IndexedElement[];
  /** Set when the bucket is sorted. */
  blocks?: readonly Block[];
}

/** Where the ranges of so many elements end, so that those which cannot hold a key are passed over together. */
interface Block {
  readonly highest: string;
  /** With the blocks before it. */
  readonly highestSoFar: string;
}

const blockSize = 64;

interface Shape {
  readonly exactAt: readonly number[];
  readonly rangeAt: readonly number[];
  readonly buckets: Map<string, Bucket>;
}

interface ElementIndex {
  readonly shapes: readonly Shape[];
  /** By component: the first letters of the keys that its elements have. */
  readonly kinds: readonly string[];
}

/** `incomparable`: the elements are of another kind than the key, which means that one of them was misread. */
export type Found = FilterSetElement | 'incomparable' | undefined;

const indexes = new WeakMap<readonly FilterSetElement[], ElementIndex>();

export function findElement(elements: readonly FilterSetElement[], key: readonly PacketValue[]): Found {
  if (elements.length === 0) return undefined;
  const index = indexOf(elements);
  const keys = key.map(makeSortKey);
  if (keys.some((text, at) => !isComparable(text, index.kinds[at]))) return 'incomparable';
  let found: IndexedElement | undefined;
  for (const shape of index.shapes) {
    const bucket = shape.buckets.get(joinKeys(shape.exactAt.map((at) => keys[at] ?? '')));
    const entry = bucket && findInBucket(bucket, shape.rangeAt, keys);
    // Elements may overlap where one was there before a wider one (6.12 nft_set_pipapo.c): the first counts, and last
    // of all what holds every key (`*`), which is listed last.
    if (entry !== undefined && (found === undefined || entry.position < found.position)) found = entry;
  }
  return found?.element;
}

/** Whether all addresses of a component are of the other family: then the rule is not about such packets. */
export function isOtherFamily(
  elements: readonly FilterSetElement[],
  component: number,
  value: PacketValue,
): boolean {
  if (value.kind !== 'address' || elements.length === 0) return false;
  const kinds = indexOf(elements).kinds[component] ?? '';
  return (kinds === '4' || kinds === '6') && !kinds.includes(makeSortKey(value).charAt(0));
}

function isComparable(key: string, kinds = ''): boolean {
  const kind = key.charAt(0);
  return kinds.includes(kind) || ((kind === '4' || kind === '6') && /[46]/.test(kinds));
}

function indexOf(elements: readonly FilterSetElement[]): ElementIndex {
  let index = indexes.get(elements);
  if (index === undefined) indexes.set(elements, (index = buildIndex(elements)));
  return index;
}

function buildIndex(elements: readonly FilterSetElement[]): ElementIndex {
  const shapes = new Map<string, Shape>();
  const kinds: string[] = [];
  for (const [position, element] of elements.entries()) {
    const ranges = element.key.map(makeKeyRange);
    for (const [at, range] of ranges.entries()) {
      const kind = range.from.charAt(0);
      if (!(kinds[at] ?? '').includes(kind)) kinds[at] = (kinds[at] ?? '') + kind;
    }
    enterElement(shapes, { element, position, ranges });
  }
  return { shapes: [...shapes.values()], kinds };
}

function enterElement(shapes: Map<string, Shape>, entry: IndexedElement): void {
  const { ranges } = entry;
  const name = ranges.map(({ from, to }) => (from === to ? 'e' : 'r')).join('');
  let shape = shapes.get(name);
  if (shape === undefined) {
    const at = [...ranges.keys()];
    const exactAt = at.filter((component) => name.charAt(component) === 'e');
    const rangeAt = at.filter((component) => name.charAt(component) === 'r');
    shapes.set(name, (shape = { exactAt, rangeAt, buckets: new Map<string, Bucket>() }));
  }
  const key = joinKeys(shape.exactAt.map((at) => ranges[at]?.from ?? ''));
  const bucket = shape.buckets.get(key);
  if (bucket === undefined) shape.buckets.set(key, { elements: [entry] });
  else bucket.elements.push(entry);
}

/** No name of a device or a state holds a line break. */
function joinKeys(keys: readonly string[]): string {
  return keys.join('\n');
}

/** The first in the set's order; from the last range that begins at or before the key backwards. */
function findInBucket(
  bucket: Bucket,
  rangeAt: readonly number[],
  keys: readonly string[],
): IndexedElement | undefined {
  const first = rangeAt[0];
  if (first === undefined) return bucket.elements[0];
  const blocks = (bucket.blocks ??= sortBucket(bucket.elements, first));
  const key = keys[first] ?? '';
  let found: IndexedElement | undefined;
  let at = findLastStart(bucket.elements, first, key);
  while (at >= 0) {
    const number = Math.floor(at / blockSize);
    const block = blocks[number];
    if (block === undefined || block.highestSoFar < key) break;
    if (block.highest < key) {
      at = number * blockSize - 1;
      continue;
    }
    const entry = bucket.elements[at--];
    if (entry === undefined || !holdsRanges(entry, rangeAt, keys)) continue;
    if (found === undefined || entry.position < found.position) found = entry;
  }
  return found;
}

function holdsRanges(
  { ranges }: IndexedElement,
  rangeAt: readonly number[],
  keys: readonly string[],
): boolean {
  return rangeAt.every((at) => {
    const range = ranges[at];
    const key = keys[at] ?? '';
    return range !== undefined && range.from <= key && key <= range.to;
  });
}

/** Sorts in place by where the component's range begins. */
function sortBucket(elements: IndexedElement[], component: number): readonly Block[] {
  const rangeOf = (entry: IndexedElement): KeyRange => entry.ranges[component] ?? { from: '', to: '' };
  elements.sort((left, right) => {
    const a = rangeOf(left).from;
    const b = rangeOf(right).from;
    return a === b ? 0 : a < b ? -1 : 1;
  });
  const blocks: Block[] = [];
  let highestSoFar = '';
  for (let start = 0; start < elements.length; start += blockSize) {
    let highest = '';
    for (const entry of elements.slice(start, start + blockSize)) {
      const { to } = rangeOf(entry);
      if (to > highest) highest = to;
    }
    if (highest > highestSoFar) highestSoFar = highest;
    blocks.push({ highest, highestSoFar });
  }
  return blocks;
}

/** The last element whose range begins at or before the key, or -1. */
function findLastStart(elements: readonly IndexedElement[], component: number, key: string): number {
  let low = -1;
  let high = elements.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((elements[middle]?.ranges[component]?.from ?? '') <= key) low = middle;
    else high = middle - 1;
  }
  return low;
}
