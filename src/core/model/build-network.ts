// From a snapshot to the network it shows. In: facts. Out: namespaces, who is wired to whom, who has which address.
// Unchanged facts give the very same namespace objects again, so building after a small change is cheap.
import type { Note } from '../fact/note.ts';
import type { Address } from '../net/address.ts';
import type { PodFact } from '../snapshot/cluster-facts.ts';
import type { MachineFacts } from '../snapshot/machine-facts.ts';
import { findTailnetLinks } from '../snapshot/find-tailnet-links.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { buildNamespace } from './host/build-namespace.ts';
import { connectWires } from './host/connect-wires.ts';
import { findPodNamespaces } from './kubernetes/find-pod-namespaces.ts';
import { readClusterNetwork } from './cluster-network.ts';
import { indexServices } from './service-table.ts';
import { wireKey } from './network.ts';
import type { AddressOwner, Machine, Namespace, NamespaceId, Network, WireEnd } from './network.ts';

export function buildNetwork(snapshot: Snapshot): Network {
  const parts = [...snapshot.nodes.values(), ...snapshot.hosts.values()].map((machine) =>
    buildMachine(snapshot, machine),
  );
  const namespaces = new Map(
    parts.flatMap((part) => part.namespaces.map((namespace) => [namespace.id, namespace])),
  );
  const clusterNetwork = readClusterNetwork(snapshot);
  return {
    namespaces,
    machines: new Map(parts.map((part) => [part.machine.id, part.machine])),
    wires: new Map(parts.flatMap((part) => [...part.wires])),
    owners: indexOwners(namespaces.values()),
    cluster: snapshot.cluster,
    clusterNetwork,
    services: indexServices(snapshot.cluster),
    unreachable: snapshot.unreachable,
    unseen: indexUnseen(snapshot),
    notes: parts.flatMap((part) => part.notes),
  };
}

interface MachinePart {
  readonly machine: Machine;
  readonly namespaces: readonly Namespace[];
  readonly wires: ReadonlyMap<string, WireEnd>;
  readonly notes: readonly Note[];
}

function buildMachine(snapshot: Snapshot, facts: MachineFacts): MachinePart {
  const id: NamespaceId = `${facts.kind}/${facts.name}`;
  const root = buildNamespace(facts.root, { id, machine: id, isAssumed: false });
  const found = findPodNamespaces(facts, root, podsOn(snapshot, facts));
  const wires = new Map(connectWires(root, found.namespaces));
  for (const [pod, way] of found.attachments) {
    wires.set(wireKey(pod, 'eth0'), { namespace: id, link: way.link, because: 'convention' });
    if (way.kind === 'host-route') {
      wires.set(wireKey(id, way.link), { namespace: pod, link: 'eth0', because: 'convention' });
    }
  }
  return {
    machine: {
      id,
      facts,
      pods: found.namespaces.map((namespace) => namespace.id),
      tailnetLinks: findTailnetLinks(facts),
    },
    namespaces: [root, ...found.namespaces],
    wires,
    notes: found.notes,
  };
}

function podsOn(snapshot: Snapshot, machine: MachineFacts): readonly PodFact[] {
  const pods = snapshot.cluster.pods;
  if (machine.kind !== 'node' || !pods.known) return [];
  return pods.value.filter((pod) => pod.nodeName === machine.name);
}

function indexOwners(namespaces: Iterable<Namespace>): ReadonlyMap<Address, readonly AddressOwner[]> {
  const owners = new Map<Address, AddressOwner[]>();
  for (const namespace of namespaces) {
    for (const [link, addresses] of namespace.addressesByLink) {
      if (namespace.linksByName.get(link)?.kind === 'loopback') continue;
      for (const fact of addresses) {
        const owner = { namespace: namespace.id, link, evidence: fact.evidence };
        const sofar = owners.get(fact.address);
        if (sofar === undefined) owners.set(fact.address, [owner]);
        else sofar.push(owner);
      }
    }
  }
  return owners;
}

function indexUnseen(snapshot: Snapshot): ReadonlyMap<Address, string> {
  const { nodes } = snapshot.cluster;
  const unseen = (nodes.known ? nodes.value : []).filter((node) => !snapshot.nodes.has(node.name));
  const pairs = unseen.flatMap((node) => {
    const published = node.flannel?.publicIp === undefined ? [] : [node.flannel.publicIp];
    return [...node.internalIps, ...node.externalIps, ...published].map((ip): [Address, string] => [
      ip,
      node.name,
    ]);
  });
  return new Map(pairs);
}
