// Address translation on a machine: Services to endpoints, masquerade, and the way back.
// The chains themselves are not evaluated here: this is what kube-proxy (1.28 to 1.36, any mode) and flannel (0.28,
// ip-masq) write for the collected objects, so each translation says that it is assumed. What a reply meets is exact: the
// inverse of what was done to the packet, as conntrack keeps it.
import type { Evidence } from '../fact/evidence.ts';
import { isPodAddress } from '../model/cluster-network.ts';
import { serviceKey } from '../model/service-table.ts';
import type { ServiceEntry } from '../model/service-table.ts';
import { isRoot, withPacket } from './walk.ts';
import type { NatEntry, WalkState } from './walk.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import type { Packet } from './flow.ts';

export type ServiceAnswer =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'translated';
      readonly states: readonly { readonly state: WalkState; readonly entry: ServiceEntry }[];
    }
  | { readonly kind: 'no-endpoints'; readonly entry: ServiceEntry }
  | { readonly kind: 'unknown'; readonly entry: ServiceEntry };

/** Destination translation on a node for a packet to a Service's address: one state per endpoint that could be drawn. */
export function translateService(network: Network, namespace: Namespace, state: WalkState): ServiceAnswer {
  if (state.isReply || !isRoot(namespace) || !namespace.id.startsWith('node/')) return { kind: 'none' };
  const { packet } = state;
  const entry = network.services.byKey.get(
    serviceKey(packet.destination, packet.protocol, packet.destinationPort),
  );
  if (entry === undefined) return { kind: 'none' };
  if (!entry.isKnown) return { kind: 'unknown', entry };
  if (entry.endpoints.length === 0) return { kind: 'no-endpoints', entry };
  const states = entry.endpoints.map((endpoint) => {
    const isHairpin = endpoint.address === packet.source;
    const translated = remember(
      withPacket(state, { destination: endpoint.address, destinationPort: endpoint.port }),
      namespace,
      packet,
    );
    const needsMasquerade = isHairpin || !isPodAddress(network.clusterNetwork, packet.source);
    return { state: { ...translated, isMarkedForMasquerade: needsMasquerade }, entry };
  });
  return { kind: 'translated', states };
}

/** Why the machine rewrites the source of what it sends out by the device, if it does. */
export function findMasquerade(
  network: Network,
  namespace: Namespace,
  way: { readonly state: WalkState; readonly inputLink?: string; readonly outputLink: string },
): string | undefined {
  if (way.state.isReply || !isRoot(namespace)) return undefined;
  if (way.state.isMarkedForMasquerade === true)
    return 'kube-proxy masquerades what comes from outside the pods to a Service';
  const machine = network.machines.get(namespace.id);
  if (way.inputLink !== undefined && isTailnetLink(network, namespace, way.inputLink)) {
    const prefs = machine?.facts.tailscale.prefs;
    const isOff = prefs?.known === true && prefs.value.noSnat === true;
    return isOff
      ? undefined
      : 'tailscaled masquerades what it forwards from the tailnet (snat-subnet-routes)';
  }
  return findFlannelMasquerade(network, namespace, way);
}

function findFlannelMasquerade(
  network: Network,
  namespace: Namespace,
  way: { readonly state: WalkState; readonly inputLink?: string },
): string | undefined {
  if (!namespace.id.startsWith('node/') || !hasFlannelMasquerade(network, namespace)) return undefined;
  const { source, destination } = way.state.packet;
  const isFromPods = isPodAddress(network.clusterNetwork, source);
  const isToPods = isPodAddress(network.clusterNetwork, destination);
  if (isFromPods && !isToPods) return 'flannel masquerades what pods send out of the pod network';
  if (!isFromPods && isToPods && !isLocalPod(network, namespace, destination)) {
    return 'flannel masquerades what enters the pod network from outside';
  }
  return undefined;
}

/** FLANNEL_IPMASQ of subnet.env where it was collected; k3s switches it on. */
function hasFlannelMasquerade(network: Network, namespace: Namespace): boolean {
  const machine = network.machines.get(namespace.id);
  const subnet = machine?.facts.flannelSubnet;
  if (subnet?.known === true && subnet.value.isMasquerading !== undefined) return subnet.value.isMasquerading;
  const nodes = network.cluster.nodes;
  return (
    nodes.known &&
    nodes.value.some((node) => `node/${node.name}` === namespace.id && node.flannel !== undefined)
  );
}

function isLocalPod(network: Network, namespace: Namespace, address: Address): boolean {
  const owners = network.owners.get(address) ?? [];
  return owners.some((owner) => network.namespaces.get(owner.namespace)?.machine === namespace.id);
}

/** A pod may run a tailscaled of its own, whose files are not those of its machine. */
export function isTailnetLink(network: Network, namespace: Namespace, link: string): boolean {
  const machine = network.machines.get(namespace.id);
  return machine !== undefined && machine.tailnetLinks.has(link);
}

/** Rewrites the source and remembers it. */
export function masquerade(state: WalkState, namespace: Namespace, source: Address): WalkState {
  const rewritten = remember(withPacket(state, { source }), namespace, state.packet);
  return { ...rewritten, isMarkedForMasquerade: false };
}

function remember(state: WalkState, namespace: Namespace, before: Packet): WalkState {
  const entry: NatEntry = { namespace: namespace.id, before: tupleOf(before), after: tupleOf(state.packet) };
  return { ...state, nat: [...state.nat, entry] };
}

function tupleOf(packet: Packet): NatEntry['before'] {
  return { source: packet.source, destination: packet.destination, destinationPort: packet.destinationPort };
}

/** A reply on a machine that translated the packet: the destination is put back before routing. */
export function restoreDestination(namespace: Namespace, state: WalkState): WalkState {
  const entry = findEntry(namespace, state, (nat) => nat.before.source !== nat.after.source);
  if (entry === undefined || entry.after.source !== state.packet.destination) return state;
  return withPacket(state, { destination: entry.before.source });
}

/** …and the source after it. */
export function restoreSource(namespace: Namespace, state: WalkState): WalkState {
  const entry = findEntry(namespace, state, (nat) => nat.before.destination !== nat.after.destination);
  if (entry === undefined || entry.after.destination !== state.packet.source) return state;
  return withPacket(state, { source: entry.before.destination, sourcePort: entry.before.destinationPort });
}

function findEntry(
  namespace: Namespace,
  state: WalkState,
  fits: (entry: NatEntry) => boolean,
): NatEntry | undefined {
  if (!state.isReply) return undefined;
  return state.nat.find((entry) => entry.namespace === namespace.id && fits(entry));
}

export function serviceEvidence(entry: ServiceEntry): readonly Evidence[] {
  return entry.evidence;
}
