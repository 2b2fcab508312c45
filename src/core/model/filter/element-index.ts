// Where in a set a packet's key stands. In: the elements of a set or of a list written in a rule, and a key. Out: the
// element that holds it. Elements are grouped by which of their components are exact values: those are hashed, and only
// elements that agree in them are searched by their ranges. Built at the first lookup, once for the same elements, so
// that a set of 10,000 costs one pass and then a few comparisons for each packet.
import type { FilterSetElement } from '../../snapshot/netfilter/filter-facts.ts';
import { makeKeyRange, makeSortKey } from './sort-key.ts';
import type { KeyRange, PacketValue } from './sort-key.ts';

interface IndexedElement {
  readonly element: FilterSetElement;
  readonly ranges: readonly KeyRange[];
}

/** Elements that agree in their exact components, by where the first of the others begins. */
interface Bucket {
  readonly elements: IndexedElement[];
  /** By position: the highest end up to there; set when the bucket is sorted. */
  highest?: readonly string[];
}

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
  for (const shape of index.shapes) {
    const bucket = shape.buckets.get(joinKeys(shape.exactAt.map((at) => keys[at] ?? '')));
    const found = bucket && findInBucket(bucket, shape.rangeAt, keys);
    if (found !== undefined) return found;
  }
  return undefined;
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
  for (const element of elements) {
    const ranges = element.key.map(makeKeyRange);
    for (const [at, range] of ranges.entries()) {
      const kind = range.from.charAt(0);
      if (!(kinds[at] ?? '').includes(kind)) kinds[at] = (kinds[at] ?? '') + kind;
    }
    enterElement(shapes, { element, ranges });
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

function findInBucket(
  bucket: Bucket,
  rangeAt: readonly number[],
  keys: readonly string[],
): FilterSetElement | undefined {
  const first = rangeAt[0];
  if (first === undefined) return bucket.elements[0]?.element;
  const highest = (bucket.highest ??= sortBucket(bucket.elements, first));
  const key = keys[first] ?? '';
  for (let at = findLastStart(bucket.elements, first, key); at >= 0; at--) {
    if ((highest[at] ?? '') < key) return undefined;
    const entry = bucket.elements[at];
    if (entry !== undefined && holdsRanges(entry, rangeAt, keys)) return entry.element;
  }
  return undefined;
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

/** Sorts in place by where the component's range begins; wider ones first where they begin alike. */
function sortBucket(elements: IndexedElement[], component: number): readonly string[] {
  const rangeOf = (entry: IndexedElement): KeyRange => entry.ranges[component] ?? { from: '', to: '' };
  elements.sort((left, right) => {
    const a = rangeOf(left);
    const b = rangeOf(right);
    if (a.from !== b.from) return a.from < b.from ? -1 : 1;
    return a.to === b.to ? 0 : a.to > b.to ? -1 : 1;
  });
  let highest = '';
  return elements.map((entry) => {
    const { to } = rangeOf(entry);
    if (to > highest) highest = to;
    return highest;
  });
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
