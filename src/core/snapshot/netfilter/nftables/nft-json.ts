// Looks into the objects of nft's JSON: almost every one has a single key that says what it is.
import type { Json } from '../../cluster-facts.ts';
import { listOf, objectOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';

export interface Tagged {
  readonly tag: string;
  readonly body: Json;
}

/** `{"accept": null}` is tagged accept; undefined for what has no key, or several. */
export function taggedOf(json: Json | undefined): Tagged | undefined {
  const entries = Object.entries(objectOf(json) ?? {});
  const [entry] = entries;
  if (entry === undefined || entries.length !== 1) return undefined;
  return { tag: entry[0], body: entry[1] ?? null };
}

/** The body of an object with that single key. */
export function bodyOf(json: Json | undefined, tag: string): Json | undefined {
  const tagged = taggedOf(json);
  return tagged?.tag === tag ? tagged.body : undefined;
}

export function fieldsOf(json: Json | undefined, tag: string): JsonObject | undefined {
  return objectOf(bodyOf(json, tag));
}

/** The parts of a concatenation; what is none is its only part. */
export function partsOf(json: Json): readonly Json[] {
  const parts = bodyOf(json, 'concat');
  return parts === undefined ? [json] : listOf(parts);
}

/** `@name` without its sign. */
export function setNameOf(json: Json | undefined): string | undefined {
  return typeof json === 'string' && json.startsWith('@') && json.length > 1 ? json.slice(1) : undefined;
}

/** One text or a list of texts. */
export function wordsIn(json: Json | undefined): readonly string[] {
  if (typeof json === 'string') return [json];
  return listOf(json).filter((word): word is string => typeof word === 'string');
}
