// What a routing lookup answers, and with which words it is asked. The engine behind it is route-lookup.ts.
import type { Missing } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { NexthopFact, RouteFact, RuleFact } from '../snapshot/namespace-facts.ts';

/** The flow key of the kernel's lookup (struct flowi4/flowi6), in our words. */
export interface RouteQuery {
  readonly to: Address;
  /** Absent: a local sender that has not bound (0.0.0.0 or ::). */
  readonly from?: Address;
  readonly mark: number;
  /** The device the packet came in by; absent for a local sender (the kernel's `iif lo`). */
  readonly inputLink?: string;
  /** The device a socket is bound to. */
  readonly outputLink?: string;
  readonly tos: number;
  /** IP protocol number. */
  readonly ipProtocol: number;
  readonly sourcePort?: number;
  readonly destinationPort?: number;
  /** Owner of the sending socket; 0 for forwarded packets. */
  readonly uid?: number;
}

/** One rule the lookup met, in order: what it did, and which route (if any) its table gave. */
export interface RuleStep {
  readonly rule: RuleFact;
  /** `skipped`: a nop, or a goto to a priority that no rule has. */
  readonly outcome:
    'no-match' | 'nothing-in-table' | 'throw' | 'suppressed' | 'skipped' | 'jumped' | 'decided';
  readonly route?: RouteFact;
}

/** What forwarding gets: a route with the nexthops that are alive (more than one: the kernel picks by hash), an error, or not known. */
export type RouteAnswer =
  | {
      readonly kind: 'route';
      readonly rule: RuleFact;
      readonly route: RouteFact;
      readonly nexthops: readonly NexthopFact[];
      readonly steps: readonly RuleStep[];
    }
  | {
      /** ENETUNREACH, EHOSTUNREACH, EACCES, EINVAL; `blackhole` is the silent EINVAL of a blackhole rule or route. */
      readonly kind: 'error';
      readonly error: 'net-unreachable' | 'host-unreachable' | 'prohibited' | 'blackhole';
      readonly rule?: RuleFact;
      readonly route?: RouteFact;
      readonly steps: readonly RuleStep[];
    }
  | {
      /** A fact that decides is missing, or a rule or route cannot be interpreted. */
      readonly kind: 'unknown';
      readonly missing?: Missing;
      readonly opaque?: string;
      readonly steps: readonly RuleStep[];
    };
