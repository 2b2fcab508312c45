// tailscale0 as a wire: the peer whose allowed addresses cover the destination takes the packet, if it takes packets
// from this source, and if its packet filter lets a new connection in. Rules: WireGuard's cryptokey routing and
// tailscale 1.102 wgengine/filter (the receiver filters, replies pass; a peer drops a source outside the sender's
// AllowedIPs without a word).
import { findExpectedWay } from '../model/expected-overlay.ts';
import { isPodAddress, isServiceAddress } from '../model/cluster-network.ts';
import { judgeFilter } from './packet-filter.ts';
import { addHop, endDelivered, endLost, endUnknown } from './walk.ts';
import type { Step, WalkState } from './walk.ts';
import type { Evidence } from '../fact/evidence.ts';
import type { Address } from '../net/address.ts';
import { parsePrefix, prefixContains } from '../net/prefix.ts';
import type { Machine, Namespace, Network } from '../model/network.ts';
import type { TailscalePeer, TailscaleStatus } from '../snapshot/machine-facts.ts';
import type { LinkFact } from '../snapshot/namespace-facts.ts';

export interface TailnetSend {
  readonly namespace: Namespace;
  readonly link: LinkFact;
}

const tailnetRanges = ['100.64.0.0/10', 'fd7a:115c:a1e0::/48'].map((text) => parsePrefix(text));
const magicDns = ['100.100.100.100', 'fd7a:115c:a1e0::53'];

export function transmitTailnet(network: Network, state: WalkState, send: TailnetSend): readonly Step[] {
  const machine = network.machines.get(send.namespace.machine);
  const status = machine?.facts.tailscale.status;
  if (magicDns.includes(state.packet.destination)) return [answerMagicDns(state, send)];
  if (status?.known !== true) return [sendBlindly(network, state, send)];
  const peer = findPeer(status.value, state.packet.destination);
  if (peer === undefined) return [loseForPeer(state, send, status.evidence)];
  const receiver = findMachineOf(network, peer);
  const refusal = findSourceRefusal(status.value, receiver, state.packet.source);
  if (refusal !== undefined) return [loseForSource(state, send, { peer, refusal })];
  return [enterPeer(state, send, { peer, receiver })];
}

function answerMagicDns(state: WalkState, send: TailnetSend): Step {
  const did = 'tailscaled itself answers MagicDNS';
  const hop = addHop(state, send.namespace.id, {
    step: 'tailnet',
    did,
    because: [send.link.evidence],
    link: send.link.name,
  });
  return endDelivered(hop, send.namespace.id);
}

/**
 * Nobody asked tailscaled. A pod's packet that leaves by the tailnet although the pod network has another way for it is
 * lost as far as anybody can tell: peers take only sources that the control plane gave them.
 */
function sendBlindly(network: Network, state: WalkState, send: TailnetSend): Step {
  const { namespace, link } = send;
  const { source, destination } = state.packet;
  const status = network.machines.get(namespace.machine)?.facts.tailscale.status;
  const way = findExpectedWay(network, namespace, destination);
  const isOurs =
    isPodAddress(network.clusterNetwork, destination) ||
    isServiceAddress(network.clusterNetwork, destination);
  const hop = addHop(state, namespace.id, {
    step: 'tailnet',
    did: `${link.name} gives ${source} → ${destination} to the tailnet`,
    because: [link.evidence],
    link: link.name,
    assumes: 'no peer takes packets with this source (tailscale status was not collected)',
  });
  if (isOurs && way !== 'unknown' && way !== link.name && !isTailnetAddress(source)) {
    return endLost(hop, namespace.id, 'left-the-cluster', false);
  }
  const question = `which peer takes ${destination} from ${namespace.id}?`;
  return status?.known === false
    ? endUnknown(hop, namespace.id, question, status)
    : endUnknown(hop, namespace.id, question);
}

export function isTailnetAddress(address: Address): boolean {
  return tailnetRanges.some((range) => range !== undefined && prefixContains(range, address));
}

/** The peer with the longest allowed prefix that covers the address. */
export function findPeer(status: TailscaleStatus, address: Address): TailscalePeer | undefined {
  let best: { readonly peer: TailscalePeer; readonly length: number } | undefined;
  for (const peer of status.peers) {
    for (const prefix of peer.allowedIps) {
      if (!prefixContains(prefix, address) || (best !== undefined && best.length >= prefix.length)) continue;
      best = { peer, length: prefix.length };
    }
  }
  return best?.peer;
}

