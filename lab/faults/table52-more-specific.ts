// Only one other node’s pods are taken.
import { advertiseRoutes } from '../tailnet-routes.ts';
import { lastNode } from '../plan.ts';
import type { LabFault } from '../fault.ts';

export const table52MoreSpecific: LabFault = {
  name: 'table52-more-specific',
  title: 'table 52 on node-2 takes the pod network of one other node',
  description:
    'pi-gateway advertises the pods of the last node alone, for somebody who debugs its database from a laptop. node-2 accepts it: its pods reach every node but that one.',
  expected: [
    { code: 'tailscale-route-takes-cluster-cidr', layer: 'kernel-route', subjects: ['node/node-2'] },
  ],
  changePlan: (plan) => advertiseRoutes(plan, { prefixes: [lastNode(plan).podCidr], acceptedOn: ['node-2'] }),
};
