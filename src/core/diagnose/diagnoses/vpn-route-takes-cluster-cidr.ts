// Symptom  As with Tailscale's table: pods cannot reach pods on other nodes, names do not resolve.
// Cause    A VPN's route (not Tailscale's) covers the cluster's own addresses and wins over the pod network's.
// Known by Removing that route (and nothing else) makes the failing flows arrive.
// Repair   A policy rule for the cluster's prefixes in front, or a narrower list of routes in the VPN's configuration.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { isTunnelDevice } from '../tunnel-device.ts';
import {
  areTailnetRoutes,
  destinationsOf,
  kindTaken,
  linkOf,
  listRemovedRoutes,
  routeElements,
  wordsTaken,
} from '../removed-routes.ts';

export const vpnRouteTakesClusterCidr: CatalogueEntry = {
  text: {
    code: 'vpn-route-takes-cluster-cidr',
    layer: 'kernel-route',
    title: "A VPN's route takes the cluster's own addresses",
    meaning:
      'A tunnel other than the pod network has a route for addresses that the cluster numbers its pods or Services from: a company VPN that pushes 10.0.0.0/8, a WireGuard configuration with wide AllowedIPs, a second overlay. Where that route stands in a table that is asked first, or is more specific than the pod network’s, packets for pods leave by the tunnel and never come back.',
    howProved:
      'The failing flows leave by this route, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      'Ask the kernel which way a pod’s packet takes, and why:',
      '$ ip route get 10.42.2.10 from 10.42.1.10 iif cni0',
      '$ ip rule',
      'Look the cluster’s prefixes up in main first:',
      '$ ip rule add to 10.42.0.0/16 priority 2500 lookup main',
      'At the source, take the cluster’s prefixes out of the VPN’s routes (AllowedIPs, push route, split tunnel).',
    ],
    sources: [
      'Linux 6.12, net/core/fib_rules.c and net/ipv4/fib_trie.c',
      'wg-quick(8): AllowedIPs become routes',
    ],
  },
  name: (group, world) => {
    const routes = listRemovedRoutes(group.changes, world);
    if (kindTaken(routes, world) !== 'cluster' || areTailnetRoutes(routes, world)) return undefined;
    if (!routes.every((removed) => isTunnelDevice(world, removed.namespace, linkOf([removed]))))
      return undefined;
    const nodes = joinNames(group.namespaces);
    const link = linkOf(routes);
    const table = routes[0]?.route.table ?? 'main';
    return {
      code: 'vpn-route-takes-cluster-cidr',
      layer: 'kernel-route',
      title: `The VPN ${link} on ${nodes} takes ${wordsTaken(routes, world)} traffic before the pod network sees it.`,
      explanation: `On ${nodes} the route ${destinationsOf(routes)} dev ${link} (table ${table}) decides for the cluster's own addresses. Their packets leave by the tunnel, whose other end has no way to a pod, and are lost.`,
      subjects: group.namespaces,
      elements: routeElements(routes),
    };
  },
};
