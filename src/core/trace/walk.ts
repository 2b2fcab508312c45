// The state of a packet on its way, and the stages it goes through. Each step takes a state at a stage and gives the
// states that can follow: none of them calls another, the driver (walk-driver.ts) does, so that a packet's path is a
// loop over data and not a knot of calls.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { Namespace, NamespaceId, Network } from '../model/network.ts';
import type { Connection, QuotedPacket, Tracking } from './connection.ts';
import type { Doubt } from './filter/chain-outcome.ts';
import type { Disposition, Element, Hop, LostWhy, Packet, StepKind } from './flow.ts';

export interface WalkState {
  readonly packet: Packet;
  readonly hops: readonly Hop[];
  /** What the namespaces on the way remember, the answer's way included. */
  readonly connections: readonly Connection[];
  /** What the packet is to the namespace it is in; absent before connection tracking saw it there. */
  readonly tracking?: Tracking | undefined;
  /** Of an ICMP error: the packet that it is about. */
  readonly quoted?: QuotedPacket;
  /** The sender said which port it comes from. */
  readonly isPortChosen?: boolean;
  /** What rules on the way let the other end send at most, in bytes of IP (TCPMSS). */
  readonly clampedBytes?: number;
  /** What was not known on the way, and the answer taken. */
  readonly doubts: readonly Doubt[];
  /** True for the answer to a delivered packet: translations are undone instead of made. */
  readonly isReply: boolean;
  /** 0 for the flow asked about; 1 for the outer packet of its overlay, and so on. */
  readonly depth: number;
  /** Places seen, to find loops that would outlive the TTL. */
  readonly visited: ReadonlySet<string>;
  /** Where chains are assumed: the namespace is to masquerade what it sends on (kube-proxy's 0x4000 mark). */
  readonly isMarkedForMasquerade?: boolean;
}

export type Stage =
  | {
      readonly kind: 'send';
      readonly namespace: NamespaceId;
      readonly isBound: boolean;
      readonly outputLink?: string;
    }
  | {
      readonly kind: 'transmit';
      readonly namespace: NamespaceId;
      readonly link: string;
      readonly nexthop: Address;
    }
  | {
      readonly kind: 'input';
      readonly namespace: NamespaceId;
      readonly link: string;
      /** The bridge's port that it came in by, where the device is a bridge. */
      readonly port?: string;
      /** The bridge has run PREROUTING already, which changed the destination: where the packet was going before. */
      readonly beforeBridge?: Address;
    }
  | { readonly kind: 'deliver'; readonly namespace: NamespaceId }
  | {
      /** A VXLAN device hands the frame to its remote: the outer packet is a flow of its own. */
      readonly kind: 'encap';
      readonly namespace: NamespaceId;
      readonly link: string;
      readonly remote: Address;
      readonly mac: string;
      /** The device that the entry binds the outer packet to; most entries bind it to none. */
      readonly via?: string;
    }
  | {
      /** A program wraps it for another node by a device without entries of its own: the outer packet is a flow of its own. */
      readonly kind: 'tunnel';
      readonly namespace: NamespaceId;
      readonly link: string;
      readonly remote: Address;
      /** UDP port. */
      readonly port: number;
    }
  | { readonly kind: 'end'; readonly disposition: Disposition };

export interface Step {
  readonly state: WalkState;
  readonly stage: Stage;
}

export interface HopText {
  readonly step: StepKind;
  readonly did: string;
  readonly because?: readonly Evidence[];
  readonly elements?: readonly Element[];
  readonly link?: string;
  readonly assumes?: string;
}

export function addHop(state: WalkState, at: NamespaceId, text: HopText): WalkState {
  const hop: Hop = {
    at,
    step: text.step,
    did: text.did,
    because: text.because ?? [],
    elements: text.elements ?? [],
    packet: state.packet,
    ...(text.link === undefined ? {} : { link: text.link }),
    ...(text.assumes === undefined ? {} : { assumes: text.assumes }),
  };
  return { ...state, hops: [...state.hops, hop] };
}

export function withPacket(state: WalkState, change: Partial<Packet>): WalkState {
  return { ...state, packet: { ...state.packet, ...change } };
}

export function endDelivered(state: WalkState, to: NamespaceId): Step {
  return { state, stage: { kind: 'end', disposition: { kind: 'delivered', to } } };
}

export function endLost(state: WalkState, at: NamespaceId, why: LostWhy, isCertain = true): Step {
  return { state, stage: { kind: 'end', disposition: { kind: 'lost', at, why, isCertain } } };
}

export function endUnknown(state: WalkState, at: NamespaceId, question: string, missing?: Missing): Step {
  const disposition: Disposition =
    missing === undefined ? { kind: 'unknown', at, question } : { kind: 'unknown', at, question, missing };
  return { state, stage: { kind: 'end', disposition } };
}

export function namespaceAt(network: Network, id: NamespaceId): Namespace {
  const namespace = network.namespaces.get(id);
  if (namespace === undefined) throw new Error(`no namespace ${id} in the network`);
  return namespace;
}

/** A machine's root namespace, where Services are translated and pods are forwarded. */
export function isRoot(namespace: Namespace): boolean {
  return namespace.id === namespace.machine;
}

export function ipProtocolOf(packet: Packet): number {
  if (packet.protocol === 'tcp') return 6;
  if (packet.protocol === 'udp') return 17;
  return packet.destination.includes(':') ? 58 : 1;
}
