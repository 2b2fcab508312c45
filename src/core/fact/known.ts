// A fact is a value or the reason it is missing. Nothing in waylaid may read a missing fact as an empty one,
// so there is no way to get at `value` without having asked `known` first.
import type { Evidence } from './evidence.ts';

/** Why a fact is missing. The first is the default for a file that nobody listed; the rest are the manifest's problems. */
export type MissingReason =
  | 'not-collected'
  | 'forbidden'
  | 'absent'
  | 'not-installed'
  | 'timed-out'
  | 'unreachable'
  | 'failed'
  | 'truncated'
  | 'unparseable';

export interface Missing {
  readonly known: false;
  readonly reason: MissingReason;
  /** The file that would hold the fact. */
  readonly path: string;
  /** One sentence more, where there is something to say: the position of the damage, what the command printed. */
  readonly detail?: string;
  /** The command that would settle it, as argv. */
  readonly command?: readonly string[];
}

export interface Present<T> {
  readonly known: true;
  readonly value: T;
  readonly evidence: Evidence;
}

export type Known<T> = Present<T> | Missing;

export function present<T>(value: T, evidence: Evidence): Present<T> {
  return { known: true, value, evidence };
}

export function missing(reason: MissingReason, path: string, detail?: string): Missing {
  return detail === undefined ? { known: false, reason, path } : { known: false, reason, path, detail };
}

/** The same fact with another value; a missing one stays missing, for the same reason. */
export function mapKnown<T, U>(fact: Known<T>, change: (value: T) => U): Known<U> {
  return fact.known ? present(change(fact.value), fact.evidence) : fact;
}
