// Routing lookups: one flow with every rule it met, or many flows without allocating anything.
// In: a namespace and a query (or a FlowKey filled in again and again). Out: a RouteAnswer (or the number of the deciding
// route). This is the kernel's fib_lookup alone: what a local sender's address check, a bound device without a route or a
// received packet's source validation add to it is in route-output.ts and route-input.ts.
import type { Family } from '../net/address.ts';
import { familyOf } from '../net/address.ts';
import { compileRouting } from '../model/compile-routing.ts';
import type { Namespace } from '../model/network.ts';
import type { Routing, RoutingTable } from '../model/routing.ts';
import type { RouteFact } from '../snapshot/namespace-facts.ts';
import { createFlatLookup } from './flat-lookup.ts';
import { makeFlowKey } from './flow-key.ts';
import type { FlowKey } from './flow-key.ts';
import type { RouteAnswer, RouteQuery, RuleStep } from './lookup.ts';
import { decideFlow, makeDecision, outcomes, routeOf } from './route-decision.ts';
import type { Decision } from './route-decision.ts';
import { listNexthops } from './usable-nexthops.ts';

export function lookupRoute(namespace: Namespace, query: RouteQuery): RouteAnswer {
  const routing = compileRouting(namespace.facts, familyOf(query.to));
  return lookupFlow(routing, makeFlowKey(query, routing.loopback));
}

/** The same for a flow that is already in numbers. */
export function lookupFlow(routing: Routing, flow: FlowKey): RouteAnswer {
  const decision = makeDecision();
  const steps: RuleStep[] = [];
  decideFlow(routing, flow, decision, steps);
  return explainDecision(routing, flow, decision, steps);
}

function explainDecision(
  routing: Routing,
  flow: FlowKey,
  decision: Decision,
  steps: readonly RuleStep[],
): RouteAnswer {
  const rule = decision.rule?.fact;
  const route = routeOf(decision);
  const cited = { ...(rule === undefined ? {} : { rule }), ...(route === undefined ? {} : { route }) };
  switch (decision.outcome) {
    case outcomes.netUnreachable:
      return { kind: 'error', error: 'net-unreachable', ...cited, steps };
    case outcomes.hostUnreachable:
      return { kind: 'error', error: 'host-unreachable', ...cited, steps };
    case outcomes.prohibited:
      return { kind: 'error', error: 'prohibited', ...cited, steps };
    case outcomes.blackhole:
      return { kind: 'error', error: 'blackhole', ...cited, steps };
    case outcomes.found: {
      if (rule === undefined || route === undefined || decision.table === undefined) break;
      const found = listNexthops(routing, decision.table, decision.candidate, flow);
      if (found.missing !== undefined) return { kind: 'unknown', missing: found.missing, steps };
      return { kind: 'route', rule, route, nexthops: found.nexthops, steps };
    }
  }
  return {
    kind: 'unknown',
    ...(decision.missing === undefined ? {} : { missing: decision.missing }),
    ...(decision.opaque === undefined ? {} : { opaque: decision.opaque }),
    steps,
  };
}

/** What a bulk lookup answers when no route decided; a route's number is zero or more. */
export const batchErrors = {
  netUnreachable: -1,
  hostUnreachable: -2,
  prohibited: -3,
  blackhole: -4,
  unknown: -5,
} as const;

export interface BatchLookup {
  /** What the numbers mean. */
  readonly routes: readonly RouteFact[];
  /** The number of the route that is the result, or one of batchErrors. Nothing is kept of the flow. */
  readonly lookup: (flow: FlowKey) => number;
}

export function createBatchLookup(namespace: Namespace, family: Family): BatchLookup {
  const routing = compileRouting(namespace.facts, family);
  const bases = new Map<RoutingTable | undefined, number>();
  const routes: RouteFact[] = [];
  for (const table of routing.tables.values()) {
    bases.set(table, routes.length);
    for (const route of table.routes) routes.push(route);
  }
  const baseOfRule = Int32Array.from(routing.rules, (rule) => bases.get(rule.table) ?? 0);
  const decision = makeDecision();
  const decide = (flow: FlowKey): number => {
    decideFlow(routing, flow, decision, undefined);
    if (decision.outcome !== outcomes.found || decision.rule === undefined) return -decision.outcome;
    return (baseOfRule[decision.rule.position] as number) + decision.candidate;
  };
  return { routes, lookup: createFlatLookup(routing, decide) };
}
