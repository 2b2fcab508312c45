// How things are called in front of a person, and in which order lists stand. Ids go in (`pod/ns/name`, `node/n`), short
// names come out (`ns/name`, `n`). The order is by code unit with numbers by value, never by locale: the same bundle must
// give the same bytes on every machine.
import type { NamespaceId } from '../model/network.ts';

/** `pod/ns/name` → `ns/name`, `node/n2` → `n2`, `secret/ns/s` → `secret ns/s`. */
export function shortName(reference: string): string {
  const [kind = '', ...rest] = reference.split('/');
  if (rest.length === 0) return reference;
  const name = rest.join('/');
  return kind === 'pod' || kind === 'node' || kind === 'host' ? name : `${kind} ${name}`;
}

/** The form that `waylaid trace` takes on its command line. */
export function argumentName(namespace: NamespaceId): string {
  return namespace.startsWith('pod/') ? namespace.slice(4) : namespace;
}

export function isMachineId(namespace: NamespaceId): boolean {
  return namespace.startsWith('node/') || namespace.startsWith('host/');
}

/** `flow-9` before `flow-10`. */
export function compareNatural(a: string, b: string): number {
  const left = a.match(/\d+|\D+/g) ?? [];
  const right = b.match(/\d+|\D+/g) ?? [];
  for (let index = 0; index < Math.min(left.length, right.length); index++) {
    const difference = compareParts(left[index] ?? '', right[index] ?? '');
    if (difference !== 0) return difference;
  }
  if (left.length !== right.length) return left.length - right.length;
  return compareText(a, b);
}

/** By code unit. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function compareParts(a: string, b: string): number {
  const isNumeric = /^\d/.test(a) && /^\d/.test(b);
  return isNumeric ? Number(a) - Number(b) : compareText(a, b);
}
