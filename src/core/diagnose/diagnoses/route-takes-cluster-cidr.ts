// Symptom  Packets for pods or Services leave by a device that has nothing to do with the cluster.
// Cause    A route that somebody added covers the cluster's own addresses and wins over the pod network's.
// Known by Removing that route (and nothing else) makes the failing flows arrive.
// Repair   Remove the route, or look the cluster's prefixes up first.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import {
  destinationsOf,
  kindTaken,
  linkOf,
  listRemovedRoutes,
  routeElements,
  wordsTaken,
} from '../removed-routes.ts';

export const routeTakesClusterCidr: CatalogueEntry = {
  text: {
    code: 'route-takes-cluster-cidr',
    layer: 'kernel-route',
    title: "A route takes the cluster's own addresses",
    meaning:
      'A route that is not the pod network’s covers addresses of pods or Services: a static route to an office network of the same numbers, a Docker or libvirt bridge, a leftover of another CNI. Where it is more specific or stands in a table asked first, packets for pods go there.',
    howProved:
      'The failing flows leave by this route, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      'Find it, and who wrote it (its protocol often tells):',
      '$ ip -d route show table all',
      'Remove it, and take it out of the program or file that adds it:',
      '$ ip route del 10.42.2.0/24 via 192.168.1.1',
    ],
    sources: ['Linux 6.12, net/ipv4/fib_trie.c (longest prefix, then metric)'],
  },
  name: (group, world) => {
    const routes = listRemovedRoutes(group.changes, world);
    const isSilent = routes.some(({ route }) => route.type !== 'unicast');
    if (isSilent || kindTaken(routes, world) !== 'cluster') return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'route-takes-cluster-cidr',
      layer: 'kernel-route',
      title: `A route on ${nodes} sends ${wordsTaken(routes, world)} traffic to ${linkOf(routes)}.`,
      explanation: `On ${nodes} the route ${destinationsOf(routes)} dev ${linkOf(routes)} (table ${routes[0]?.route.table ?? 'main'}) decides for the cluster's own addresses, before the pod network's routes can. Nothing behind ${linkOf(routes)} takes those packets.`,
      subjects: group.namespaces,
      elements: routeElements(routes),
    };
  },
};
