// A candidate: one smallest edit that might heal a flow.
import type { Change } from '../snapshot/change.ts';

export interface Candidate {
  /** The same edit has the same key, wherever it is proposed from. */
  readonly key: string;
  /** The same edit on another machine has the same family: one cause with several subjects. */
  readonly family: string;
  /** Lower is nearer to the origin and less invasive. */
  readonly rank: number;
  readonly changes: readonly Change[];
}
