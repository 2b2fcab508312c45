// Chapter 17: node-2 accepts the pod and the service network from the tailnet.
import { advertiseRoutes } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

export const table52ClusterCidr: LabFault = {
  name: 'table52-cluster-cidr',
  title: 'table 52 on node-2 takes the pod and service networks into tailscale0',
  description:
    'Somebody let pi-gateway advertise the cluster’s networks, so that a laptop reaches pods from outside, and node-2 runs with accept-routes. Its table 52 is asked before main, so what belongs to flannel goes into the tailnet, where nobody takes it with a pod’s address as its source.',
  expected: [
    { code: 'tailscale-route-takes-cluster-cidr', layer: 'kernel-route', subjects: ['node/node-2'] },
  ],
  changePlan: (plan) =>
    advertiseRoutes(plan, {
      prefixes: [plan.options.clusterCidr, plan.options.serviceCidr],
      acceptedOn: ['node-2'],
    }),
};
