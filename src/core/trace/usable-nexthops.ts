// The nexthops of the route that decided, as far as they may carry the flow: alive, on the device it is bound to, through
// gateways that answer. In: a candidate and the flow. Out: nexthops, more than one where the kernel picks by a hash, and
// what is missing where their state is uncertain. A gateway that the kernel would not use is left out of its nexthop.
import type { Missing } from '../fact/known.ts';
import { familyOf } from '../net/address.ts';
import type { Routing, RoutingTable } from '../model/routing.ts';
import type { NexthopFact, RouteType } from '../snapshot/namespace-facts.ts';
import { makeFlowKey } from './flow-key.ts';
import type { FlowKey } from './flow-key.ts';
import { findCandidate, isEligible6 } from './table-lookup.ts';

/** The nexthops that may carry the flow, and what is missing where that is uncertain. */
export function listNexthops(
  routing: Routing,
  table: RoutingTable,
  candidate: number,
  flow: FlowKey,
): { readonly nexthops: readonly NexthopFact[]; readonly missing: Missing | undefined } {
  const states = table.nexthopStates.get(candidate);
  const failed = routing.reachability.kind === 'considered' ? routing.reachability.failed : undefined;
  let missing: Missing | undefined;
  const fits = (
    nexthop: NexthopFact,
    position: number,
    avoided: ReadonlySet<string> | undefined,
  ): boolean => {
    const state = states?.[position] ?? 'usable';
    if (state === 'dead') return false;
    const isFit =
      routing.family === 6
        ? isEligible6(nexthop, flow, avoided)
        : flow.outputLink === undefined || nexthop.link === flow.outputLink;
    if (isFit && typeof state === 'object') missing = state;
    return isFit;
  };
  const all = table.routes[candidate]?.nexthops ?? [];
  let nexthops = all.filter((nexthop, position) => fits(nexthop, position, failed));
  // Where every gateway failed, Linux looks again without regard to them.
  if (nexthops.length === 0 && failed !== undefined) {
    nexthops = all.filter((nexthop, position) => fits(nexthop, position, undefined));
  }
  if (routing.family === 6) return { nexthops, missing };
  const usable = flow.outputLink === undefined ? nexthops : nexthops.slice(0, 1);
  return { nexthops: usable.map((nexthop) => withoutOwnGateway(routing, table, nexthop)), missing };
}

/**
 * An IPv4 gateway that is an address of this namespace itself means: on-link (its nexthop has host scope, and Linux 6.12
 * rt_set_nexthop uses gateways of link scope only). A nexthop added with `onlink` keeps its gateway. The kernel looked
 * when the route was added, in the route's own table first (fib_check_nh_v4_gw); here it is what would be found now.
 */
function withoutOwnGateway(routing: Routing, table: RoutingTable, nexthop: NexthopFact): NexthopFact {
  const { gateway, link, weight, flags } = nexthop;
  if (gateway === undefined || flags.includes('onlink') || familyOf(gateway) !== 4) return nexthop;
  const query = {
    to: gateway,
    mark: 0,
    tos: 0,
    ipProtocol: 0,
    ...(link === undefined ? {} : { outputLink: link }),
  };
  const flow = makeFlowKey(query, routing.loopback);
  const asked = table.name === 'main' ? [routing.tables.get('local')] : [table, routing.tables.get('local')];
  const found = asked.map((each) => typeInTable(routing, each, flow)).find((type) => type !== undefined);
  if (found !== 'local') return nexthop;
  return link === undefined ? { weight, flags } : { link, weight, flags };
}

function typeInTable(
  routing: Routing,
  table: RoutingTable | undefined,
  flow: FlowKey,
): RouteType | undefined {
  if (table === undefined) return undefined;
  const candidate = findCandidate(routing, table, flow, { missing: undefined });
  const type = table.routes[candidate]?.type;
  return type === 'unicast' || type === 'local' ? type : undefined;
}
