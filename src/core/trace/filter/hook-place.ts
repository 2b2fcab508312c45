// Where a packet is when it passes a hook, and what can become of it there.
import type { FilterProgram } from '../../model/filter-program.ts';
import type { Namespace, Network } from '../../model/network.ts';
import type { FilterHook } from '../../snapshot/filter-facts.ts';
import type { Packet } from '../flow.ts';
import type { Step, WalkState } from '../walk.ts';

export type IpHook = Extract<FilterHook, 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting'>;

export interface HookPlace {
  readonly network: Network;
  readonly namespace: Namespace;
  readonly hook: IpHook;
  /** Absent: nobody collected one; what the cluster's programs would have written is assumed. */
  readonly program?: FilterProgram;
  readonly inputLink?: string;
  readonly outputLink?: string;
  /** The ports of a bridge, for what a bridge carried. */
  readonly physicalInput?: string;
  readonly physicalOutput?: string;
  readonly isBridged?: boolean;
  /** POSTROUTING: the next hop, which decides the address of a masquerade. */
  readonly nexthop?: Packet['destination'];
}

/** A packet on its way through a hook, or at its end there. */
export type HookResult =
  | {
      readonly kind: 'passed';
      readonly state: WalkState;
      /** OUTPUT: what decides the route was changed, so it is looked up again. */
      readonly isRerouted: boolean;
      /** The mark it was routed again with; one that a later chain sets comes too late for the route. */
      readonly routedMark?: number | undefined;
    }
  | { readonly kind: 'ended'; readonly step: Step };
