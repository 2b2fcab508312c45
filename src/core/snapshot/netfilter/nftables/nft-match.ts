// `match` statements and verdict maps of nftables. In: the statement's JSON. Out: steps on the rule's draft. What is not
// understood becomes an opaque match with its text, so that the rule never matches more than it does.
import type { FilterSetElement, FilterValue } from '../../filter-facts.ts';
import type { FilterKey, FilterValues } from '../../filter-steps.ts';
import { compareAddresses, familyOf } from '../../../net/address.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, objectOf, textOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { formatStatement } from './format-nft.ts';
import { bodyOf, setNameOf, taggedOf } from './nft-json.ts';
import { readElements } from './nft-elements.ts';
import type { ElementData } from './nft-elements.ts';
import { readKey, readKeys } from './nft-keys.ts';
import type { NftKey } from './nft-keys.ts';
import { addImplied, rememberMatch } from './nft-rule-draft.ts';
import type { RuleDraft } from './nft-rule-draft.ts';
import {
  anyName,
  edgeAddress,
  flagWords,
  nameValue,
  numberRange,
  parseNumber,
  parseValue,
} from './nft-values.ts';

export const notModelled = 'what it looks at is no part of the facts';
const notRead = 'the value that it compares with is not understood';

interface Condition {
  readonly keys: readonly NftKey[];
  readonly isNegated: boolean;
  readonly values: FilterValues;
}

export function addMatch(draft: RuleDraft, body: Json): void {
  const text = formatStatement({ match: body });
  const fields = objectOf(body) ?? {};
  const { left, right } = fields;
  if (left === undefined || right === undefined) {
    draft.steps.push({ kind: 'opaque-match', text, why: 'not a comparison' });
    return;
  }
  if (isDraw(left)) {
    draft.steps.push({ kind: 'chance', text });
    return;
  }
  if (addMaskedWords(draft, fields, text)) return;
  const keys = readKeys(left, draft.table);
  if (keys === undefined) {
    draft.steps.push({ kind: 'opaque-match', text, why: notModelled });
    return;
  }
  for (const key of keys) addImplied(draft, key.implies);
  const condition = readCondition(keys, textOf(fields.op) ?? '==', right);
  if (condition === undefined) draft.steps.push({ kind: 'opaque-match', text, why: notRead });
  else {
    const filterKeys = condition.keys.map(({ key }) => key);
    const { isNegated, values } = condition;
    draft.steps.push({ kind: 'match', keys: filterKeys, isNegated, values, text });
    if (!isNegated) rememberMatch(draft, filterKeys, values);
  }
}

/**
 * `ct status & (snat | dnat) == dnat`: each bit of the mask is one that the packet has or has not. False where it is no
 * such comparison. nft (1.0.6) prints those with 0 as `ct status snat,dnat` and `ct status ! snat,dnat`.
 */
function addMaskedWords(draft: RuleDraft, { left, right, op }: JsonObject, text: string): boolean {
  const [inner = null, mask] = listOf(bodyOf(left, '&'));
  const key = readKey(inner, draft.table);
  const asked = flagWords(mask) ?? [];
  if (key === undefined || !hasWordBits(key) || asked.length === 0) return false;
  const wanted = flagWords(right) ?? [];
  const isAll = op === '==' || (op === '!=' && asked.length === 1);
  if (!isAll || !wanted.every((word) => asked.includes(word))) return false;
  for (const word of asked) {
    const values: FilterValues = { kind: 'elements', elements: [{ key: [nameValue(word)] }] };
    const isNegated = wanted.includes(word) !== (op === '==');
    draft.steps.push({ kind: 'match', keys: [key.key], isNegated, values, text });
  }
  return true;
}

function hasWordBits({ kind, key }: NftKey): boolean {
  return kind === 'status' || key.field === 'connection-state';
}

/** `meta random`, with or without a mask: a draw for every packet. */
function isDraw(expression: Json): boolean {
  const tagged = taggedOf(expression);
  if (tagged?.tag === '&') return isDraw(listOf(tagged.body)[0] ?? null);
  return tagged?.tag === 'meta' && objectOf(tagged.body)?.key === 'random';
}

