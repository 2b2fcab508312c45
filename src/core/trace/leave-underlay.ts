// A packet leaves what was observed: by a NIC to a router that is not in the bundle, or by a tunnel whose other end is
// not. In: the device and the next hop. Out: arrival at a known machine that has the destination address on a device of
// its own (routers between machines are taken for granted, and the hop says so); a loss where a pod's or Service's address
// leaves by a way that is not the pod network's; otherwise unknown.
import { isPodAddress, isServiceAddress } from '../model/cluster-network.ts';
import { findExpectedWay } from '../model/expected-overlay.ts';
import { hasFlannelMasquerade } from './filter/assumed-translation.ts';
import { findProgram } from './pass-hook.ts';
import { segmentOf, underlaySegment } from './segment.ts';
import { addHop, endLost, endUnknown } from './walk.ts';
import type { Step, WalkState } from './walk.ts';
import type { Element } from './flow.ts';
import type { AddressOwner, Namespace, Network } from '../model/network.ts';
import type { Evidence } from '../fact/evidence.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { missing } from '../fact/known.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';

export interface Leaving {
  readonly namespace: Namespace;
  readonly link: LinkFact;
  readonly nexthop: Address;
}

export function leaveUnderlay(network: Network, state: WalkState, leaving: Leaving): readonly Step[] {
  const { namespace, link } = leaving;
  const { destination } = state.packet;
  const owner = findMachineOwner(network, leaving, destination);
  if (owner !== undefined && isRoutedNetwork(network, leaving, owner))
    return [crossUnderlay(state, leaving, owner)];
  if (owner !== undefined) return [loseOutside(state, leaving)];
  const unseen = network.unseen.get(destination) ?? network.unseen.get(leaving.nexthop);
  if (unseen !== undefined) return [endAtUnseen(state, leaving, unseen)];
  const isOurs =
    isPodAddress(network.clusterNetwork, destination) ||
    isServiceAddress(network.clusterNetwork, destination);
  if (isOurs && !isExpectedWay(network, namespace, link, destination)) return [loseOutside(state, leaving)];
  if (isBehindTunnel(network, leaving, destination)) return [loseOutside(state, leaving)];
  if (state.depth > 0 && isUnownedNeighbor(network, leaving, destination))
    return [loseOutside(state, leaving)];
  const bare = isOurs || isTunnel(link.kind) ? undefined : findBare(network, namespace, state);
  if (bare !== undefined) return [loseBare(state, leaving, bare)];
  const text = addHop(state, namespace.id, {
    step: 'wire',
    did: `out of ${link.name} towards ${leaving.nexthop}, which is not in the evidence`,
    because: [link.evidence],
    link: link.name,
  });
  const question = `what lies behind ${link.name} of ${namespace.id} on the way to ${destination}?`;
  const leftBy = { namespace: namespace.id, link: link.name };
  return [
    {
      state: text,
      stage: { kind: 'end', disposition: { kind: 'unknown', at: namespace.id, question, leftBy } },
    },
  ];
}

/**
 * Where the rule was looked for that is not there: a pod's own address is on its way to the world, though flannel is set to
 * put the node's in its place.
 */
function findBare(
  network: Network,
  namespace: Namespace,
  { packet, isReply }: WalkState,
): Evidence | undefined {
  if (isReply || !isPodAddress(network.clusterNetwork, packet.source)) return undefined;
  if (!hasFlannelMasquerade(network, namespace)) return undefined;
  return findProgram(namespace, familyOf(packet.source))?.evidence;
}

function loseBare(state: WalkState, { namespace, link, nexthop }: Leaving, evidence: Evidence): Step {
  const { source, destination } = state.packet;
  const element: Element = {
    kind: 'absence',
    namespace: namespace.id,
    of: 'masquerade',
    link: link.name,
    address: source,
    evidence,
  };
  const hop = addHop(state, namespace.id, {
    step: 'wire',
    did: `out of ${link.name} towards ${nexthop} with the pod's own ${source}, to which nobody beyond answers (${destination})`,
    because: [link.evidence, evidence],
    elements: [element],
    link: link.name,
  });
  return endLost(hop, namespace.id, 'left-the-cluster', false);
}

function endAtUnseen(state: WalkState, leaving: Leaving, node: string): Step {
  const { namespace, link } = leaving;
  const did = `out of ${link.name} to node/${node}, which nobody looked into`;
  const hop = addHop(state, namespace.id, { step: 'wire', did, because: [link.evidence], link: link.name });
  const path = `nodes/${node}/ip-route-4.json`;
  return endUnknown(
    hop,
    `node/${node}`,
    `what does node/${node} do with the packet?`,
    missing('not-collected', path),
  );
}

