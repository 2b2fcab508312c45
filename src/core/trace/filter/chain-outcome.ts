// What one base chain can do with a packet. More than one outcome where a rule draws, or where nobody knows whether it
// matches: then each outcome carries the doubt it depends on, with the side it takes.
import type { Missing } from '../../fact/known.ts';
import type { FilterRule } from '../../snapshot/filter-facts.ts';
import type { Address } from '../../net/address.ts';
import type { ProgramChain } from '../../model/filter-program.ts';

/** A rule that the packet matched and that did something, in the order they were met. */
export interface Decider {
  /** The chain that holds the rule, in its table. */
  readonly place: ProgramChain;
  /** Absent: the base chain's policy decided. */
  readonly rule?: FilterRule;
  /** What it did, in a few words: `jumps to KUBE-SVC-X`, `drops`, `mark 0x4000`. */
  readonly did: string;
  /** False for what only leads somewhere (a jump that returned): it is support, and seldom the cause. */
  readonly isFinal: boolean;
}

/** What nobody knows, and one answer to it. Outcomes of the same question share its id. */
export interface Doubt {
  /** `PATH AT`: the rule's place. */
  readonly id: string;
  /** A question for the user: `does "-m bpf …" match the packet?` */
  readonly question: string;
  readonly side: 'matches' | 'does not match';
  /** The fact that would settle it, where one would. */
  readonly missing?: Missing;
}

export interface NatChoice {
  readonly type: 'snat' | 'dnat' | 'masquerade' | 'redirect';
  readonly address?: Address;
  readonly port?: number;
  /** The port is one of a range; which one nobody can say. */
  readonly ports?: { readonly from: number; readonly to: number };
}

export type ChainVerdict =
  /** `isTproxy`: handed to a socket of this machine. */
  | { readonly kind: 'accept' | 'drop'; readonly isTproxy?: true }
  | { readonly kind: 'reject'; readonly with: string }
  /** A statement was not understood; what happens from here on is unknown. */
  | { readonly kind: 'unknown'; readonly question: string };

export interface ChainOutcome {
  readonly verdict: ChainVerdict;
  readonly mark: number;
  readonly connectionMark: number;
  readonly isUntracked: boolean;
  /** What a nat chain decided for the connection. */
  readonly nat?: NatChoice;
  readonly clampMss?: number | 'path';
  readonly deciders: readonly Decider[];
  readonly doubts: readonly Doubt[];
  /** `the rate of "-m limit …" is not exceeded`. */
  readonly assumes: readonly string[];
}
