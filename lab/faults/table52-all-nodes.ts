// Every node accepts, the one with the cluster’s DNS too.
import { advertiseRoutes } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

export const table52AllNodes: LabFault = {
  name: 'table52-all-nodes',
  title: 'table 52 on every node takes the pod and service networks',
  description:
    'pi-gateway advertises the cluster’s networks and all nodes accept routes. Kubelets no longer reach their own pods, so nothing stays ready, and kube-dns has no endpoints.',
  expected: [
    {
      code: 'tailscale-route-takes-cluster-cidr',
      layer: 'kernel-route',
      subjects: ['node/node-1', 'node/node-2', 'node/node-3'],
    },
  ],
  changePlan: (plan) =>
    advertiseRoutes(plan, {
      prefixes: [plan.options.clusterCidr, plan.options.serviceCidr],
      acceptedOn: plan.nodes.map((node) => node.name),
    }),
};
