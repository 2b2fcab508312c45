// Whether a packet's keys are among the values of a rule, and which value it is. In: the keys, the values (written in the
// rule or a named set) and where the packet stands. Out: what was found: nothing, an element, that the rule does not
// apply at all, several possibilities where a key is drawn, or why nobody knows.
import { findElement, isOtherFamily } from '../../model/filter-sets.ts';
import type { PacketValue } from '../../model/filter-sets.ts';
import type { FilterSetElement, FilterTable, FilterValue } from '../../snapshot/filter-facts.ts';
import type { FilterKey, FilterValues } from '../../snapshot/filter-steps.ts';
import { readField } from './read-field.ts';
import type { FieldSource, FieldValues } from './read-field.ts';

export type Lookup =
  /** Every element that the key can be in; `undefined` among them where it can be in none. */
  | {
      readonly kind: 'found';
      readonly elements: readonly (FilterSetElement | undefined)[];
      readonly assumes?: string;
    }
  /** The packet has no such key: the rule does not match, negated or not. */
  | { readonly kind: 'absent' }
  | { readonly kind: 'unknown'; readonly why: string };

interface Values {
  readonly elements: readonly FilterSetElement[];
  /** Why what is not found among them may still be there. */
  readonly doubt?: string;
  /** Packets fill it: what it holds changes. */
  readonly isDynamic: boolean;
  readonly name: string;
}

const mostCombinations = 64;

export function lookUp(
  keys: readonly FilterKey[],
  values: FilterValues,
  source: FieldSource,
  table: FilterTable,
): Lookup {
  const set = resolveValues(values, table);
  if (set === undefined)
    return {
      kind: 'unknown',
      why: `the dump does not show the set ${nameOf(values)} of table ${table.name}`,
    };
  const fields = keys.map((key) => readField(source, key));
  const unread = fields.find(isUnread);
  if (unread !== undefined) return unread;
  const combinations = combineKeys(fields, set.elements);
  if (combinations === undefined) return { kind: 'unknown', why: 'it compares too many values' };
  if (combinations.some((key) => key.some((value, at) => isOtherFamily(set.elements, at, value))))
    return { kind: 'absent' };
  const found = findAll(
    set,
    combinations,
    fields.some(({ kind }) => kind === 'drawn'),
  );
  return set.isDynamic && found.kind === 'found' ? { ...found, assumes: assumeListed(set.name) } : found;
}

/** A set that packets fill: whoever is in it has been here lately, and anybody else is new. */
function assumeListed(name: string): string {
  return `the set ${name} holds what it held when it was listed`;
}

function isUnread(field: FieldValues): field is Exclude<FieldValues, { kind: 'values' | 'drawn' }> {
  return field.kind === 'absent' || field.kind === 'unknown';
}

function nameOf(values: FilterValues): string {
  return values.kind === 'named' ? values.set : '';
}

function resolveValues(values: FilterValues, table: FilterTable): Values | undefined {
  if (values.kind === 'elements') return { elements: values.elements, isDynamic: false, name: '' };
  const set = table.sets.get(values.set);
  if (set === undefined) return undefined;
  const { elements, isDynamic, name, opaque } = set;
  const doubt = opaque === undefined ? {} : { doubt: `the set ${name} holds "${opaque}"` };
  return { elements, isDynamic, name, ...doubt };
}

/** A drawn key is every draw (one found among the rest is enough); of several values of a field any one counts. */
function findAll(set: Values, combinations: readonly (readonly PacketValue[])[], isDrawn: boolean): Lookup {
  const found = new Set<FilterSetElement | undefined>();
  for (const key of combinations) {
    const element = findElement(set.elements, key);
    if (element === 'incomparable')
      return { kind: 'unknown', why: 'its values are not of the kind it looks at' };
    if (element === undefined && set.doubt !== undefined) return { kind: 'unknown', why: set.doubt };
    if (element !== undefined && !isDrawn) return { kind: 'found', elements: [element] };
    found.add(element);
  }
  return { kind: 'found', elements: found.size === 0 ? [undefined] : [...found] };
}

/** Every combination of one value for each component. */
function combineKeys(
  fields: readonly FieldValues[],
  elements: readonly FilterSetElement[],
): readonly (readonly PacketValue[])[] | undefined {
  let keys: readonly (readonly PacketValue[])[] = [[]];
  for (const [at, field] of fields.entries()) {
    const values = field.kind === 'values' ? field.values : listDraws(field, elements, at);
    const most = field.kind === 'drawn' ? Number.POSITIVE_INFINITY : mostCombinations;
    if (keys.length * values.length > most) return undefined;
    keys = keys.flatMap((key) => values.map((value) => [...key, value]));
  }
  return keys;
}

/** One draw for each stretch between the values that the elements name: they stand for all. */
function listDraws(
  field: FieldValues,
  elements: readonly FilterSetElement[],
  component: number,
): readonly PacketValue[] {
  const modulus = field.kind === 'drawn' ? field.modulus : 0;
  const starts = new Set([0]);
  for (const { key } of elements) for (const start of cutsOf(key[component])) starts.add(start);
  return [...starts]
    .filter((start) => start < modulus)
    .sort((a, b) => a - b)
    .map((value) => ({ kind: 'number', value }));
}

function cutsOf(value: FilterValue | undefined): readonly number[] {
  return value?.kind === 'number' ? [value.from, value.to + 1] : [];
}
