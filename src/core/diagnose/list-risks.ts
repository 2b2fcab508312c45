// What works today and will break: routes of a tunnel that cover cluster addresses without taking a packet yet. Where a
// flow through the machine is unknown, or fails for a reason that was not found, or where not every flow that should work
// could be asked, nobody can say that they take none.
import type { JudgedIntent, Risk, RootCause } from './diagnosis.ts';
import { findAdvertisers, takenBy } from './route-targets.ts';
import type { World } from './world.ts';
import { isTunnelDevice } from './tunnel-device.ts';
import type { Evidence } from '../fact/evidence.ts';
import { isServiceAddress } from '../model/cluster-network.ts';
import { formatPrefix } from '../net/prefix.ts';
import { formatRoute } from '../snapshot/format-routing.ts';
import type { RouteFact } from '../snapshot/namespace-facts.ts';
import type { Disposition, Journey } from '../trace/flow.ts';

export function listRisks(
  world: World,
  causes: readonly RootCause[],
  judged: readonly JudgedIntent[],
): readonly Risk[] {
  const { nodes, pods, services } = world.network.cluster;
  if (![nodes, pods, services].every((list) => list.known)) return [];
  const doubtful = listDoubtfulMachines(world, causes, judged);
  const blamed = new Set(
    causes.flatMap((cause) => cause.elements.map((element) => `${element.in} ${element.text}`)),
  );
  const risks = new Map<
    string,
    { readonly route: RouteFact; readonly nodes: string[]; readonly evidence: Evidence[] }
  >();
  for (const id of world.network.machines.keys()) {
    if (!id.startsWith('node/') || doubtful.has(id)) continue;
    for (const route of overlappingRoutes(world, id)) {
      const text = formatRoute(route);
      if (blamed.has(`${id} ${text}`)) continue;
      const risk = risks.get(text) ?? { route, nodes: [], evidence: [] };
      risk.nodes.push(id);
      risk.evidence.push({ ...route.evidence, quote: text });
      risks.set(text, risk);
    }
  }
  return [...risks.values()].map((risk) => describeRisk(world, risk));
}

/** Machines that a flow meets which is unknown, or fails and was not explained. */
function listDoubtfulMachines(
  world: World,
  causes: readonly RootCause[],
  judged: readonly JudgedIntent[],
): ReadonlySet<string> {
  const explained = new Set(causes.flatMap((cause) => cause.breaks));
  const open = judged.filter(({ intent, trace }) => trace.verdict !== 'arrives' && !explained.has(intent.id));
  const met = open.flatMap(({ intent, trace }) => [intent.flow.from, ...trace.journeys.flatMap(placesOf)]);
  return new Set(met.flatMap((id) => world.network.namespaces.get(id)?.machine ?? []));
}

function placesOf(journey: Journey): readonly string[] {
  const nested = journey.hops.flatMap((hop) => (hop.nested === undefined ? [] : placesOf(hop.nested)));
  return [
    ...journey.hops.map((hop) => hop.at),
    ...nested,
    placeOfEnd(journey.end),
    ...(journey.replies ?? []).flatMap(placesOf),
  ];
}

function placeOfEnd(end: Disposition): string {
  if (end.kind === 'delivered') return end.to;
  return end.kind === 'refused' ? end.by : end.at;
}

/** Routes by a tunnel, in a table of their own, for cluster addresses: exactly the cluster's prefixes or wider. */
function overlappingRoutes(world: World, id: string): readonly RouteFact[] {
  const facts = world.network.namespaces.get(id)?.facts;
  const known =
    facts === undefined
      ? []
      : ([4, 6] as const).flatMap((family) => (facts.routes[family].known ? facts.routes[family].value : []));
  return known.filter((route) => {
    const link = route.nexthops[0]?.link;
    if (
      route.type !== 'unicast' ||
      route.table === 'local' ||
      route.destination.length === 0 ||
      link === undefined
    )
      return false;
    return isTunnelDevice(world, id, link) && takenBy(world.network, route).kind === 'cluster';
  });
}

function describeRisk(
  world: World,
  risk: {
    readonly route: RouteFact;
    readonly nodes: readonly string[];
    readonly evidence: readonly Evidence[];
  },
): Risk {
  const { route, nodes, evidence } = risk;
  const link = route.nexthops[0]?.link ?? '';
  const advertisers = nodes.flatMap((node) =>
    findAdvertisers(world.network, node, route.destination).map((one) => one.name),
  );
  const from = advertisers.length === 0 ? '' : ` (advertised by ${[...new Set(advertisers)].join(', ')})`;
  const isService = isServiceAddress(world.network.clusterNetwork, route.destination.address);
  const why = isService
    ? 'Service addresses are translated before they are routed, so it takes no packet as long as kube-proxy’s rules stand'
    : 'nothing that should work goes that way now';
  return {
    code: 'tunnel-route-covers-cluster-cidr',
    subjects: nodes,
    text: `${formatPrefix(route.destination)} dev ${link} stands in table ${route.table}${from}: ${why}.`,
    evidence,
  };
}
