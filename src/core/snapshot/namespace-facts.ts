// What was observed in one network namespace: a node's root namespace or a pod's. Rows keep the place they were read
// from. Names are iproute2's; nothing here is interpreted yet (the model does that).
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { Address, Family } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import type { FilterFacts } from './filter-facts.ts';
import type { FilterProgramName } from './filter-place.ts';

/** A MAC address, lower case, colons. */
export type Mac = string;

export interface LinkFact {
  readonly evidence: Evidence;
  readonly index: number;
  readonly name: string;
  /**
   * linkinfo's kind (veth, bridge, vxlan, tun, wireguard…), `loopback`, `physical` where there is none, or `unknown`
   * where the listing does not say (busybox, or `ip link` without -d).
   */
  readonly kind: string;
  /** UP, LOWER_UP, NO-CARRIER, POINTOPOINT, NOARP… */
  readonly flags: readonly string[];
  readonly mtuBytes?: number;
  readonly mac?: Mac;
  /** The bridge (or bond, VRF) it is a port of. */
  readonly master?: string;
  readonly group?: string;
  /** The lower device by name (`link`): of a VLAN or a VXLAN, or a veth peer in the same namespace. */
  readonly lower?: string;
  /** The peer's index in another namespace (`link_index`), with the kernel's id of that namespace. */
  readonly peerIndex?: number;
  readonly peerNamespaceId?: number;
  readonly vxlan?: VxlanFact;
  /** Of a bridge port: whether a frame may leave by the port it came from. */
  readonly isHairpin?: boolean;
  /** Of a bridge port: false when it is blocked or disabled. */
  readonly isForwarding?: boolean;
  /** Of a bridge port: it exchanges frames only with ports that are not isolated, and with the bridge itself. */
  readonly isIsolated?: boolean;
}

export interface VxlanFact {
  readonly vni: number;
  readonly local?: Address;
  /** The device that the outer route is bound to. */
  readonly lower?: string;
  readonly port: number;
  readonly learning: boolean;
  /** A default remote or multicast group, where one is set. */
  readonly remote?: Address;
}

