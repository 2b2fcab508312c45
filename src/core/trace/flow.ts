// A flow as asked, and what became of it. A trace is the set of journeys the packet could take (more than one where the
// kernel picks by hash or kube-proxy by chance); each journey is its hops in order, its end, and the reply's journeys.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { NamespaceId } from '../model/network.ts';
import type { Doubt } from './filter/chain-outcome.ts';
import type { FdbFact, LinkFact, NeighborFact, RouteFact, RuleFact } from '../snapshot/namespace-facts.ts';
import type { FilterPlace, FilterRulePlace } from '../snapshot/filter-place.ts';
import type { ConnectionFact } from '../snapshot/filter-facts.ts';

export type Protocol = 'tcp' | 'udp' | 'icmp';

export interface Flow {
  readonly from: NamespaceId;
  /** The address the sender bound; absent: the kernel picks. */
  readonly fromAddress?: Address;
  /** The port the sender bound (a program that keeps its port); absent: any. */
  readonly fromPort?: number;
  readonly to: Address;
  readonly protocol: Protocol;
  readonly port?: number;
  readonly mark?: number;
  /** How large its packets are, both ways, in bytes of IP, and they must not be cut; absent: small enough for any way. */
  readonly sizeBytes?: number;
  /** Only the answers are that large: a download. */
  readonly isRequestSmall?: boolean;
}

export interface Packet {
  readonly source: Address;
  readonly destination: Address;
  readonly protocol: Protocol;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly mark: number;
  readonly ttl: number;
  /** Bytes of the IP packet, where the flow has a size. */
  readonly sizeBytes?: number;
}

export type StepKind =
  | 'send'
  | 'rule'
  | 'route'
  | 'source-check'
  | 'forward'
  /** A chain of the packet filter let it pass, marked it, or ended it. */
  | 'filter'
  /** Connection tracking found (or did not find) the connection. */
  | 'connection'
  | 'nat'
  | 'neighbor'
  | 'bridge'
  | 'wire'
  | 'encap'
  | 'decap'
  | 'tailnet'
  | 'policy'
  | 'deliver';

/** The observed piece of state that decided a hop: what a change can remove or alter. */
export type Element =
  | { readonly kind: 'route'; readonly namespace: NamespaceId; readonly route: RouteFact }
  | { readonly kind: 'rule'; readonly namespace: NamespaceId; readonly rule: RuleFact }
  | {
      readonly kind: 'sysctl';
      readonly namespace: NamespaceId;
      readonly key: string;
      readonly value: string;
      readonly evidence: Evidence;
    }
  | { readonly kind: 'neighbor'; readonly namespace: NamespaceId; readonly neighbor: NeighborFact }
  | { readonly kind: 'fdb'; readonly namespace: NamespaceId; readonly fdb: FdbFact }
  | { readonly kind: 'link'; readonly namespace: NamespaceId; readonly link: LinkFact }
  | {
      readonly kind: 'filter-rule';
      readonly namespace: NamespaceId;
      readonly rule: FilterRulePlace;
      readonly effect: FilterEffect;
      readonly evidence: Evidence;
    }
  /** The policy of a base chain ended the packet. */
  | {
      readonly kind: 'filter-policy';
      readonly namespace: NamespaceId;
      readonly chain: FilterPlace;
      readonly evidence: Evidence;
    }
  /** A tracked connection that was collected decided the translation. */
  | { readonly kind: 'connection'; readonly namespace: NamespaceId; readonly connection: ConnectionFact }
  /** Something that should be there and is not: what was looked for, in words, and the table it was looked for in. */
  | {
      readonly kind: 'absence';
      readonly namespace: NamespaceId;
      readonly of:
        | 'route'
        | 'neighbor'
        | 'fdb'
        | 'peer'
        | 'socket'
        | 'owner'
        /** No chain translates this Service address, though the cluster's objects have it (`address`). */
        | 'service-rule'
        /** What this Service address is translated to (`address`) is none of its endpoints. */
        | 'endpoint'
        /** The reply is not translated back: nobody here tracked the connection that it answers. */
        | 'connection'
        /** What leaves the pod network, or comes from outside to a Service, is not masqueraded. */
        | 'masquerade';
      readonly link?: string;
      readonly address?: Address;
      readonly mac?: string;
      readonly evidence: Evidence;
    };

