// kube-proxy on one node no longer follows, and the cluster has moved on.
import type { LabFault } from '../fault.ts';
import { updateServices } from '../kube-proxy.ts';
import { expectSuccess } from '../machine.ts';
import { proxyNode } from '../proxy-node.ts';
import { findNode } from '../plan.ts';
import { proxiedPorts } from '../service-endpoints.ts';
import { isOnNode } from '../signature.ts';

export const kubeProxyStale: LabFault = {
  name: 'kube-proxy-stale',
  title: 'kube-proxy on node-2 still sends names’ queries to a CoreDNS pod that is gone',
  description:
    'CoreDNS was restarted and has a new address; kube-proxy on node-2 hangs and never heard of it. Its rules translate kube-dns to the old address, which nobody has any more: silence, or "no route to host" once node-1 has given up asking for it.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: ({ from, kind, to }) =>
    isOnNode(from, 'node-2') && to === 'kube-system/kube-dns' && ['service', 'fixed-port'].includes(kind)
      ? ['timeout', 'unreachable']
      : undefined,
  changePlan: (plan) => ({ ...plan, hangingProxies: ['node-2'] }),
  make: async ({ plan, machines }) => {
    const before = proxiedPorts(plan, () => true);
    const after = before.map((port) =>
      port.service === 'kube-dns'
        ? {
            ...port,
            endpoints: port.endpoints.map((one) => ({ ...one, address: one.address.replace(/\d+$/, '9') })),
          }
        : port,
    );
    const machine = machines.get('node-2');
    if (machine === undefined) throw new Error('this fault needs node-2, which the lab has not');
    const node = proxyNode(plan, findNode(plan, 'node-2'));
    const result = await updateServices(machine, plan.options.proxy, node, { before, after });
    expectSuccess(result, 'making a fault on node-2');
  },
};