export interface AddressFact {
  readonly evidence: Evidence;
  readonly link: string;
  readonly address: Address;
  readonly prefixLength: number;
  readonly scope: string;
  readonly isSecondary: boolean;
  readonly peer?: Address;
  readonly broadcast?: Address;
  /** deprecated, tentative, dadfailed, temporary, noprefixroute… as iproute2 names them. */
  readonly flags: readonly string[];
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export type RuleAction =
  | { readonly kind: 'lookup'; readonly table: string }
  | { readonly kind: 'goto'; readonly priority: number }
  | { readonly kind: 'nop' | 'unreachable' | 'prohibit' | 'blackhole' }
  | { readonly kind: 'opaque'; readonly text: string };

export interface RuleFact {
  readonly evidence: Evidence;
  readonly family: Family;
  readonly priority: number;
  readonly isInverted: boolean;
  readonly from?: Prefix;
  readonly to?: Prefix;
  readonly inputLink?: string;
  readonly outputLink?: string;
  /** The named device does not exist: the kernel's index is -1 and never equal. */
  readonly isInputDetached?: boolean;
  readonly isOutputDetached?: boolean;
  readonly mark?: { readonly value: number; readonly mask: number };
  /** The old TOS selector (exact compare on the masked byte). */
  readonly tos?: number;
  /** The six-bit selector of Linux 6.12 and newer. */
  readonly dscp?: number;
  /** IP protocol number. */
  readonly ipProtocol?: number;
  readonly sourcePorts?: PortRange;
  readonly destinationPorts?: PortRange;
  readonly uids?: PortRange;
  readonly isL3mdev?: boolean;
  readonly action: RuleAction;
  readonly suppressPrefixLength?: number;
  readonly suppressGroup?: string;
  readonly protocol?: string;
  /** Selectors that waylaid cannot evaluate, as written; a flow that reaches such a rule is opaque from there. */
  readonly opaqueSelectors: readonly string[];
  /** Printed by a tool that hides some selectors (busybox): it may match less than it says. */
  readonly isPartial?: boolean;
}

export type RouteType =
  | 'unicast'
  | 'local'
  | 'broadcast'
  | 'anycast'
  | 'multicast'
  | 'blackhole'
  | 'unreachable'
  | 'prohibit'
  | 'throw'
  | 'opaque';

export interface NexthopFact {
  readonly link?: string;
  readonly gateway?: Address;
  /** 1 for a single nexthop. */
  readonly weight: number;
  /** onlink, linkdown, dead, pervasive… */
  readonly flags: readonly string[];
}

export interface RouteFact {
  readonly evidence: Evidence;
  readonly family: Family;
  readonly type: RouteType;
  readonly destination: Prefix;
  /** IPv6 source-specific routes. */
  readonly from?: Prefix;
  /** `main`, `local`, `default`, or the number as text; a name only where rt_tables is unknown. */
  readonly table: string;
  readonly protocol?: string;
  /** global, site, link, host, nowhere or a number as text. */
  readonly scope: string;
  readonly metric: number;
  readonly tos: number;
  readonly preferredSource?: Address;
  readonly nexthops: readonly NexthopFact[];
  readonly mtuBytes?: number;
  /** IPv6 router preference. */
  readonly preference?: 'low' | 'medium' | 'high';
  readonly nexthopId?: number;
}

export interface NeighborFact {
  readonly evidence: Evidence;
  readonly link: string;
  readonly address: Address;
  readonly mac?: Mac;
  /** PERMANENT, REACHABLE, STALE, DELAY, PROBE, FAILED, INCOMPLETE, NOARP. */
  readonly states: readonly string[];
  readonly isProxy: boolean;
}

export interface FdbFact {
  readonly evidence: Evidence;
  /** The device that holds the entry: a bridge port, or a VXLAN device. */
  readonly link: string;
  readonly mac: Mac;
  /** VXLAN: the remote VTEP. */
  readonly remote?: Address;
  readonly remotePort?: number;
  readonly vni?: number;
  /** VXLAN: the device that the outer packet of this entry is bound to. */
  readonly via?: string;
  readonly vlan?: number;
  readonly master?: string;
  readonly flags: readonly string[];
  readonly state: string;
}

export interface SysctlFact {
  readonly evidence: Evidence;
  readonly value: string;
}

export interface SocketFact {
  readonly evidence: Evidence;
  readonly protocol: 'tcp' | 'udp';
  readonly state: string;
  /** Absent for the wildcard address of both families. */
  readonly address?: Address;
  /** `*` in ss: any address of both families. A socket for every address of one family has `0.0.0.0` or `::`. */
  readonly isWildcard: boolean;
  readonly link?: string;
  readonly port: number;
  readonly process?: string;
}

export interface ResolverFact {
  readonly nameservers: readonly Address[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

export interface NamespaceFacts {
  /** The bundle folder it was read from, without a trailing slash. */
  readonly path: string;
  readonly links: Known<readonly LinkFact[]>;
  readonly addresses: Known<readonly AddressFact[]>;
  readonly rules: Readonly<Record<Family, Known<readonly RuleFact[]>>>;
  readonly routes: Readonly<Record<Family, Known<readonly RouteFact[]>>>;
  readonly neighbors: Known<readonly NeighborFact[]>;
  readonly fdb: Known<readonly FdbFact[]>;
  readonly sysctls: Known<ReadonlyMap<string, SysctlFact>>;
  readonly sockets: Known<readonly SocketFact[]>;
  readonly resolver: Known<ResolverFact>;
  readonly hosts: Known<ReadonlyMap<string, readonly Address[]>>;
  /** The packet filter. Absent: nobody could have collected one (a namespace derived from the CNI's convention). */
  readonly filter?: FilterFacts;
  /** Programs taken to have written their chains anew (a change): their rules follow from the objects again. */
  readonly rewritten?: ReadonlySet<FilterProgramName>;
}