function readCondition(keys: readonly NftKey[], op: string, right: Json): Condition | undefined {
  const [key] = keys;
  if (keys.length === 1 && key !== undefined) {
    if (key.kind === 'status') return readBits(key, op, right);
    if (key.kind === 'word' && isCombination(right)) return readBits(key, op, right);
    if (op === 'in' || op === '!') return readBits(key, op, right);
    if (key.kind === 'link' || key.key.field.endsWith('-route-link')) {
      const device = readDevice(key, op, right);
      if (device !== undefined) return device;
    }
    if (orders.has(op)) return readOrder(key, op, right);
  }
  if (op !== '==' && op !== '!=') return undefined;
  const values = readValues(keys, right);
  return values === undefined ? undefined : { keys, isNegated: op === '!=', values };
}

function isCombination(json: Json): boolean {
  return Array.isArray(json) || bodyOf(json, '|') !== undefined;
}

/**
 * Comparisons of bits. `in` (printed without an operator) asks for any of them, `!` for none. A connection is in one
 * state, so the combination of two equals none; its status has several bits at once, and what it equals as a whole
 * depends on bits that have no part here.
 */
function readBits(key: NftKey, op: string, right: Json): Condition | undefined {
  if (setNameOf(right) !== undefined) return undefined;
  if (key.kind === 'tcp-flags') return readFlagBits(key, op, right);
  if (key.kind !== 'word' && key.kind !== 'status') return undefined;
  const words = flagWords(right);
  if (words === undefined || !words.every((word) => /^[a-z][a-z-]*$/.test(word))) return undefined;
  const isAny = op === 'in' || op === '!';
  if (key.kind === 'status' && !isAny) return undefined;
  if (!isAny && op !== '==' && op !== '!=') return undefined;
  const elements = isAny || words.length === 1 ? words.map((word) => ({ key: [nameValue(word)] })) : [];
  return { keys: [key], isNegated: op === '!' || op === '!=', values: { kind: 'elements', elements } };
}

function readFlagBits(key: NftKey, op: string, right: Json): Condition | undefined {
  const flags = parseNumber(right, key.kind);
  if (flags === undefined || (op !== 'in' && op !== '!') || key.key.mask !== undefined) return undefined;
  const masked: NftKey = { ...key, key: { ...key.key, mask: flags } };
  const values: FilterValues = { kind: 'elements', elements: [{ key: [numberRange(0, 0)] }] };
  return { keys: [masked], isNegated: op === 'in', values };
}

/** `fib … oif missing`, `exists` and index 0 ask whether there is a route at all. */
function readDevice(key: NftKey, op: string, right: Json): Condition | undefined {
  const isMissing = right === false || right === '0' || right === 0;
  if (!isMissing && right !== true) return undefined;
  if (!key.key.field.endsWith('-route-link') || (op !== '==' && op !== '!=')) return undefined;
  const values: FilterValues = { kind: 'elements', elements: [{ key: [anyName] }] };
  return { keys: [key], isNegated: isMissing === (op === '=='), values };
}

const orders: ReadonlySet<string> = new Set(['<', '<=', '>', '>=']);

/** `<` and its like as a range up to the end. */
function readOrder(key: NftKey, op: string, right: Json): Condition | undefined {
  const value = parseValue(right, key.kind);
  if (value === undefined) return undefined;
  const range =
    value.kind === 'number'
      ? numbersOf(op, value)
      : value.kind === 'address'
        ? addressesOf(op, value)
        : undefined;
  if (range === undefined) return undefined;
  const elements = range.values.flatMap((entry) => shiftElement({ key: [entry] }, [key]));
  return { keys: [key], isNegated: range.isNegated, values: { kind: 'elements', elements } };
}

interface Order {
  readonly isNegated: boolean;
  readonly values: readonly FilterValue[];
}

/** Nothing is negated here, because a packet that has no such number is neither below nor above. */
function numbersOf(op: string, { from, to }: FilterValue & { kind: 'number' }): Order | undefined {
  if (from !== to) return undefined;
  const least = op === '>' ? from + 1 : op === '>=' ? from : 0;
  const greatest = op === '<' ? from - 1 : op === '<=' ? from : 0xffffffff;
  return { isNegated: false, values: least > greatest ? [] : [numberRange(least, greatest)] };
}

