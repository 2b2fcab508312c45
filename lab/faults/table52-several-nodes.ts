// Two nodes accept what one of the others needs not.
import { advertiseRoutes } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

export const table52SeveralNodes: LabFault = {
  name: 'table52-several-nodes',
  title: 'table 52 on node-2 and node-3 takes the pod and service networks',
  description:
    'pi-gateway advertises the cluster’s networks and two nodes accept routes. One cause with two subjects: the same route, to be dealt with on both.',
  expected: [
    {
      code: 'tailscale-route-takes-cluster-cidr',
      layer: 'kernel-route',
      subjects: ['node/node-2', 'node/node-3'],
    },
  ],
  changePlan: (plan) =>
    advertiseRoutes(plan, {
      prefixes: [plan.options.clusterCidr, plan.options.serviceCidr],
      acceptedOn: ['node-2', 'node-3'],
    }),
};
