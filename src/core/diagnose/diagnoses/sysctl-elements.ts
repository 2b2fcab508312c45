// The observed value of each switch that a cause sets, as an element with its evidence.
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import type { World } from '../world.ts';

/** Empty unless every change of the group sets such a switch. */
export function sysctlElements(
  group: CauseGroup,
  world: World,
  fits: (key: string) => boolean,
): readonly CauseElement[] {
  const settings = group.changes.flatMap((change) =>
    change.kind === 'set-sysctl' && fits(change.key) ? [change] : [],
  );
  if (settings.length !== group.changes.length) return [];
  return settings.map((change) => {
    const sysctls = world.network.namespaces.get(change.namespace)?.facts.sysctls;
    const fact = sysctls?.known === true ? sysctls.value.get(change.key) : undefined;
    const text = `${change.key} = ${fact?.value ?? change.was ?? '?'}`;
    const path = sysctls?.known === true ? sysctls.evidence.path : 'sysctl.txt';
    return {
      kind: 'sysctl',
      in: change.namespace,
      text,
      evidence: { ...(fact?.evidence ?? { path }), quote: text },
    };
  });
}