function addressesOf(op: string, { from, to }: FilterValue & { kind: 'address' }): Order | undefined {
  if (compareAddresses(from, to) !== 0) return undefined;
  const family = familyOf(from);
  const isNegated = op === '<' || op === '>';
  const isDownward = op === '>' || op === '<=';
  const range: FilterValue = isDownward
    ? { kind: 'address', from: edgeAddress(family, 0), to }
    : { kind: 'address', from, to: edgeAddress(family, 0xffffffff) };
  return { isNegated, values: [range] };
}

/** Draws begin at 0, so that of a range only what is left there can be drawn. */
function shiftElement(element: FilterSetElement, keys: readonly NftKey[]): readonly FilterSetElement[] {
  const key = element.key.map((value, index) => shiftValue(value, keys[index]?.offset ?? 0));
  const isReachable = key.every((value) => value.kind !== 'number' || value.to >= 0);
  return isReachable ? [{ ...element, key }] : [];
}

function shiftValue(value: FilterValue, offset: number): FilterValue {
  if (value.kind !== 'number' || offset === 0) return value;
  return { ...value, from: Math.max(0, value.from - offset), to: value.to - offset };
}

/** A value, a set that is written out, or the name of one. */
function readValues(keys: readonly NftKey[], right: Json): FilterValues | undefined {
  const list = bodyOf(right, 'set');
  const entries = list === undefined ? [right] : Array.isArray(list) ? listOf(list) : [list];
  return setNameOf(right) === undefined
    ? readEntries(keys, entries, { kind: 'nothing' })
    : namedValues(keys, right);
}

/** A lookup of shifted numbers in a named set has no counterpart. */
function namedValues(keys: readonly NftKey[], json: Json): FilterValues | undefined {
  const set = setNameOf(json);
  if (set === undefined || keys.some(({ offset }) => offset !== undefined)) return undefined;
  return { kind: 'named', set };
}

function readEntries(
  keys: readonly NftKey[],
  entries: readonly Json[],
  data: ElementData,
): FilterValues | undefined {
  // A set of combined status bits is looked up as a whole.
  if (keys.some(({ kind }) => kind === 'status')) return undefined;
  const read = readElements(
    entries,
    keys.map(({ kind }) => kind),
    data,
  );
  if (read.opaque.length > 0) return undefined;
  const hasOffset = keys.some(({ offset }) => offset !== undefined);
  return {
    kind: 'elements',
    elements: hasOffset ? read.elements.flatMap((element) => shiftElement(element, keys)) : read.elements,
  };
}

export interface MapLookup {
  readonly keys: readonly FilterKey[];
  readonly values: FilterValues;
  readonly implied: readonly NftKey[];
}

/** `KEY vmap DATA` and `KEY map DATA`: the keys and where their values stand. */
export function readMapLookup(
  body: Json,
  table: RuleDraft['table'],
  data: ElementData,
): MapLookup | undefined {
  const fields = objectOf(body);
  const keys = fields?.key === undefined ? undefined : readKeys(fields.key, table);
  if (keys === undefined || fields?.data === undefined) return undefined;
  const list = bodyOf(fields.data, 'set');
  const values = list === undefined ? namedValues(keys, fields.data) : readEntries(keys, listOf(list), data);
  return values === undefined ? undefined : { keys: keys.map(({ key }) => key), values, implied: keys };
}

export function addVerdictMap(draft: RuleDraft, body: Json): void {
  const text = formatStatement({ vmap: body });
  const lookup = readMapLookup(body, draft.table, { kind: 'verdict' });
  if (lookup === undefined) {
    draft.steps.push({ kind: 'opaque', text, why: 'the keys or the verdicts of its map are not understood' });
    return;
  }
  for (const { implies } of lookup.implied) addImplied(draft, implies);
  draft.steps.push({ kind: 'verdict-map', keys: lookup.keys, values: lookup.values, text });
}
