// Symptom  Packets for some addresses vanish, or are answered with unreachable, on one machine.
// Cause    A blackhole, unreachable or prohibit route covers them.
// Known by Removing that route (and nothing else) makes the failing flows arrive.
// Repair   Remove the route at whoever adds it.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { destinationsOf, listRemovedRoutes, routeElements } from '../removed-routes.ts';

export const routeDropsTraffic: CatalogueEntry = {
  text: {
    code: 'route-drops-traffic',
    layer: 'kernel-route',
    title: 'A route drops packets on purpose',
    meaning:
      'A route of type blackhole, unreachable or prohibit ends every lookup that reaches it. Routing daemons and some CNIs write them for address blocks of their own; where such a block moved or overlaps, they cut traffic off.',
    howProved:
      'The failing flows end at this route, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      '$ ip route show table all type blackhole',
      '$ ip route show table all type unreachable',
      '$ ip route del blackhole 10.42.2.0/24',
    ],
    sources: ['Linux 6.12, net/ipv4/fib_semantics.c (fib_props: the error of each route type)'],
  },
  name: (group, world) => {
    const routes = listRemovedRoutes(group.changes, world);
    const types = [...new Set(routes.map(({ route }) => route.type))];
    if (
      routes.length === 0 ||
      types.some((type) => type !== 'blackhole' && type !== 'unreachable' && type !== 'prohibit')
    )
      return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'route-drops-traffic',
      layer: 'kernel-route',
      title: `${nodes} drops what is for ${destinationsOf(routes)}: a ${types.join('/')} route.`,
      explanation: `The lookup on ${nodes} ends at a route of type ${types.join(' or ')} for ${destinationsOf(routes)}, so packets go no further.`,
      subjects: group.namespaces,
      elements: routeElements(routes),
    };
  },
};
