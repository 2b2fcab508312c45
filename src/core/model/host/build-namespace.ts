// Indexes one namespace's facts for the trace. In: what was observed (or assumed). Out: the same facts, findable by
// name, index and key. Kept per facts object, so that a change to one namespace rebuilds only that one.
import { mapKnown } from '../../fact/known.ts';
import type { Known } from '../../fact/known.ts';
import type { AddressFact, FdbFact, NamespaceFacts, NeighborFact } from '../../snapshot/namespace-facts.ts';
import { fdbKey, neighborKey } from '../network.ts';
import type { Namespace, NamespaceId } from '../network.ts';

export interface NamespaceIdentity {
  readonly id: NamespaceId;
  readonly machine: NamespaceId;
  readonly isAssumed: boolean;
}

const built = new WeakMap<NamespaceFacts, Namespace>();

export function buildNamespace(facts: NamespaceFacts, identity: NamespaceIdentity): Namespace {
  const known = built.get(facts);
  if (
    known?.id === identity.id &&
    known.machine === identity.machine &&
    known.isAssumed === identity.isAssumed
  ) {
    return known;
  }
  const namespace: Namespace = { ...identity, facts, ...indexFacts(facts) };
  built.set(facts, namespace);
  return namespace;
}

function indexFacts(facts: NamespaceFacts): Omit<Namespace, keyof NamespaceIdentity | 'facts'> {
  const links = facts.links.known ? facts.links.value : [];
  return {
    linksByName: new Map(links.map((link) => [link.name, link])),
    linksByIndex: new Map(links.map((link) => [link.index, link])),
    addressesByLink: groupAddresses(facts.addresses),
    neighbors: mapKnown(facts.neighbors, indexNeighbors),
    fdb: mapKnown(facts.fdb, indexFdb),
  };
}

function groupAddresses(
  addresses: Known<readonly AddressFact[]>,
): ReadonlyMap<string, readonly AddressFact[]> {
  const byLink = new Map<string, AddressFact[]>();
  for (const address of addresses.known ? addresses.value : []) {
    const sofar = byLink.get(address.link);
    if (sofar === undefined) byLink.set(address.link, [address]);
    else sofar.push(address);
  }
  return byLink;
}

function indexNeighbors(rows: readonly NeighborFact[]): ReadonlyMap<string, NeighborFact> {
  return new Map(rows.filter((row) => !row.isProxy).map((row) => [neighborKey(row.link, row.address), row]));
}

function indexFdb(rows: readonly FdbFact[]): ReadonlyMap<string, readonly FdbFact[]> {
  const byKey = new Map<string, FdbFact[]>();
  for (const row of rows) {
    const key = fdbKey(row.link, row.mac);
    const sofar = byKey.get(key);
    if (sofar === undefined) byKey.set(key, [row]);
    else sofar.push(row);
  }
  return byKey;
}
