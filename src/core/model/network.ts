// What the observed facts mean: namespaces, each a small machine with links, rules, tables, neighbours and switches,
// and the cluster objects that say who lives where. The trace reads only this.
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { Note } from '../fact/note.ts';
import type { Address } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import type { ClusterFacts } from '../snapshot/cluster-facts.ts';
import type { ServiceTable } from './service-table.ts';
import type { MachineFacts } from '../snapshot/machine-facts.ts';
import type {
  AddressFact,
  FdbFact,
  LinkFact,
  NamespaceFacts,
  NeighborFact,
} from '../snapshot/namespace-facts.ts';

/** `node/NAME`, `host/NAME` or `pod/NAMESPACE/NAME`. */
export type NamespaceId = string;

export interface Namespace {
  readonly id: NamespaceId;
  /** The machine it stands on (`node/NAME` or `host/NAME`). */
  readonly machine: NamespaceId;
  readonly facts: NamespaceFacts;
  /** True when nobody looked into it: derived from the Pod and the CNI's convention. */
  readonly isAssumed: boolean;
  readonly linksByName: ReadonlyMap<string, LinkFact>;
  readonly linksByIndex: ReadonlyMap<number, LinkFact>;
  /** In `ip addr` order, per device. */
  readonly addressesByLink: ReadonlyMap<string, readonly AddressFact[]>;
  readonly neighbors: Known<ReadonlyMap<string, NeighborFact>>;
  /** By device and MAC (`dev mac`). */
  readonly fdb: Known<ReadonlyMap<string, readonly FdbFact[]>>;
}

/** The other end of a device. */
export interface WireEnd {
  readonly namespace: NamespaceId;
  readonly link: string;
  /** How we know: the index pair, a MAC in the bridge's table, an address, or the CNI's convention. */
  readonly because: 'index-pair' | 'forwarding-table' | 'convention';
}

export interface Machine {
  readonly id: NamespaceId;
  readonly facts: MachineFacts;
  readonly pods: readonly NamespaceId[];
  /** tailscaled's devices, by name. */
  readonly tailnetLinks: ReadonlySet<string>;
}

export interface ClusterNetwork {
  /** What pods are numbered from: the Nodes' podCIDRs and what covers them in flannel's or k3s's configuration. */
  readonly podPrefixes: readonly Prefix[];
  /** What Services are numbered from, as far as known (configuration, else the observed ClusterIPs' common prefix). */
  readonly servicePrefixes: readonly Prefix[];
  readonly domain: string;
}

/** Who has an address, as objects and namespaces say. */
export interface AddressOwner {
  readonly namespace: NamespaceId;
  readonly link: string;
  readonly evidence: Evidence;
}

export interface Network {
  readonly namespaces: ReadonlyMap<NamespaceId, Namespace>;
  readonly machines: ReadonlyMap<NamespaceId, Machine>;
  /** By `namespace link`. */
  readonly wires: ReadonlyMap<string, WireEnd>;
  readonly owners: ReadonlyMap<Address, readonly AddressOwner[]>;
  readonly cluster: ClusterFacts;
  readonly clusterNetwork: ClusterNetwork;
  readonly services: ServiceTable;
  /** Machines that could not be reached, with the reason. */
  readonly unreachable: ReadonlyMap<string, string>;
  /** Addresses of Nodes whose machine nobody looked into, and which Node each belongs to. */
  readonly unseen: ReadonlyMap<Address, string>;
  readonly notes: readonly Note[];
}

export function wireKey(namespace: NamespaceId, link: string): string {
  return `${namespace} ${link}`;
}

export function neighborKey(link: string, address: Address): string {
  return `${link} ${address}`;
}

export function fdbKey(link: string, mac: string): string {
  return `${link} ${mac}`;
}

/** Devices that exist, or nothing where nobody knows. */
export function linksOf(namespace: Namespace): readonly LinkFact[] {
  return namespace.facts.links.known ? namespace.facts.links.value : [];
}
