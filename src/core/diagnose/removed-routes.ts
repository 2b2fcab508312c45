// What the diagnoses about a route that takes traffic have in common: the routes themselves (with their siblings of the
// same origin) as elements, and what they take in words.
import type { CauseElement } from './diagnosis.ts';
import { joinWords } from './name-cause.ts';
import { findAdvertisers, findSiblings, takenBy } from './route-targets.ts';
import type { Advertiser, Taken } from './route-targets.ts';
import type { World } from './world.ts';
import { isPodAddress, isServiceAddress } from '../model/cluster-network.ts';
import { formatPrefix } from '../net/prefix.ts';
import { findTailnetLinks } from '../snapshot/find-tailnet-links.ts';
import { formatRoute } from '../snapshot/format-routing.ts';
import type { Change } from '../snapshot/change.ts';
import type { RouteFact } from '../snapshot/namespace-facts.ts';

export interface RemovedRoute {
  readonly namespace: string;
  readonly route: RouteFact;
}

/** The routes whose removal heals, as observed, with the others of the same origin beside them. */
export function listRemovedRoutes(changes: readonly Change[], world: World): readonly RemovedRoute[] {
  const found = new Map<string, RemovedRoute>();
  for (const change of changes) {
    if (change.kind !== 'remove-route') return [];
    const { namespace } = change;
    const observed = observe(world, namespace, formatRoute(change.route), change.route.family);
    for (const route of [...observed, ...findSiblings(world.network, namespace, change.route)]) {
      found.set(`${namespace} ${formatRoute(route)}`, { namespace, route });
    }
  }
  return [...found.values()];
}

function observe(world: World, namespace: string, text: string, family: 4 | 6): readonly RouteFact[] {
  const known = world.network.namespaces.get(namespace)?.facts.routes[family];
  return known?.known === true ? known.value.filter((route) => formatRoute(route) === text) : [];
}

export function routeElements(routes: readonly RemovedRoute[]): readonly CauseElement[] {
  return routes.map(({ namespace, route }) => ({
    kind: 'route',
    in: namespace,
    text: formatRoute(route),
    evidence: { ...route.evidence, quote: formatRoute(route) },
  }));
}

export function linkOf(routes: readonly RemovedRoute[]): string {
  return routes[0]?.route.nexthops[0]?.link ?? '';
}

export function kindTaken(routes: readonly RemovedRoute[], world: World): Taken['kind'] {
  const first = routes[0];
  return first === undefined ? 'other' : takenBy(world.network, first.route).kind;
}

/** Whether they all lead into the tailnet. */
export function areTailnetRoutes(routes: readonly RemovedRoute[], world: World): boolean {
  return (
    routes.length > 0 &&
    routes.every(({ namespace, route }) => {
      const machine = world.network.machines.get(namespace);
      const link = route.nexthops[0]?.link;
      return machine !== undefined && link !== undefined && findTailnetLinks(machine.facts).has(link);
    })
  );
}

/** `pod`, `service`, or `pod and service`. */
export function wordsTaken(routes: readonly RemovedRoute[], world: World): string {
  const { network } = world;
  const prefixes = routes.flatMap(({ route }) => takenBy(network, route).prefixes);
  const pods = prefixes.some((prefix) => isPodAddress(network.clusterNetwork, prefix.address));
  const services = prefixes.some((prefix) => isServiceAddress(network.clusterNetwork, prefix.address));
  return joinWords([...(pods ? ['pod'] : []), ...(services ? ['service'] : [])]);
}

export function destinationsOf(routes: readonly RemovedRoute[]): string {
  return joinWords(routes.map(({ route }) => formatPrefix(route.destination)));
}

export function advertisersOf(routes: readonly RemovedRoute[], world: World): readonly Advertiser[] {
  const all = routes.flatMap(({ namespace, route }) =>
    findAdvertisers(world.network, namespace, route.destination),
  );
  return [...new Map(all.map((advertiser) => [advertiser.subject, advertiser])).values()];
}

export function describeOrigin(advertisers: readonly Advertiser[]): string | undefined {
  if (advertisers.length === 0) return undefined;
  const names = advertisers.map(({ name, address }) =>
    address === undefined ? name : `${name} (${address})`,
  );
  return `advertised by ${joinWords(names)}, accepted here since accept-routes is on`;
}
