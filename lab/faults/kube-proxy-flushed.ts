// Somebody reloaded a firewall, and kube-proxy's rules went with it.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { isOnNode } from '../signature.ts';

/** Every line that names a chain of kube-proxy: its declaration, its rules and the jumps to it. */
const proxyChains =
  'KUBE-(SERVICES|NODEPORTS|EXTERNAL-SERVICES|POSTROUTING|MARK-MASQ|FORWARD|PROXY-[A-Z]+|(SVC|SVL|SEP|EXT)-[A-Z2-7]+)';

export const kubeProxyFlushed: LabFault = {
  name: 'kube-proxy-flushed',
  title: 'a firewall reload on node-2 removed kube-proxy’s chains',
  description:
    'A firewall was reloaded on node-2 and took all chains of kube-proxy with it; kube-proxy hangs and does not write them again. A packet to a Service’s address follows the default route to the LAN’s router, which knows nothing of it; a NodePort of node-2 is a closed port. Another node’s external address still works, for that node translates it. Pods without a Service in between reach each other as before.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: ({ from, kind, entry }) => {
    if (isOnNode(from, 'node-2') && (kind === 'service' || kind === 'fixed-port')) return 'timeout';
    return kind === 'nodeport' && entry === 'node-2' ? 'refused' : undefined;
  },
  changePlan: (plan) => ({ ...plan, hangingProxies: ['node-2'] }),
  make: (ground) =>
    changeMachine(
      ground,
      'node-2',
      ground.plan.options.proxy === 'nftables'
        ? ['nft delete table ip kube-proxy']
        : ['nat', 'filter'].map(
            (table) =>
              `iptables-save -t ${table} | grep -E -v '${proxyChains}' | iptables-restore -T ${table}`,
          ),
    ),
};
