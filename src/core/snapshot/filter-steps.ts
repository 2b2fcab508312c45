// What one rule of a packet filter does, in the order it does it: the one vocabulary that iptables' and nftables' rules
// are read into (parse-filter-rule.ts) and that the trace evaluates. nftables lets matches and statements alternate, so a
// rule is a list of steps and not a condition with a target. Whatever is not understood is a step too, `opaque`, and
// never left out: a rule without one of its matches would match more than it does.
import type { FilterSetElement, FilterVerdict } from './filter-facts.ts';
import type { Address } from '../net/address.ts';

/** What a packet, its connection or its way has that a rule can look at. */
export type FilterField =
  | 'source'
  | 'destination'
  /** IP protocol number, of the transport header (`meta l4proto`, `-p`). */
  | 'protocol'
  /** 4 or 6 (`meta nfproto`). */
  | 'family'
  | 'source-port'
  | 'destination-port'
  /** Either of the two (multiport's `--ports`). */
  | 'any-port'
  /** Device names. Without a device (input of a local packet) the name is empty, which no name and no pattern equals. */
  | 'input-link'
  | 'output-link'
  /** The bridge's port (physdev; `meta ibrname` is input-bridge). Absent for what no bridge carried. */
  | 'physical-input'
  | 'physical-output'
  /** 1 where a bridge forwards the packet from port to port (`--physdev-is-bridged`), else 0. */
  | 'is-bridged'
  | 'mark'
  | 'connection-mark'
  /** Names: invalid, new, established, related, untracked; and snat, dnat, which iptables lists with them. */
  | 'connection-state'
  /** Names: snat, dnat, expected, seen-reply, assured, confirmed. */
  | 'connection-status'
  /** original or reply. */
  | 'connection-direction'
  | 'original-source'
  | 'original-destination'
  | 'original-source-port'
  | 'original-destination-port'
  | 'original-protocol'
  | 'reply-source'
  | 'reply-destination'
  | 'reply-source-port'
  | 'reply-destination-port'
  | 'icmp-type'
  | 'icmp-code'
  /** The flags byte: fin 1, syn 2, rst 4, psh 8, ack 16, urg 32. */
  | 'tcp-flags'
  /** Bytes of the IP packet. */
  | 'length'
  | 'ttl'
  | 'dscp'
  /** Names: unicast, broadcast, multicast, host… of the frame (`meta pkttype`). */
  | 'packet-type'
  /** Names of route types (`fib daddr type`, addrtype): local, unicast, broadcast, multicast, blackhole… */
  | 'source-type'
  | 'destination-type'
  /** The device that a route to the source address leads to (`fib saddr … oif`), empty where none does. */
  | 'source-route-link'
  | 'destination-route-link'
  /** A draw or a hash below `modulus`: each outcome is possible. */
  | 'random'
  /** The user of the socket that sends; only a local sender has one. */
  | 'user';

export interface FilterKey {
  readonly field: FilterField;
  /** The value is combined with it by AND before it is compared. */
  readonly mask?: number;
  /** Of `random`. */
  readonly modulus?: number;
  /** Of the type and route fields: which device limits the lookup (`fib … . iif`, `--limit-iface-in`). */
  readonly lookupLink?: 'input' | 'output';
  /** …and whether the packet's mark takes part in it (`fib … . mark`, rpfilter's --validmark). */
  readonly isMarkUsed?: boolean;
}

/** What keys are compared with: values written in the rule, or a named set of the same table. */
export type FilterValues =
  | { readonly kind: 'elements'; readonly elements: readonly FilterSetElement[] }
  | { readonly kind: 'named'; readonly set: string };

/** A new mark: `(target & keep) ^ ((from & fromMask) ^ xor)`, where `from` is absent for a constant. */
export interface MarkEdit {
  readonly keep: number;
  readonly from?: 'mark' | 'connection-mark';
  readonly fromMask?: number;
  readonly xor: number;
}

export interface NatRange {
  readonly addresses?: { readonly from: Address; readonly to: Address };
  readonly ports?: { readonly from: number; readonly to: number };
}

export type FilterStep =
  | {
      /** All keys together are (or are not) among the values. */
      readonly kind: 'match';
      readonly keys: readonly FilterKey[];
      readonly isNegated: boolean;
      readonly values: FilterValues;
      /** As written. */
      readonly text: string;
    }
  | {
      /** `-m set --match-set NAME src,dst`: which components the set has is the set's own type. */
      readonly kind: 'ipset';
      readonly set: string;
      readonly directions: readonly ('src' | 'dst')[];
      readonly isNegated: boolean;
      readonly text: string;
    }
  /** Matches by chance (`-m statistic`): both outcomes happen. `isAlways`, `isNever`: a probability of 1 or 0. */
  | {
      readonly kind: 'chance';
      readonly text: string;
      readonly isAlways?: boolean;
      readonly isNever?: boolean;
    }
  /** Matches as long as a rate is kept (`isOver`: once it is exceeded); a single packet keeps it. */
  | { readonly kind: 'rate'; readonly isOver: boolean; readonly text: string }
  /**
   * Matches only what earlier packets left in a list of the kernel's (`-m recent --rcheck`); a sender that is new is not in
   * it.
   */
  | { readonly kind: 'memory'; readonly isNegated: boolean; readonly text: string }
  /** Whether it matches depends on what was not observed: other packets, a socket, a program. */
  | { readonly kind: 'opaque-match'; readonly text: string; readonly why: string }
  | { readonly kind: 'verdict'; readonly verdict: FilterVerdict }
  /** `… vmap …`: the verdict that stands under the keys; none there: the rule ends, the next one follows. */
  | {
      readonly kind: 'verdict-map';
      readonly keys: readonly FilterKey[];
      readonly values: FilterValues;
      readonly text: string;
    }
  | { readonly kind: 'set-mark'; readonly target: 'mark' | 'connection-mark'; readonly edit: MarkEdit }
  | {
      readonly kind: 'nat';
      readonly type: 'snat' | 'dnat' | 'masquerade' | 'redirect';
      /** One of them is taken (each is possible); none for masquerade and redirect without ports. */
      readonly range: NatRange;
      /** `dnat to … map …`: the target stands under the keys, address first, then the port where there is one. */
      readonly map?: { readonly keys: readonly FilterKey[]; readonly values: FilterValues };
      readonly text: string;
    }
  | {
      readonly kind: 'netmap';
      /** `by-hook`: iptables' NETMAP is dnat in prerouting and output, snat in input and postrouting. */
      readonly type: 'snat' | 'dnat' | 'by-hook';
      readonly range: NatRange;
      readonly text: string;
    }
  /** The packet is handed to a socket of this machine. */
  | {
      readonly kind: 'tproxy';
      readonly text: string;
      readonly port?: number;
      readonly address?: Address;
      readonly mark?: MarkEdit;
    }
  /** NOTRACK: no connection, and no translation. */
  | { readonly kind: 'untrack' }
  /** TCPMSS: what a later SYN announces at most; `path` is --clamp-mss-to-pmtu. */
  | { readonly kind: 'clamp-mss'; readonly bytes: number | 'path' }
  /** Changes nothing that decides where a packet goes: counter, LOG, NFLOG, comment, CHECKSUM, set updates. */
  | { readonly kind: 'note'; readonly text: string }
  /** Does something that is not understood: a packet that gets here is unknown from here on. */
  | { readonly kind: 'opaque'; readonly text: string; readonly why: string };

/** A rule, read: `comment` where its author gave one. */
export interface RuleBody {
  readonly steps: readonly FilterStep[];
  readonly comment?: string;
}
