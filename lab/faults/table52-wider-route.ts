// The pod network lies inside a much wider route that somebody advertises.
import { advertiseRoutes, widen } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

export const table52WiderRoute: LabFault = {
  name: 'table52-wider-route',
  title: 'table 52 on node-2 holds a route of /8 that covers the pod and service networks',
  description:
    'pi-gateway advertises the whole of an office network as one /8. Nobody thought of pods, but the cluster’s networks lie inside it, and table 52 is asked before main, however long the prefixes there are.',
  expected: [
    { code: 'tailscale-route-takes-cluster-cidr', layer: 'kernel-route', subjects: ['node/node-2'] },
  ],
  changePlan: (plan) =>
    advertiseRoutes(plan, { prefixes: [widen(plan.options.clusterCidr)], acceptedOn: ['node-2'] }),
};
