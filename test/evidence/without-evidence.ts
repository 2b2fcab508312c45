// Facts without the places they were read from, so that two ways of writing the same can be compared.
import type { NamespaceFacts } from '../../src/core/snapshot/namespace-facts.ts';

/** A plain copy in which no object has `evidence`, `path` or `command`, and no key is undefined. */
export function withoutEvidence(value: unknown): unknown {
  if (value instanceof Map) return [...value].map(withoutEvidence);
  if (Array.isArray(value)) return value.map(withoutEvidence);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key, field]) => !['evidence', 'path', 'command'].includes(key) && field !== undefined)
      .map(([key, field]) => [key, withoutEvidence(field)]),
  );
}

export function comparableNamespace(namespace: NamespaceFacts): unknown {
  return withoutEvidence(namespace);
}
