// A node accepts the route to the LAN that it sits on.
import { advertiseRoutes } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

export const acceptRoutesOwnLan: LabFault = {
  name: 'accept-routes-own-lan',
  title: 'table 52 on node-2 takes the LAN that node-2 itself sits on',
  description:
    'pi-gateway advertises the home LAN for people who are away, and node-2, which is at home, accepts it. Everything node-2 sends to its neighbours goes through the tailnet instead of the cable: its answers to them, and flannel’s packets, which pi-gateway drops.',
  expected: [{ code: 'tailscale-route-takes-node-lan', layer: 'kernel-route', subjects: ['node/node-2'] }],
  changePlan: (plan) => advertiseRoutes(plan, { prefixes: [plan.lan.prefix], acceptedOn: ['node-2'] }),
};
