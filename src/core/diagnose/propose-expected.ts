// Candidates from what flannel would have written: the route, neighbour and forwarding entry of the node that a packet is
// for, and the address that a node published for its end of the overlay. Proposed where they are absent or different.
import type { Candidate } from './candidate.ts';
import { findExpectedPeer, findOverlayLink, listExpectedPeers } from '../model/expected-overlay.ts';
import type { ExpectedPeer } from '../model/expected-overlay.ts';
import { fdbKey, neighborKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import type { NodeFact } from '../snapshot/cluster-facts.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';
import { isSameRoute } from '../snapshot/edit-routing.ts';
import { formatRoute } from '../snapshot/format-routing.ts';
import type { Hop } from '../trace/flow.ts';

export function proposeExpected(network: Network, hop: Hop): readonly Candidate[] {
  const root = network.namespaces.get(hop.at);
  if (root === undefined || !root.id.startsWith('node/')) return [];
  const peer = findExpectedPeer(network, root, hop.packet.destination);
  if (peer === undefined) return [];
  if (isDown(peer.link)) return [raiseOverlay(network, root, peer.link)];
  return [
    ...proposeRoute(root, peer),
    ...proposeNeighbor(root, peer),
    ...proposeFdb(network, root, peer),
    ...proposeVtep(network, peer.node),
    ...proposeOwnVtep(network, root),
  ];
}

function isDown(link: LinkFact): boolean {
  return link.flags.length > 0 && !link.flags.includes('UP');
}

/** With a device that is taken down its routes and neighbour entries go; raising it alone does not bring them back. */
function raiseOverlay(network: Network, root: Namespace, link: LinkFact): Candidate {
  const peers = listExpectedPeers(network, root).filter((peer) => peer.link === link);
  const entries = peers.flatMap((peer) =>
    [...proposeRoute(root, peer), ...proposeNeighbor(root, peer)].flatMap((candidate) => candidate.changes),
  );
  return {
    key: `link-up ${root.id} ${link.name}${entries.length === 0 ? '' : ' with its entries'}`,
    family: `link-up ${link.name}`,
    rank: 6,
    changes: [{ kind: 'set-link-up', namespace: root.id, link: link.name }, ...entries],
  };
}

function proposeRoute(root: Namespace, peer: ExpectedPeer): readonly Candidate[] {
  const known = root.facts.routes[4];
  if (!known.known || known.value.some((route) => isSameRoute(route, peer.route))) return [];
  const text = formatRoute(peer.route);
  return [
    {
      key: `add-route ${root.id} ${text}`,
      family: `add-route ${peer.link.name}`,
      rank: 8,
      changes: [{ kind: 'add-route', namespace: root.id, route: peer.route }],
    },
  ];
}

function proposeNeighbor(root: Namespace, peer: ExpectedPeer): readonly Candidate[] {
  const mac = peer.lease.vtepMac;
  if (mac === undefined || !root.neighbors.known) return [];
  const entry = root.neighbors.value.get(neighborKey(peer.link.name, peer.gateway));
  if (entry?.mac === mac && !entry.states.includes('FAILED') && !entry.states.includes('INCOMPLETE'))
    return [];
  const was = entry?.mac === undefined ? {} : { was: entry.mac };
  return [
    {
      key: `set-neighbor ${root.id} ${peer.gateway} ${mac}`,
      family: `set-neighbor ${peer.node.name} ${entry?.mac === undefined ? 'absent' : 'wrong'}`,
      rank: 8,
      changes: [
        {
          kind: 'set-neighbor',
          namespace: root.id,
          link: peer.link.name,
          address: peer.gateway,
          mac,
          ...was,
        },
      ],
    },
  ];
}

function proposeFdb(network: Network, root: Namespace, peer: ExpectedPeer): readonly Candidate[] {
  const mac = peer.lease.vtepMac;
  if (mac === undefined || !root.fdb.known) return [];
  const rows = root.fdb.value.get(fdbKey(peer.link.name, mac)) ?? [];
  const was = rows.find((row) => row.remote !== undefined)?.remote;
  const remotes = [peer.lease.publicIp, ...usableAddresses(network, peer.node)].flatMap(
    (address) => address ?? [],
  );
  return [...new Set(remotes)]
    .filter((remote) => remote !== was)
    .map((remote, index) => ({
      key: `set-fdb ${root.id} ${mac} ${remote}`,
      family: `set-fdb ${peer.node.name} ${was === undefined ? 'absent' : 'wrong'}`,
      // What the node published comes first; its other address only where that one does not heal.
      rank: index === 0 ? 8 : 28,
      changes: [
        {
          kind: 'set-fdb',
          namespace: root.id,
          link: peer.link.name,
          mac,
          remote,
          ...(was === undefined ? {} : { was }),
        },
      ],
    }));
}

function usableAddresses(network: Network, node: NodeFact): readonly Address[] {
  return node.internalIps.filter((ip) => familyOf(ip) === 4 && network.owners.has(ip));
}

/** This node itself may be the one whose end of the overlay is on the wrong interface: replies to it never arrive. */
function proposeOwnVtep(network: Network, root: Namespace): readonly Candidate[] {
  const nodes = network.cluster.nodes.known ? network.cluster.nodes.value : [];
  const own = nodes.find((node) => `node/${node.name}` === root.id);
  return own === undefined || listExpectedPeers(network, root).length === 0 ? [] : proposeVtep(network, own);
}

/** The node's end of the overlay moves to the interface that holds its own node address. */
function proposeVtep(network: Network, node: NodeFact): readonly Candidate[] {
  const lease = node.flannel;
  const root = network.namespaces.get(`node/${node.name}`);
  if (lease?.vtepMac === undefined || root === undefined) return [];
  const link = findOverlayLink(root, lease);
  const vtepMac = lease.vtepMac;
  if (link?.vxlan === undefined) return [];
  const { vxlan } = link;
  return usableAddresses(network, node).flatMap((local) => {
    const owner = network.owners.get(local)?.find((candidate) => candidate.namespace === root.id);
    if (owner === undefined || (vxlan.local === local && lease.publicIp === local)) return [];
    return [
      {
        key: `move-vtep ${root.id} ${local}`,
        family: `move-vtep ${root.id}`,
        rank: 7,
        changes: [
          {
            kind: 'move-vtep' as const,
            namespace: root.id,
            link: link.name,
            mac: vtepMac,
            local,
            lower: owner.link,
            was: {
              ...(vxlan.local === undefined ? {} : { local: vxlan.local }),
              ...(vxlan.lower === undefined ? {} : { lower: vxlan.lower }),
            },
          },
        ],
      },
    ];
  });
}
