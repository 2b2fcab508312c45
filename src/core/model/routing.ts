// The rules and routes of one family of one namespace in the form that lookups walk: numbers in typed arrays, the facts
// beside them for whoever needs to cite. compile-routing.ts makes it; trace/route-decision.ts walks it.
import type { Missing } from '../fact/known.ts';
import type { Family } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import type { PrefixTable } from '../net/prefix-table.ts';
import type { LinkFact, RouteFact, RuleFact } from '../snapshot/namespace-facts.ts';

/** Which selectors a rule has; a rule with none matches every packet. */
export const ruleSelectors = {
  from: 1,
  to: 2,
  inputLink: 4,
  outputLink: 8,
  mark: 16,
  tos: 32,
  dscp: 64,
  protocol: 128,
  sourcePorts: 256,
  destinationPorts: 512,
  uids: 1024,
  /** Something that cannot be evaluated from what was collected. */
  opaque: 2048,
  inverted: 4096,
  /** Something that no packet here has: traffic of a VRF where there is none. */
  never: 8192,
} as const;

export interface RoutingRule {
  readonly fact: RuleFact;
  /** Its number among the rules. */
  readonly position: number;
  /** A sum of ruleSelectors. */
  readonly selectors: number;
  readonly from: PrefixWords;
  readonly to: PrefixWords;
  readonly mark: number;
  readonly markMask: number;
  readonly tos: number;
  readonly dscp: number;
  readonly protocol: number;
  /** `lookup`'s table; undefined where the table has no routes. */
  readonly table: RoutingTable | undefined;
  /** The number of the rule that a resolved goto leads to. */
  readonly target: number;
  /** -1 where nothing is suppressed. */
  readonly suppressLength: number;
  readonly suppressGroup: string | undefined;
}

/** A prefix as value and mask words (the last word alone for IPv4). */
export interface PrefixWords {
  readonly values: Int32Array;
  readonly masks: Int32Array;
}

/** What a candidate route does to a lookup that reaches it. */
export const candidateKinds = {
  /** A result, and every nexthop is usable. */
  plain: 0,
  /** A result if one of its nexthops is usable. */
  conditional: 1,
  throw: 2,
  unreachable: 3,
  prohibit: 4,
  blackhole: 5,
  opaque: 6,
} as const;

export type NexthopState = 'usable' | 'dead' | Missing;

export interface RoutingTable {
  readonly name: string;
  /** Candidates: grouped by prefix, and within a group in the order the kernel considers them. */
  readonly routes: readonly RouteFact[];
  /** Answers with a prefix number. */
  readonly prefixes: PrefixTable;
  /** By prefix number: its first group (IPv6 has one for each source prefix, longest first). */
  readonly firstGroup: Int32Array;
  /** By group: its first candidate; one entry more than groups. */
  readonly groupStart: Int32Array;
  /** By group: the group to try when this one has no answer, or -1. */
  readonly groupNext: Int32Array;
  /** By group: the length of its prefix. */
  readonly groupLength: Uint8Array;
  /** By group: the source prefix it is for; absent where the table has none such. */
  readonly groupSource: readonly (Prefix | undefined)[] | undefined;
  /** By candidate. */
  readonly kinds: Uint8Array;
  readonly tos: Uint8Array;
  readonly metrics: Uint32Array;
  /** By candidate, for the conditional ones: the state of each nexthop. */
  readonly nexthopStates: ReadonlyMap<number, readonly NexthopState[]>;
}

/** Whether IPv6 lookups pass over routes whose gateway is known not to answer (Linux does while it does not forward). */
export type GatewayReachability =
  | { readonly kind: 'ignored' }
  | { readonly kind: 'considered'; readonly failed: ReadonlySet<string> }
  | { readonly kind: 'unknown'; readonly missing: Missing };

export interface Routing {
  readonly family: Family;
  readonly rules: readonly RoutingRule[];
  readonly missingRules: Missing | undefined;
  readonly missingRoutes: Missing | undefined;
  readonly tables: ReadonlyMap<string, RoutingTable>;
  /**
   * IPv4, where only the three default rules exist and one merged local and main table would answer differently from
   * two: the merged table. Which of the two the kernel has depends on whether a rule was ever added.
   */
  readonly merged: RoutingTable | undefined;
  readonly reachability: GatewayReachability;
  readonly links: ReadonlyMap<string, LinkFact> | Missing;
  /**
   * Whether the protocol and ports of received packets are looked at: only while a rule other than those for `iif lo` has
   * such a selector (fib_rule_requires_fldissect, Linux 6.12). Else they count as 0 when a source is checked.
   */
  readonly readsTransport: boolean;
  /** The loopback device's name: local senders' packets count as coming in by it. */
  readonly loopback: string;
}

/** How a gateway is named in `GatewayReachability`. */
export function gatewayKey(link: string, gateway: string): string {
  return `${link} ${gateway}`;
}
