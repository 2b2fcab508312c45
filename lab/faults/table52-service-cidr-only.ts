// Only the service network is taken, which kube-proxy makes harmless.
import { advertiseRoutes } from '../tailnet-routes.ts';
import type { LabFault } from '../fault.ts';

export const table52ServiceCidrOnly: LabFault = {
  name: 'table52-service-cidr-only',
  title: 'table 52 on node-2 takes the service network alone (nothing breaks: kube-proxy rewrites first)',
  description:
    'pi-gateway advertises the service network. A pod’s packet to a Service is rewritten to an endpoint before it is routed, a node’s own packet is routed again after that, so everything arrives. What has no chain in kube-proxy, a ClusterIP with a wrong port, goes into the tailnet instead of to the router.',
  expected: [],
  changePlan: (plan) =>
    advertiseRoutes(plan, { prefixes: [plan.options.serviceCidr], acceptedOn: ['node-2'] }),
};
