// States that look like a kube-proxy without rules, or one that has fallen behind.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { renderNftablesProxy } from '../kube-proxy-nftables.ts';
import { findNode } from '../plan.ts';
import { proxyNode } from '../proxy-node.ts';
import { proxiedPorts } from '../service-endpoints.ts';
import { kubeProxyFlushed } from './kube-proxy-flushed.ts';

export const kubeProxyOtherMode: LabFault = {
  name: 'kube-proxy-other-mode',
  title: 'kube-proxy’s iptables chains are gone on node-2 (nothing breaks: it runs in nftables mode there)',
  description:
    'As in kube-proxy-flushed, no chain of kube-proxy is left in iptables on node-2. Its Services stand in the table ip kube-proxy of nftables: somebody tries the other mode on one node first.',
  expected: [],
  twinOf: 'kube-proxy-flushed',
  signature: () => undefined,
  changePlan: (plan) => ({ ...plan, hangingProxies: ['node-2'] }),
  make: async (ground) => {
    await kubeProxyFlushed.make?.(ground);
    const { plan } = ground;
    const ports = proxiedPorts(plan, () => true);
    const tables = renderNftablesProxy(ports, proxyNode(plan, findNode(plan, 'node-2')));
    await changeMachine(ground, 'node-2', [`nft -f - <<'END-OF-RULES'\n${tables}END-OF-RULES`]);
  },
};

export const kubeProxyIdle: LabFault = {
  name: 'kube-proxy-idle',
  title: 'kube-proxy on node-2 follows nothing any more (nothing breaks: nothing has changed since)',
  description:
    'kube-proxy hangs on node-2, as in kube-proxy-stale. No endpoint has come or gone since it wrote its rules, so they are right.',
  expected: [],
  twinOf: 'kube-proxy-stale',
  signature: () => undefined,
  changePlan: (plan) => ({ ...plan, hangingProxies: ['node-2'] }),
};
