// Whether a cause is a verdict of somebody's packet filter: a rule that drops or rejects, or a policy that no rule came
// before. What the cluster's own programs, tailscaled and policies decide has diagnoses of its own.
import type { CauseGroup } from '../cause-group.ts';

const kinds: readonly string[] = [
  'remove-filter-rule',
  'insert-filter-rule',
  'set-filter-policy',
  // flannel's accepting rules, which are what a policy of DROP needs.
  'rewrite-filter flannel accept',
];

export function isVerdictCause(group: CauseGroup): boolean {
  return group.candidates.every(({ family }) =>
    kinds.some((kind) => family === kind || family.startsWith(`${kind} `)),
  );
}
