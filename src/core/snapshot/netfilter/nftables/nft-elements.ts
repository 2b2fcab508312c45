// Elements of sets and maps, named or written in a rule. In: their JSON and the kinds of the key's parts. Out: elements,
// or what of them was not understood. The catch-all `*` comes last, because it stands for what no other element holds.
import type { FilterSetElement, FilterValue, FilterVerdict } from '../../filter-facts.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, objectOf, textOf, wordOf } from '../../syntax/parse-json.ts';
import { bodyOf, partsOf, taggedOf } from './nft-json.ts';
import { otherEtherTypes } from './nft-names.ts';
import { parseValue } from './nft-values.ts';
import type { ValueKind } from './nft-values.ts';

/** What an element holds beside its key. */
export type ElementData =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'verdict' }
  | { readonly kind: 'values'; readonly kinds: readonly (ValueKind | undefined)[] };

export interface ReadElements {
  readonly elements: readonly FilterSetElement[];
  /** The elements that were not understood, as JSON. */
  readonly opaque: readonly Json[];
}

export function readElements(
  list: readonly Json[],
  kinds: readonly (ValueKind | undefined)[],
  data: ElementData,
): ReadElements {
  const elements: FilterSetElement[] = [];
  const last: FilterSetElement[] = [];
  const opaque: Json[] = [];
  for (const json of list) {
    const element = readElement(json, kinds, data);
    if (element === 'of no packet') continue;
    if (element === undefined) opaque.push(json);
    else if (isCatchAll(json)) last.push(element);
    else elements.push(element);
  }
  return { elements: [...elements, ...last], opaque };
}

function isCatchAll(json: Json): boolean {
  return json === '*' || (Array.isArray(json) && json[0] === '*');
}

type ElementReading = FilterSetElement | 'of no packet' | undefined;

function readElement(
  json: Json,
  kinds: readonly (ValueKind | undefined)[],
  data: ElementData,
): ElementReading {
  const [left, right] = data.kind === 'nothing' ? [json] : listOf(json);
  const wrapped = objectOf(bodyOf(left, 'elem'));
  if (wrapped !== undefined && isLimited(wrapped)) return undefined;
  const value = wrapped === undefined ? left : wrapped.val;
  if (value === undefined) return undefined;
  const key = readKeyValues(value, kinds);
  if (key === undefined || key === 'of no packet') return key;
  if (data.kind === 'nothing') return { key };
  if (right === undefined) return undefined;
  if (data.kind === 'verdict') {
    const verdict = readVerdict(right);
    return verdict === undefined ? undefined : { key, verdict };
  }
  const values = readKeyValues(right, data.kinds);
  return values === undefined || values === 'of no packet' ? undefined : { key, data: values };
}

/** An element with a limit, a quota or a connection count of its own matches only as long as that is kept. */
function isLimited(element: Readonly<Record<string, Json | undefined>>): boolean {
  const statements = [
    ...Object.keys(element),
    ...listOf(element.stmt).map((entry) => taggedOf(entry)?.tag ?? ''),
  ];
  return statements.some((name) => ['limit', 'quota', 'ct count'].includes(name));
}

function readKeyValues(
  json: Json,
  kinds: readonly (ValueKind | undefined)[],
): readonly FilterValue[] | 'of no packet' | undefined {
  const parts = json === '*' ? kinds.map(() => json) : partsOf(json);
  if (parts.length !== kinds.length) return undefined;
  const values: FilterValue[] = [];
  let isOfNoPacket = false;
  for (const [index, part] of parts.entries()) {
    const kind = kinds[index];
    if (kind === undefined) return undefined;
    if (kind === 'ether-type' && otherEtherTypes.has(wordOf(part) ?? '')) {
      isOfNoPacket = true;
      continue;
    }
    const value = parseValue(part, kind);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return isOfNoPacket ? 'of no packet' : values;
}

/** accept, drop, return, continue, jump and goto; queue and whatever else there is are not understood. */
export function readVerdict(json: Json): FilterVerdict | undefined {
  const tagged = taggedOf(json);
  switch (tagged?.tag) {
    case 'accept':
    case 'drop':
    case 'return':
    case 'continue':
      return { kind: tagged.tag };
    case 'jump':
    case 'goto': {
      const chain = textOf(objectOf(tagged.body)?.target);
      return chain === undefined ? undefined : { kind: tagged.tag, chain };
    }
    default:
      return undefined;
  }
}