/** What a rule did to the packet; `leads` where it only jumped to the chain that did something. */
export type FilterEffect = 'drops' | 'rejects' | 'accepts' | 'translates' | 'marks' | 'untracks' | 'leads';

export interface Hop {
  readonly at: NamespaceId;
  readonly step: StepKind;
  /** One sentence: what happened here. */
  readonly did: string;
  readonly because: readonly Evidence[];
  readonly elements: readonly Element[];
  /** The packet after this hop. */
  readonly packet: Packet;
  /** The device the packet left or came by, where the hop has one. */
  readonly link?: string;
  /** The outer packet of an overlay, a flow of its own. */
  readonly nested?: Journey;
  /** What the hop takes for granted because nobody looked (an uncollected pod namespace, a LAN switch). */
  readonly assumes?: string;
}

export type LostWhy =
  | 'blackhole'
  | 'not-forwarding'
  | 'source-rejected'
  | 'no-neighbor'
  | 'no-fdb-entry'
  /** A bridge would have to send it back by the port it came from. */
  | 'no-hairpin'
  | 'link-down'
  | 'wrong-host'
  | 'left-the-cluster'
  | 'tunnel-no-peer'
  | 'tunnel-source-refused'
  | 'tunnel-filtered'
  | 'outer-lost'
  /** A rule or a policy of the packet filter drops it. */
  | 'filtered'
  /** The answer comes from another address or port than was asked: the asker does not take it for one. */
  | 'reply-unmatched'
  /** A datapath beside the kernel's (Cilium's eBPF) drops it: by policy, or for want of a backend. */
  | 'program-drops'
  /** It is larger than a device on its way takes, and may not be cut (or whoever should send smaller is not told). */
  | 'too-big'
  | 'loop'
  | 'too-many-paths';

export type RefusedWhy =
  'port-closed' | 'net-unreachable' | 'host-unreachable' | 'prohibited' | 'no-endpoints' | 'filter-rejected';

export type Disposition =
  | { readonly kind: 'delivered'; readonly to: NamespaceId }
  | {
      readonly kind: 'refused';
      readonly by: NamespaceId;
      readonly why: RefusedWhy;
      /** What a rule answers, as iptables spells it: icmp-port-unreachable, icmp-host-prohibited, tcp-reset… */
      readonly with?: string;
    }
  | {
      readonly kind: 'lost';
      readonly at: NamespaceId;
      readonly why: LostWhy;
      /** False where the loss follows from what is outside the evidence (a LAN router, a VPN's far end). */
      readonly isCertain: boolean;
      /** Of what was too big: the size that would have passed, and whether nobody is told so. */
      readonly mtuBytes?: number;
      readonly isSilent?: boolean;
    }
  | {
      readonly kind: 'unknown';
      readonly at: NamespaceId;
      readonly question: string;
      readonly missing?: Missing;
      /** It left what was observed by this device: an answer would come in by it. */
      readonly leftBy?: { readonly namespace: NamespaceId; readonly link: string };
    };

export interface Journey {
  readonly hops: readonly Hop[];
  readonly end: Disposition;
  /** What nobody knows and this way took one answer to: the way is real only if that answer is. */
  readonly doubts?: readonly Doubt[];
  /**
   * The answer's ways: of who got the packet, or of who refused it; absent where nobody answers. Of a packet that left the
   * evidence: the ways of the answer that somebody there would send.
   */
  readonly replies?: readonly Journey[];
}

/** `arrives`: every journey and every reply does. `partly`: by luck. */
export type Verdict = 'arrives' | 'partly' | 'fails' | 'unknown';

export interface Trace {
  readonly flow: Flow;
  readonly journeys: readonly Journey[];
  readonly verdict: Verdict;
}
