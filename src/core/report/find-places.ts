// Who stands where, as far as the objects and the bundle's folders say: the machine of a namespace, the owner of an address.
// In: a snapshot. Out: functions to ask. Built once for an answer, so that asking is a look into a map.
import type { NamespaceId } from '../model/network.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { isMachineId } from './names.ts';

export interface Places {
  /** `node/n` for `pod/ns/p`; a machine is its own. */
  readonly findMachine: (namespace: NamespaceId) => NamespaceId | undefined;
  /** `pod/ns/p`, `node/n` or `svc/ns/s`. */
  readonly findOwner: (address: string) => NamespaceId | undefined;
}

export function indexPlaces(snapshot: Snapshot): Places {
  const machines = indexMachines(snapshot);
  const owners = indexOwners(snapshot);
  return {
    findMachine: (namespace) => (isMachineId(namespace) ? namespace : machines.get(namespace)),
    findOwner: (address) => owners.get(address),
  };
}

function indexMachines(snapshot: Snapshot): ReadonlyMap<NamespaceId, NamespaceId> {
  const machines = new Map<NamespaceId, NamespaceId>();
  const { pods } = snapshot.cluster;
  for (const pod of pods.known ? pods.value : []) {
    if (pod.nodeName !== undefined) machines.set(`pod/${pod.namespace}/${pod.name}`, `node/${pod.nodeName}`);
  }
  for (const node of snapshot.nodes.values()) {
    for (const pod of node.pods.keys()) machines.set(`pod/${pod}`, `node/${node.name}`);
  }
  return machines;
}

/** A pod on the host's network has its node's addresses, and one that is done gave its own back: neither is an owner. */
function indexOwners(snapshot: Snapshot): ReadonlyMap<string, NamespaceId> {
  const owners = new Map<string, NamespaceId>();
  const { services, pods, nodes } = snapshot.cluster;
  for (const service of services.known ? services.value : []) {
    for (const address of service.clusterIps) owners.set(address, `svc/${service.namespace}/${service.name}`);
  }
  for (const pod of pods.known ? pods.value : []) {
    if (pod.isHostNetwork || pod.phase === 'Succeeded' || pod.phase === 'Failed') continue;
    for (const address of pod.ips) owners.set(address, `pod/${pod.namespace}/${pod.name}`);
  }
  for (const node of nodes.known ? nodes.value : []) {
    for (const address of node.internalIps) owners.set(address, `node/${node.name}`);
  }
  return owners;
}
