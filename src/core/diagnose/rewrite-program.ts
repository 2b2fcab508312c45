// The candidate that a program writes its chains again, as it would for the objects that the cluster has now.
import type { Candidate } from './candidate.ts';
import type { FilterProgramName } from '../snapshot/filter-place.ts';

/** Why a program's chains are not what they should be; the same fault on several machines is one cause. */
export type RewriteReason = 'missing' | 'stale' | 'masquerade' | 'accept';

export function rewriteProgram(
  namespace: string,
  program: FilterProgramName,
  reason: RewriteReason,
): Candidate {
  return {
    key: `rewrite-filter ${namespace} ${program}`,
    family: `rewrite-filter ${program} ${reason}`,
    rank: reason === 'stale' ? 9 : 8,
    changes: [{ kind: 'rewrite-filter', namespace, program }],
  };
}
