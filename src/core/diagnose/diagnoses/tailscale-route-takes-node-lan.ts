// Symptom  Other machines of the LAN cannot reach this node, or only sometimes; the node itself reaches them.
// Cause    The node accepted a subnet route for the very network it stands on, so its answers go into the tailnet.
// Known by Removing that route (and nothing else) makes the failing flows arrive.
// Repair   A policy rule for the LAN in front of Tailscale's; at the source, this node stops accepting the route.
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
} from '../removed-routes.ts';

export const tailscaleRouteTakesNodeLan: CatalogueEntry = {
  text: {
    code: 'tailscale-route-takes-node-lan',
    layer: 'kernel-route',
    title: 'Tailscale takes the network that the node itself stands on',
    meaning:
      'A subnet router advertises the LAN, and a node that is plugged into that LAN accepts the route. Table 52 is asked before main, so packets for its own neighbours go into the tailnet. Connections that the node opens may arrive by that detour; answers to its neighbours carry its LAN address, which no peer takes from it, and are dropped.',
    howProved:
      'The failing flows are lost at this route, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      'See the route beside the address that is on the same network:',
      '$ ip route show table 52',
      '$ ip -br address',
      'Look the LAN up in main first:',
      '$ ip rule add to 192.168.1.0/24 priority 2500 lookup main',
      'Or let a node that stands on the LAN not accept routes at all:',
      '$ tailscale set --accept-routes=false',
    ],
    sources: [
      'tailscale 1.102, net/routemanager (accepted routes are not compared with the machine’s own interfaces)',
      'tailscale/tailscale#1227 (accept-routes on a machine of the advertised subnet)',
    ],
  },
  name: (group, world) => {
    const routes = listRemovedRoutes(group.changes, world);
    if (!areTailnetRoutes(routes, world) || kindTaken(routes, world) !== 'nodes') return undefined;
    const advertisers = advertisersOf(routes, world);
    const origin = describeOrigin(advertisers);
    const nodes = joinNames(group.namespaces);
    const table = routes[0]?.route.table ?? '52';
    return {
      code: 'tailscale-route-takes-node-lan',
      layer: 'kernel-route',
      title: `Tailscale's table ${table} on ${nodes} takes the LAN that ${nodes} stands on.`,
      explanation: `${nodes} has an address in ${destinationsOf(routes)} and yet accepted that very prefix from the tailnet. Table ${table} is asked before main, so answers to its neighbours go into ${linkOf(routes)}, where no peer takes its LAN address as a source. ${origin === undefined ? 'Who advertises it cannot be seen in the evidence.' : `It is ${origin}.`}`,
      subjects: [...group.namespaces, ...advertisers.map((advertiser) => advertiser.subject)],
      elements: routeElements(routes),
      ...(origin === undefined ? {} : { origin }),
    };
  },
};
