// Which devices hear each other's frames. A bridge with everything wired to its ports is one segment; two wired devices
// without a bridge are one; every device that leads out of what was observed is on the underlay (the LAN between the
// machines), which nobody can look into: there an address on a shared prefix counts as reachable, and the hop says so.
import { linksOf } from '../model/network.ts';
import { wireKey } from '../model/network.ts';
import type { AddressOwner, Namespace, NamespaceId, Network } from '../model/network.ts';
import type { Missing } from '../fact/known.ts';
import type { Address } from '../net/address.ts';

export const underlaySegment = 'underlay';

/** A name for the segment that the device is on; equal names hear each other. */
export function segmentOf(network: Network, namespace: NamespaceId, link: string): string {
  const own = network.namespaces.get(namespace)?.linksByName.get(link);
  if (own?.kind === 'bridge') return bridgeSegment(network, namespace, link);
  if (own?.master !== undefined) return bridgeSegment(network, namespace, own.master);
  const end = network.wires.get(wireKey(namespace, link));
  if (end === undefined) return underlaySegment;
  const far = network.namespaces.get(end.namespace)?.linksByName.get(end.link);
  if (far?.kind === 'bridge') return bridgeSegment(network, end.namespace, end.link);
  if (far?.master !== undefined) return bridgeSegment(network, end.namespace, far.master);
  return [wireKey(namespace, link), wireKey(end.namespace, end.link)].sort().join(' = ');
}

/** A bridge one of whose ports leads out of what was observed belongs to the underlay. */
function bridgeSegment(network: Network, namespace: NamespaceId, bridge: string): string {
  const own = network.namespaces.get(namespace);
  const ports = own === undefined ? [] : linksOf(own).filter((link) => link.master === bridge);
  const isOpen = ports.some(
    (port) => port.kind === 'physical' && !network.wires.has(wireKey(namespace, port.name)),
  );
  return isOpen ? underlaySegment : `bridge ${namespace} ${bridge}`;
}

/** Who has the address and would hear a frame from the device; never the asking namespace itself. */
export function findOnSegment(
  network: Network,
  from: { readonly namespace: NamespaceId; readonly link: string },
  address: Address,
): AddressOwner | undefined {
  const segment = segmentOf(network, from.namespace, from.link);
  return network.owners
    .get(address)
    ?.find(
      (owner) =>
        owner.namespace !== from.namespace && segmentOf(network, owner.namespace, owner.link) === segment,
    );
}

const unlistedTables = new WeakMap<Network, readonly Namespace[]>();

/**
 * Why nobody can say who has an address there: somebody has it whose devices were not collected, so that nobody knows
 * where it is plugged in; or somebody on the segment whose own addresses were not collected may have it.
 */
export function findUnlisted(
  network: Network,
  asking: { readonly namespace: NamespaceId; readonly segment: string },
  address: Address,
): Missing | undefined {
  return findUnplaced(network, asking.namespace, address) ?? findSilent(network, asking);
}

function findUnplaced(network: Network, asking: NamespaceId, address: Address): Missing | undefined {
  for (const owner of network.owners.get(address) ?? []) {
    const links = network.namespaces.get(owner.namespace)?.facts.links;
    if (owner.namespace !== asking && links?.known === false) return links;
  }
  return undefined;
}

function findSilent(
  network: Network,
  asking: { readonly namespace: NamespaceId; readonly segment: string },
): Missing | undefined {
  let unlisted = unlistedTables.get(network);
  if (unlisted === undefined) {
    unlisted = [...network.namespaces.values()].filter((namespace) => !namespace.facts.addresses.known);
    unlistedTables.set(network, unlisted);
  }
  const found = unlisted.find(
    (namespace) =>
      namespace.id !== asking.namespace &&
      (!namespace.facts.links.known ||
        linksOf(namespace).some((link) => segmentOf(network, namespace.id, link.name) === asking.segment)),
  );
  const addresses = found?.facts.addresses;
  return addresses?.known === false ? addresses : undefined;
}

export interface DeviceOnSegment {
  readonly namespace: NamespaceId;
  readonly link: string;
}

/** The device on the segment that has the MAC, if one is known to. */
export function findMacOnSegment(
  network: Network,
  segment: string,
  mac: string,
): DeviceOnSegment | undefined {
  const devices = devicesByMac(network).get(mac) ?? [];
  return devices.find((device) => segmentOf(network, device.namespace, device.link) === segment);
}

const macTables = new WeakMap<Network, ReadonlyMap<string, readonly DeviceOnSegment[]>>();

function devicesByMac(network: Network): ReadonlyMap<string, readonly DeviceOnSegment[]> {
  const known = macTables.get(network);
  if (known !== undefined) return known;
  const table = new Map<string, DeviceOnSegment[]>();
  for (const namespace of network.namespaces.values()) {
    for (const link of linksOf(namespace)) {
      if (link.mac === undefined || link.kind === 'vxlan') continue;
      // A bridge usually takes the MAC of one of its ports; the bridge is the one that listens.
      const device = { namespace: namespace.id, link: link.master ?? link.name };
      table.set(link.mac, [...(table.get(link.mac) ?? []), device]);
    }
  }
  macTables.set(network, table);
  return table;
}

/** The other end of a wire that has no bridge on either side. */
export function findPeer(
  network: Network,
  namespace: NamespaceId,
  link: string,
): DeviceOnSegment | undefined {
  if (network.namespaces.get(namespace)?.linksByName.get(link)?.master !== undefined) return undefined;
  const end = network.wires.get(wireKey(namespace, link));
  if (end === undefined) return undefined;
  const far = network.namespaces.get(end.namespace)?.linksByName.get(end.link);
  if (far?.kind === 'bridge' || far?.master !== undefined) return undefined;
  return { namespace: end.namespace, link: end.link };
}