/** Another machine that has the address on a device that leads outside as well. */
function findMachineOwner(
  network: Network,
  leaving: Leaving,
  destination: Address,
): AddressOwner | undefined {
  return network.owners
    .get(destination)
    ?.find(
      (owner) =>
        owner.namespace !== leaving.namespace.id &&
        network.machines.has(owner.namespace) &&
        isOutwardDevice(network, owner) &&
        sameKindOfWay(network, leaving, owner),
    );
}

function isOutwardDevice(network: Network, owner: AddressOwner): boolean {
  const kind = network.namespaces.get(owner.namespace)?.linksByName.get(owner.link)?.kind;
  return kind !== 'vxlan' && segmentOf(network, owner.namespace, owner.link) === underlaySegment;
}

function isTunnel(kind: string | undefined): boolean {
  return kind === 'tun' || kind === 'wireguard';
}

/** A machine has the address on a tunnel of its own, and the packet leaves by a NIC: no router there leads into tunnels. */
function isBehindTunnel(network: Network, { link }: Leaving, destination: Address): boolean {
  const owners = network.owners.get(destination) ?? [];
  const kinds = owners.map(
    (owner) => network.namespaces.get(owner.namespace)?.linksByName.get(owner.link)?.kind,
  );
  return kinds.length > 0 && kinds.every(isTunnel) && !isTunnel(link.kind);
}

/** A NIC leads to NICs; a tunnel of one kind to the tunnel of the same name or kind on the other machine. */
function sameKindOfWay(network: Network, leaving: Leaving, owner: AddressOwner): boolean {
  const far = network.namespaces.get(owner.namespace)?.linksByName.get(owner.link);
  if (isTunnel(leaving.link.kind)) return far?.kind === leaving.link.kind;
  return !isTunnel(far?.kind);
}

/**
 * A router is taken for granted only towards networks that have one: a device without any gateway of its own is on a
 * network of its own (a storage or cluster LAN), and packets for it sent to somebody else's gateway end there.
 */
function isRoutedNetwork(network: Network, leaving: Leaving, owner: AddressOwner): boolean {
  const far = network.namespaces.get(owner.namespace);
  const routes = far?.facts.routes[leaving.nexthop.includes(':') ? 6 : 4];
  if (!routes?.known || leaving.link.kind === 'tun' || leaving.link.kind === 'wireguard') return true;
  return routes.value.some((route) =>
    route.nexthops.some((hop) => hop.link === owner.link && hop.gateway !== undefined),
  );
}

function crossUnderlay(state: WalkState, leaving: Leaving, owner: AddressOwner): Step {
  const { namespace, link, nexthop } = leaving;
  const hop = addHop(state, namespace.id, {
    step: 'wire',
    did: `out of ${link.name} by ${nexthop} to ${owner.namespace} ${owner.link}`,
    because: [link.evidence],
    link: link.name,
    assumes: `the routers between ${namespace.id} and ${owner.namespace} carry it`,
  });
  return { state: hop, stage: { kind: 'input', namespace: owner.namespace, link: owner.link } };
}

function isExpectedWay(
  network: Network,
  namespace: Namespace,
  link: LinkFact,
  destination: Address,
): boolean {
  const way = findExpectedWay(network, namespace, destination);
  return way === 'unknown' || way === link.name;
}

/** The outer packet goes to an address on a LAN that no machine of the cluster has. */
function isUnownedNeighbor(network: Network, leaving: Leaving, destination: Address): boolean {
  return leaving.nexthop === destination || !network.owners.has(destination);
}

function loseOutside(state: WalkState, leaving: Leaving): Step {
  const { namespace, link, nexthop } = leaving;
  const { destination } = state.packet;
  const towards = nexthop === destination ? '' : ` towards ${nexthop}`;
  const element: Element = {
    kind: 'absence',
    namespace: namespace.id,
    of: 'owner',
    link: link.name,
    address: destination,
    evidence: link.evidence,
  };
  const hop = addHop(state, namespace.id, {
    step: 'wire',
    did: `out of ${link.name}${towards}: nobody known there takes packets for ${destination}`,
    because: [link.evidence],
    elements: [element],
    link: link.name,
  });
  return endLost(hop, namespace.id, 'left-the-cluster', false);
}
