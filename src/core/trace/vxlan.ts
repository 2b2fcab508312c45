// VXLAN: the inner frame's MAC comes from the neighbour table, the remote from the forwarding table, and the outer packet
// is a UDP flow of its own from the device's local address. An entry binds it to a device only where it says `via`: the
// lower link of the device counts for its default entry alone (measured on Linux 6.18), so policy rules decide as for any
// other packet of the machine.
// Rules: Linux 6.12 drivers/net/vxlan/vxlan_core.c (vxlan_xmit, vxlan_find_mac, vxlan_rcv). A unicast MAC without an
// entry goes to the all-zero entry, and without that one it is dropped.
import { fdbKey, neighborKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import { addHop, endLost, endUnknown } from './walk.ts';
import type { Step, WalkState } from './walk.ts';
import type { Element } from './flow.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import type { FdbFact, LinkFact, NeighborFact } from '../snapshot/namespace-facts.ts';

const anyMac = '00:00:00:00:00:00';

export interface VxlanSend {
  readonly namespace: Namespace;
  readonly link: LinkFact;
  readonly nexthop: Address;
}

export function transmitVxlan(network: Network, state: WalkState, send: VxlanSend): readonly Step[] {
  const { namespace, link, nexthop } = send;
  // Without a network of its own (`external`) each packet's tunnel is chosen by a route or a program.
  if (link.vxlan === undefined) return [endUnknown(state, namespace.id, `how is ${link.name} set up?`)];
  if (!namespace.neighbors.known) {
    return [
      endUnknown(state, namespace.id, `which MAC has ${nexthop} on ${link.name}?`, namespace.neighbors),
    ];
  }
  if (!namespace.fdb.known) {
    return [
      endUnknown(state, namespace.id, `where does ${link.name} send a frame for ${nexthop}?`, namespace.fdb),
    ];
  }
  const entry = namespace.neighbors.value.get(neighborKey(link.name, nexthop));
  const mac = entry === undefined || isFailed(entry) ? undefined : entry.mac;
  if (mac === undefined) return resolveByFlooding(network, state, send, entry);
  const withNeighbor = entry === undefined ? state : addNeighborHop(state, send, entry);
  const remotes = findRemotes(namespace, link, mac);
  if (remotes.length === 0) return [loseForFdb(withNeighbor, send, mac)];
  return remotes.map((fdb) => encapsulate(withNeighbor, send, { mac, fdb }));
}

function isFailed(entry: NeighborFact): boolean {
  return entry.states.some((text) => text === 'FAILED' || text === 'INCOMPLETE');
}

/** One remote for a unicast MAC (the kernel takes the first), else all of the default entry. */
function findRemotes(namespace: Namespace, link: LinkFact, mac: string): readonly FdbFact[] {
  if (!namespace.fdb.known) return [];
  const own = (namespace.fdb.value.get(fdbKey(link.name, mac)) ?? []).filter(
    (fact) => fact.remote !== undefined,
  );
  if (own.length > 0) return own.slice(0, 1);
  return (namespace.fdb.value.get(fdbKey(link.name, anyMac)) ?? []).filter(
    (fact) => fact.remote !== undefined,
  );
}

/** Without a neighbour entry ARP has to be flooded, and flannel's device has nowhere to flood to. */
function resolveByFlooding(
  network: Network,
  state: WalkState,
  send: VxlanSend,
  entry: NeighborFact | undefined,
): readonly Step[] {
  const { namespace, link, nexthop } = send;
  const flooded = findRemotes(namespace, link, anyMac);
  const owner = network.owners.get(nexthop)?.find((candidate) => isSameOverlay(network, candidate, link));
  const mac =
    owner === undefined
      ? undefined
      : network.namespaces.get(owner.namespace)?.linksByName.get(owner.link)?.mac;
  if (flooded.length > 0 && mac !== undefined)
    return flooded.map((fdb) => encapsulate(state, send, { mac, fdb }));
  return [loseForNeighbor(state, send, entry)];
}

function isSameOverlay(
  network: Network,
  owner: { readonly namespace: string; readonly link: string },
  link: LinkFact,
): boolean {
  const far = network.namespaces.get(owner.namespace)?.linksByName.get(owner.link);
  return far?.kind === 'vxlan' && far.vxlan?.vni === link.vxlan?.vni;
}

function addNeighborHop(state: WalkState, send: VxlanSend, entry: NeighborFact): WalkState {
  return addHop(state, send.namespace.id, {
    step: 'neighbor',
    did: `${send.nexthop} is ${entry.mac ?? '?'} on ${send.link.name}`,
    because: [entry.evidence],
    elements: [{ kind: 'neighbor', namespace: send.namespace.id, neighbor: entry }],
    link: send.link.name,
  });
}

function loseForNeighbor(state: WalkState, send: VxlanSend, entry: NeighborFact | undefined): Step {
  const { namespace, link, nexthop } = send;
  const neighbors = namespace.facts.neighbors;
  const evidence = entry?.evidence ?? (neighbors.known ? neighbors.evidence : { path: neighbors.path });
  const element: Element =
    entry === undefined
      ? {
          kind: 'absence',
          namespace: namespace.id,
          of: 'neighbor',
          link: link.name,
          address: nexthop,
          evidence,
        }
      : { kind: 'neighbor', namespace: namespace.id, neighbor: entry };
  const hop = addHop(state, namespace.id, {
    step: 'neighbor',
    did: `no neighbour entry for ${nexthop} on ${link.name}, which cannot ask for one`,
    because: [evidence],
    elements: [element],
    link: link.name,
  });
  return endLost(hop, namespace.id, 'no-neighbor');
}

function loseForFdb(state: WalkState, send: VxlanSend, mac: string): Step {
  const { namespace, link } = send;
  const fdb = namespace.facts.fdb;
  const evidence = fdb.known ? fdb.evidence : { path: fdb.path };
  const hop = addHop(state, namespace.id, {
    step: 'encap',
    did: `${link.name} has no forwarding entry for ${mac} and no default one`,
    because: [evidence],
    elements: [
      {
        kind: 'absence',
        namespace: namespace.id,
        of: 'fdb',
        link: link.name,
        mac,
        address: send.nexthop,
        evidence,
      },
    ],
    link: link.name,
  });
  return endLost(hop, namespace.id, 'no-fdb-entry');
}

interface Remote {
  readonly mac: string;
  readonly fdb: FdbFact;
}

function encapsulate(state: WalkState, send: VxlanSend, remote: Remote): Step {
  const { namespace, link } = send;
  const to = remote.fdb.remote as Address;
  const hop = addHop(state, namespace.id, {
    step: 'encap',
    did: `${link.name} wraps it for ${to} (VXLAN ${link.vxlan?.vni ?? '?'}, udp ${link.vxlan?.port ?? '?'})`,
    because: [remote.fdb.evidence],
    elements: [
      { kind: 'fdb', namespace: namespace.id, fdb: remote.fdb },
      { kind: 'link', namespace: namespace.id, link },
    ],
    link: link.name,
  });
  return {
    state: hop,
    stage: {
      kind: 'encap',
      namespace: namespace.id,
      link: link.name,
      remote: to,
      mac: remote.mac,
      ...(remote.fdb.via === undefined ? {} : { via: remote.fdb.via }),
    },
  };
}

/** What becomes of the frame on the machine where the outer packet arrived. */
export function receiveVxlan(
  network: Network,
  state: WalkState,
  frame: { readonly from: LinkFact; readonly at: string; readonly mac: string },
): Step {
  const machine = network.namespaces.get(frame.at);
  const links = machine === undefined ? [] : [...machine.linksByName.values()];
  const device = links.find(
    (link) =>
      link.kind === 'vxlan' &&
      link.vxlan?.vni === frame.from.vxlan?.vni &&
      link.vxlan?.port === frame.from.vxlan?.port &&
      hasSameFamily(link, frame.from),
  );
  if (device === undefined) {
    if (machine?.facts.links.known === false)
      return endUnknown(state, frame.at, `has ${frame.at} a VXLAN device?`, machine.facts.links);
    const hop = addHop(state, frame.at, { step: 'decap', did: `no VXLAN device with this network here` });
    return endLost(hop, frame.at, 'wrong-host');
  }
  const elements: readonly Element[] = [{ kind: 'link', namespace: frame.at, link: device }];
  if (device.mac !== undefined && device.mac !== frame.mac) {
    const did = `${device.name} has ${device.mac}, the frame is for ${frame.mac}: dropped`;
    const hop = addHop(state, frame.at, {
      step: 'decap',
      did,
      because: [device.evidence],
      elements,
      link: device.name,
    });
    return endLost(hop, frame.at, 'wrong-host');
  }
  if (device.mac !== undefined && device.mac === frame.from.mac) {
    // vxlan_set_mac of Linux 6.12 takes a frame with its own source for its own echo.
    const did = `${device.name} has the sender's own ${device.mac}: dropped as an echo of itself`;
    const hop = addHop(state, frame.at, {
      step: 'decap',
      did,
      because: [device.evidence],
      elements,
      link: device.name,
    });
    return endLost(hop, frame.at, 'wrong-host');
  }
  const hop = addHop(state, frame.at, {
    step: 'decap',
    did: `${device.name} unwraps it`,
    because: [device.evidence],
    elements,
    link: device.name,
  });
  return { state: hop, stage: { kind: 'input', namespace: frame.at, link: device.name } };
}

/** Each family has a socket of its own, so two devices of one network and port do not meet (flannel.1, flannel-v6.1). */
function hasSameFamily(a: LinkFact, b: LinkFact): boolean {
  const [own, other] = [a.vxlan?.local, b.vxlan?.local];
  return own === undefined || other === undefined || familyOf(own) === familyOf(other);
}
