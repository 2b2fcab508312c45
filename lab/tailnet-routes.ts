// The change of plan behind every fault where a tailnet route takes traffic: the subnet router advertises prefixes, and
// the named nodes are the ones that accept routes. In go the plan and the two choices, out comes the changed plan.
import { formatPrefix, makePrefix, parsePrefix } from '../src/core/net/prefix.ts';
import { findNode } from './plan.ts';
import type { LabPlan } from './planned.ts';

export interface TakenRoutes {
  readonly prefixes: readonly string[];
  /** All other nodes have accept-routes off. */
  readonly acceptedOn: readonly string[];
}

export function advertiseRoutes(plan: LabPlan, { prefixes, acceptedOn }: TakenRoutes): LabPlan {
  for (const name of acceptedOn) findNode(plan, name);
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

/** The /8 around an IPv4 prefix, or the prefix itself where it is as wide. */
export function widen(text: string): string {
  const prefix = parsePrefix(text);
  return prefix === undefined ? text : formatPrefix(makePrefix(prefix.address, Math.min(prefix.length, 8)));
}
