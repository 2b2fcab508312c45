// A file as JSON, and typed looks into it. Evidence was printed by other programs and may have been edited by people:
// nothing is taken to have the shape it should have, so each look gives undefined (or an empty list) for anything else.
import type { BundleFile } from '../bundle-file.ts';
import type { Json } from '../cluster-facts.ts';
import { describeJsonDamage } from './find-json-damage.ts';
import { notUnderstood, understood } from './reading.ts';
import type { Reading } from './reading.ts';

export type JsonObject = Readonly<Record<string, Json | undefined>>;

export function parseJson(file: BundleFile): Reading<Json> {
  const value = parseJsonText(file.text());
  return value === undefined ? notUnderstood(describeJsonDamage(file.bytes)) : understood(value);
}

/** Undefined where the text is not JSON. */
export function parseJsonText(text: string): Json | undefined {
  try {
    return JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text) as Json;
  } catch {
    return undefined;
  }
}

export function parseJsonObject(file: BundleFile): Reading<JsonObject> {
  const parsed = parseJson(file);
  if (!parsed.isUnderstood) return parsed;
  const object = objectOf(parsed.value);
  return object === undefined ? notUnderstood('not a JSON object') : understood(object);
}

export function objectOf(json: Json | undefined): JsonObject | undefined {
  return isObject(json) ? json : undefined;
}

function isObject(json: Json | undefined): json is JsonObject {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

export function listOf(json: Json | undefined): readonly Json[] {
  return isList(json) ? json : [];
}

function isList(json: Json | undefined): json is readonly Json[] {
  return Array.isArray(json);
}

export function objectsOf(json: Json | undefined): readonly JsonObject[] {
  return listOf(json).filter((entry): entry is JsonObject => isObject(entry));
}

/** A text that is there and not empty. */
export function textOf(json: Json | undefined): string | undefined {
  return typeof json === 'string' && json !== '' ? json : undefined;
}

export function textsOf(json: Json | undefined): readonly string[] {
  return listOf(json).filter((entry): entry is string => typeof entry === 'string');
}

export function numberOf(json: Json | undefined): number | undefined {
  return typeof json === 'number' ? json : undefined;
}

export function flagOf(json: Json | undefined): boolean | undefined {
  return typeof json === 'boolean' ? json : undefined;
}

/** A text or a number, as text: iproute2 prints the same key as either, depending on version and options. */
export function wordOf(json: Json | undefined): string | undefined {
  return typeof json === 'number' ? String(json) : textOf(json);
}

/** A string map such as labels; entries that are no text are left out. */
export function textMapOf(json: Json | undefined): ReadonlyMap<string, string> {
  const entries = Object.entries(objectOf(json) ?? {});
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** Leaves out the keys whose value is undefined, so that an unknown field is absent and not present as undefined. */
export function withoutUndefined<T extends object>(value: T): T {
  const kept: Partial<T> = {};
  for (const key in value) if (value[key] !== undefined) kept[key] = value[key];
  return kept as T;
}
