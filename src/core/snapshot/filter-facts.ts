// What was observed of a namespace's packet filter: tables, chains and rules of iptables (either back end) and of
// nftables, sets, and the connections that the kernel tracks. A rule keeps how it was written; what it means is read
// when a packet reaches its chain (parse-filter-rule.ts), because a node has hundreds of thousands of rules and a flow
// meets a few dozen of them.
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { Address, Family } from '../net/address.ts';
import type { Json } from './json.ts';

export type FilterFamily = 'ip' | 'ip6' | 'inet' | 'bridge' | 'arp' | 'netdev';

export type FilterHook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting' | 'ingress' | 'egress';

/** Which interface of the kernel holds the table: xt tables, or nf_tables (by iptables-nft or natively). */
export type FilterOrigin = 'iptables-legacy' | 'iptables-nft' | 'nftables';

export interface BaseChain {
  readonly hook: FilterHook;
  /** `route` routes the packet again when it changed (nftables; iptables' mangle OUTPUT does the same). */
  readonly type: 'filter' | 'nat' | 'route';
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
  /** Of netdev chains. */
  readonly links?: readonly string[];
}

export interface FilterRule {
  /** Where in the dump's file: `L123`, or a JSON pointer. */
  readonly at: string;
  readonly source:
    /** One `-A` line, without its counters and without `-A CHAIN`. */
    | { readonly syntax: 'iptables'; readonly text: string }
    /** The rule's `expr` array. */
    | { readonly syntax: 'nft-json'; readonly statements: readonly Json[] }
    /** One line of `nft list ruleset`, without ` # handle N`. */
    | { readonly syntax: 'nft-text'; readonly text: string };
  /** Packets counted, where the dump has counters. */
  readonly packets?: number;
  /** nftables' handle, where it was printed: what `nft delete rule` asks for. */
  readonly handle?: number;
}

export interface FilterChain {
  readonly name: string;
  readonly at: string;
  readonly base?: BaseChain;
  /** Packets that met the policy of a base chain, where the dump has counters. */
  readonly policyPackets?: number;
  readonly rules: readonly FilterRule[];
}

/** One component of a set's key or data: a number (port, mark, protocol), an address, or a name (device, state). */
export type FilterValue =
  | { readonly kind: 'number'; readonly from: number; readonly to: number }
  | { readonly kind: 'address'; readonly from: Address; readonly to: Address }
  /** `isPrefix`: `tailscale*` in nftables, `tailscale+` in iptables. */
  | { readonly kind: 'name'; readonly name: string; readonly isPrefix: boolean };

export interface FilterSetElement {
  /** One value per component of the key. */
  readonly key: readonly FilterValue[];
  /** Of a verdict map. */
  readonly verdict?: FilterVerdict;
  /** Of another map. */
  readonly data?: readonly FilterValue[];
  /** ipset's `nomatch`: an exception from a wider element. */
  readonly isException?: boolean;
}

/** A named set or map of nftables. */
export interface FilterSet {
  readonly name: string;
  readonly at: string;
  /** nftables' type names of the key's components: `ipv4_addr`, `inet_service`, `ifname`, `mark`… */
  readonly keyTypes: readonly string[];
  /** Filled by rules while packets pass; what it holds changes. */
  readonly isDynamic: boolean;
  readonly elements: readonly FilterSetElement[];
  /** Set where an element was not understood, as written: what is looked up here and not found is unknown. */
  readonly opaque?: string;
}

export interface FilterTable {
  readonly family: FilterFamily;
  readonly name: string;
  readonly origin: FilterOrigin;
  readonly at: string;
  /** nftables: a table that is there and switched off. */
  readonly isDormant: boolean;
  readonly chains: ReadonlyMap<string, FilterChain>;
  readonly sets: ReadonlyMap<string, FilterSet>;
}

/** What one command printed. */
export interface FilterDump {
  readonly path: string;
  readonly tables: readonly FilterTable[];
  /** Tables that exist and that the command could not print: iptables' names, of a native nftables ruleset. */
  readonly unprinted?: readonly string[];
}

/** One set of `ipset save`. */
export interface IpsetFact {
  readonly evidence: Evidence;
  readonly name: string;
  /** `hash:ip`, `hash:net`, `hash:ip,port`, `bitmap:port`, `list:set`… */
  readonly type: string;
  readonly family: Family;
  /** As written after `add NAME`, options apart. */
  readonly members: readonly IpsetMember[];
  /** Set where the set compares in a way that its members do not show, as written: no lookup in it is known. */
  readonly opaque?: string;
}

export interface IpsetMember {
  readonly text: string;
  readonly isException: boolean;
}

export interface ConnectionTuple {
  readonly source: Address;
  readonly destination: Address;
  /** 0 for protocols without ports. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

/** One line of `conntrack -L -o extended`. */
export interface ConnectionFact {
  readonly evidence: Evidence;
  /** IP protocol number. */
  readonly protocol: number;
  readonly original: ConnectionTuple;
  readonly reply: ConnectionTuple;
  /** TCP's state: SYN_SENT, ESTABLISHED… */
  readonly state?: string;
  readonly isReplied: boolean;
  readonly isAssured: boolean;
  readonly mark: number;
  readonly timeoutSeconds?: number;
  /** Of entries outside zone 0: only packets that a rule put into the zone meet them. */
  readonly zone?: number;
}

/** The packet filter of a namespace, dump by dump: each is known or missing for itself. */
export interface FilterFacts {
  /** `iptables-save` and `ip6tables-save`: the host's default back end; the tables say which it was. */
  readonly byDefault: Readonly<Record<Family, Known<FilterDump>>>;
  readonly legacy: Readonly<Record<Family, Known<FilterDump>>>;
  readonly nft: Readonly<Record<Family, Known<FilterDump>>>;
  /** `nft list ruleset`, of both families at once. */
  readonly nftables: Known<FilterDump>;
  readonly ipsets: Known<ReadonlyMap<string, IpsetFact>>;
  readonly connections: Known<readonly ConnectionFact[]>;
}

export type FilterVerdict =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'continue' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  /** `with`: icmp-port-unreachable, icmp-host-prohibited, tcp-reset… as iptables spells them. */
  | { readonly kind: 'reject'; readonly with: string };
