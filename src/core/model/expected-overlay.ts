// What the pod network's own program would have written on a node, from the objects alone. It proposes, it never judges:
// an unusual state that delivers is healthy. Source: flannel 0.28.9, pkg/backend/vxlan (route, neighbour and FDB entry per
// lease; the lease is the Node's annotations and podCIDR).
import type { Address } from '../net/address.ts';
import { familyOf } from '../net/address.ts';
import { makePrefix, prefixContains } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { FlannelLease, NodeFact } from '../snapshot/cluster-facts.ts';
import type { RouteEdit } from '../snapshot/change.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';
import { linksOf } from './network.ts';
import type { Namespace, Network } from './network.ts';

/** One remote node as flannel sees it from this one. */
export interface ExpectedPeer {
  readonly node: NodeFact;
  readonly lease: FlannelLease;
  readonly podCidr: Prefix;
  /** This node's own VXLAN device. */
  readonly link: LinkFact;
  /** The remote flannel device's address, which is the pod prefix's first. */
  readonly gateway: Address;
  readonly route: RouteEdit;
}

/** The remote node that an address belongs to, with everything flannel would have written for it here. */
export function findExpectedPeer(
  network: Network,
  namespace: Namespace,
  address: Address,
): ExpectedPeer | undefined {
  return listExpectedPeers(network, namespace).find((peer) => prefixContains(peer.podCidr, address));
}

export function listExpectedPeers(network: Network, namespace: Namespace): readonly ExpectedPeer[] {
  const { nodes } = network.cluster;
  if (!nodes.known || !namespace.id.startsWith('node/')) return [];
  const listed = expected.get(namespace);
  if (listed?.nodes === nodes.value) return listed.peers;
  const peers = nodes.value
    .filter((node) => `node/${node.name}` !== namespace.id)
    .flatMap((node) => node.podCidrs.flatMap((podCidr) => expectPeer(namespace, node, podCidr) ?? []));
  expected.set(namespace, { nodes: nodes.value, peers });
  return peers;
}

/** Asked again for every packet that leaves a node. */
const expected = new WeakMap<
  Namespace,
  { readonly nodes: readonly NodeFact[]; readonly peers: readonly ExpectedPeer[] }
>();

function expectPeer(namespace: Namespace, node: NodeFact, podCidr: Prefix): ExpectedPeer | undefined {
  const lease = node.flannel;
  if (lease?.backendType !== 'vxlan' || familyOf(podCidr.address) !== 4) return undefined;
  const link = findOverlayLink(namespace, lease);
  if (link === undefined) return undefined;
  const gateway = podCidr.address;
  const route: RouteEdit = {
    family: 4,
    type: 'unicast',
    destination: podCidr,
    table: 'main',
    scope: 'global',
    metric: 0,
    tos: 0,
    nexthops: [{ link: link.name, gateway, weight: 1, flags: ['onlink'] }],
  };
  return { node, lease, podCidr, link, gateway, route };
}

/** The VXLAN device for IPv4 with the lease's network identifier; the one for IPv6 has the same. */
export function findOverlayLink(namespace: Namespace, lease: FlannelLease): LinkFact | undefined {
  const candidates = linksOf(namespace).filter(
    (link) => link.kind === 'vxlan' && (link.vxlan?.local === undefined || familyOf(link.vxlan.local) === 4),
  );
  return candidates.find((link) => lease.vni === undefined || link.vxlan?.vni === lease.vni);
}

/**
 * The device by which this node should send to a cluster address, as far as the objects tell: the bridge for its own
 * pods, flannel's device for another node's. `unknown` where the pod network is none that waylaid knows how to expect.
 */
export function findExpectedWay(
  network: Network,
  namespace: Namespace,
  address: Address,
): string | undefined {
  const own = findOwnBridge(namespace, address);
  if (own !== undefined) return own;
  const peer = findExpectedPeer(network, namespace, address);
  if (peer !== undefined) return peer.link.name;
  const { nodes } = network.cluster;
  const knowsBackend =
    nodes.known &&
    nodes.value.length > 0 &&
    nodes.value.every((node) => node.flannel?.backendType === 'vxlan');
  return knowsBackend ? undefined : 'unknown';
}

function findOwnBridge(namespace: Namespace, address: Address): string | undefined {
  for (const [link, addresses] of namespace.addressesByLink) {
    if (namespace.linksByName.get(link)?.kind !== 'bridge') continue;
    if (addresses.some((fact) => prefixContains(makePrefix(fact.address, fact.prefixLength), address)))
      return link;
  }
  return undefined;
}
