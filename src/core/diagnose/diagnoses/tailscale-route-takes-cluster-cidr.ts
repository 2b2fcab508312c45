// Symptom  Pods on some nodes cannot reach pods on others, names do not resolve, while the node itself gets through.
// Cause    Tailscale accepted a subnet route that covers the cluster's own addresses, and its table wins over flannel's.
// Known by Removing that route (and nothing else) makes the failing flows arrive.
// Repair   A policy rule for the cluster's prefixes in front of Tailscale's; at the source, the route is not advertised.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import {
  advertisersOf,
  areTailnetRoutes,
  describeOrigin,
  destinationsOf,
  kindTaken,
  linkOf,
  listRemovedRoutes,
  routeElements,
  wordsTaken,
} from '../removed-routes.ts';

export const tailscaleRouteTakesClusterCidr: CatalogueEntry = {
  text: {
    code: 'tailscale-route-takes-cluster-cidr',
    layer: 'kernel-route',
    title: "Tailscale's routing table takes the cluster's own addresses",
    meaning:
      "Another machine of the tailnet advertises a subnet that covers the cluster's pod or Service addresses, and this node accepts routes. Tailscale keeps such routes in table 52, and its rule 5270 asks that table before main, whatever the prefix length. So packets for pods go into tailscale0 before flannel sees them, and no peer takes a pod's source address. The node's own packets may still get through, since they carry a tailnet address: works from the node, fails from the pod.",
    howProved:
      'Each failing flow is traced to the hop where it is lost; removing the route that decided there is tried on the model, and every flow is traced again. Proven means that exactly this change makes them arrive and that no fact on the way was missing.',
    byHand: [
      'See which routes Tailscale accepted on the node:',
      '$ ip route show table 52',
      'Let the cluster’s prefixes be looked up in main first; the rule stays whatever tailscaled does to its own:',
      '$ ip rule add to 10.42.0.0/16 priority 2500 lookup main',
      '$ ip rule add to 10.43.0.0/16 priority 2500 lookup main',
      'At the source, stop advertising the prefix on the machine that does, or stop accepting routes on the node:',
      '$ tailscale set --accept-routes=false',
    ],
    sources: [
      'tailscale 1.102, wgengine/router/osrouter/router_linux.go (rules 5210 to 5270, table 52)',
      'tailscale 1.102, wgengine/userspace.go and net/netmon (what is restored and what is not)',
      'Linux 6.12, net/core/fib_rules.c (rules by priority, first table with an answer wins)',
    ],
  },
  name: (group, world) => {
    const routes = listRemovedRoutes(group.changes, world);
    if (!areTailnetRoutes(routes, world) || kindTaken(routes, world) !== 'cluster') return undefined;
    const advertisers = advertisersOf(routes, world);
    const origin = describeOrigin(advertisers);
    const nodes = joinNames(group.namespaces);
    const table = routes[0]?.route.table ?? '52';
    const what = wordsTaken(routes, world);
    return {
      code: 'tailscale-route-takes-cluster-cidr',
      layer: 'kernel-route',
      title: `Tailscale's table ${table} on ${nodes} takes ${what} traffic before flannel sees it.`,
      explanation: `On ${nodes} the route ${destinationsOf(routes)} dev ${linkOf(routes)} stands in table ${table}, which a policy rule asks before main. Packets for the cluster's own addresses therefore go into the tailnet, where no peer takes a pod's source address, and are dropped without a word. ${origin === undefined ? 'Who advertises it cannot be seen in the evidence.' : `It is ${origin}.`}`,
      subjects: [...group.namespaces, ...advertisers.map((advertiser) => advertiser.subject)],
      elements: routeElements(routes),
      ...(origin === undefined ? {} : { origin }),
    };
  },
};