function loseForPeer(state: WalkState, send: TailnetSend, evidence: Evidence): Step {
  const { namespace, link } = send;
  const { destination } = state.packet;
  const hop = addHop(state, namespace.id, {
    step: 'tailnet',
    did: `no peer of ${namespace.id} takes ${destination}`,
    because: [evidence],
    elements: [
      {
        kind: 'absence',
        namespace: namespace.id,
        of: 'peer',
        link: link.name,
        address: destination,
        evidence,
      },
    ],
    link: link.name,
  });
  return endLost(hop, namespace.id, 'tunnel-no-peer');
}

/** The machine in the evidence that is this peer. */
export function findMachineOf(network: Network, peer: TailscalePeer): Machine | undefined {
  for (const machine of network.machines.values()) {
    const status = machine.facts.tailscale.status;
    const self = status.known ? status.value.self : undefined;
    if (self?.addresses.some((address) => peer.addresses.includes(address)) === true) return machine;
    const root = network.namespaces.get(machine.id);
    const held = root?.facts.addresses;
    if (held?.known === true && held.value.some((fact) => peer.addresses.includes(fact.address)))
      return machine;
  }
  return undefined;
}

interface Refusal {
  readonly evidence: Evidence;
}

/** The receiver's own list of what the sender may use decides; without it, the sender's own entry is the same list. */
function findSourceRefusal(
  sender: TailscaleStatus,
  receiver: Machine | undefined,
  source: Address,
): Refusal | undefined {
  const theirs = receiver?.facts.tailscale.status;
  const self = sender.self;
  if (self === undefined) return undefined;
  const entry =
    theirs?.known === true
      ? theirs.value.peers.find((peer) => peer.addresses.some((address) => self.addresses.includes(address)))
      : self;
  const allowed = entry ?? self;
  const isAllowed =
    allowed.allowedIps.some((prefix) => prefixContains(prefix, source)) || self.addresses.includes(source);
  return isAllowed ? undefined : { evidence: allowed.evidence };
}

function loseForSource(
  state: WalkState,
  send: TailnetSend,
  about: { readonly peer: TailscalePeer; readonly refusal: Refusal },
): Step {
  const { namespace, link } = send;
  const hop = addHop(state, namespace.id, {
    step: 'tailnet',
    did: `${link.name} gives it to ${about.peer.hostName}, which takes no packets from ${state.packet.source}: dropped without a word`,
    because: [about.peer.evidence, about.refusal.evidence],
    link: link.name,
  });
  return endLost(hop, namespace.id, 'tunnel-source-refused');
}

function enterPeer(
  state: WalkState,
  send: TailnetSend,
  about: { readonly peer: TailscalePeer; readonly receiver: Machine | undefined },
): Step {
  const { namespace, link } = send;
  const { peer, receiver } = about;
  const { destination } = state.packet;
  const hop = addHop(state, namespace.id, {
    step: 'tailnet',
    did: `${link.name} gives it to ${peer.hostName}`,
    because: [peer.evidence],
    link: link.name,
  });
  if (receiver === undefined) {
    return endUnknown(
      hop,
      namespace.id,
      `what does ${peer.hostName} (outside the evidence) do with a packet for ${destination}?`,
    );
  }
  const filter = judgeFilter(receiver.facts.tailscale.netmap, state);
  if (filter.kind === 'unknown') {
    return endUnknown(hop, receiver.id, `does ${peer.hostName}'s packet filter let it in?`, filter.missing);
  }
  if (filter.kind === 'denied') {
    const did = `${peer.hostName}'s packet filter has no rule for it`;
    const denied = addHop(hop, receiver.id, { step: 'policy', did, because: [filter.evidence] });
    return endLost(denied, receiver.id, 'tunnel-filtered');
  }
  return { state: hop, stage: { kind: 'input', namespace: receiver.id, link: tailnetLinkOf(receiver) } };
}

function tailnetLinkOf(machine: Machine): string {
  return [...machine.tailnetLinks][0] ?? 'tailscale0';
}
