// The change of plan behind every fault where a tailnet route takes traffic: the subnet router advertises prefixes, and
// the named nodes are the ones that accept routes. In go the plan and the two choices, out comes the changed plan.
import type { LabPlan } from './plan.ts';

export interface TakenRoutes {
  readonly prefixes: readonly string[];
  /** All other nodes have accept-routes off. */
  readonly acceptedOn: readonly string[];
}

export function advertiseRoutes(plan: LabPlan, { prefixes, acceptedOn }: TakenRoutes): LabPlan {
  const hosts = new Set(plan.hosts.map((host) => host.name));
  return {
    ...plan,
    tailnet: plan.tailnet.map((member) =>
      hosts.has(member.machine)
        ? { ...member, advertiseRoutes: [...member.advertiseRoutes, ...prefixes] }
        : { ...member, acceptRoutes: acceptedOn.includes(member.machine) },
    ),
  };
}
