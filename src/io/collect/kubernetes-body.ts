// Looks into JSON bodies of the API server without believing their shape.

export type JsonObject = Readonly<Record<string, unknown>>;

export function parseBody(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The objects in a list; nothing for anything else. */
export function entriesOf(value: unknown): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The object at the end of a path of names; an empty one where it breaks off. */
export function objectAt(value: unknown, ...names: readonly string[]): JsonObject {
  let current: unknown = value;
  for (const name of names) current = isObject(current) ? current[name] : undefined;
  return isObject(current) ? current : {};
}

export function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
