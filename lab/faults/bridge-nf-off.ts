// Frames between two pods of a node pass by the packet filter.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';

export const bridgeNfOff: LabFault = {
  name: 'bridge-nf-off',
  title: 'bridged packets on node-1 pass by netfilter, so Services with a pod on the same node fail',
  description:
    'net.bridge.bridge-nf-call-iptables is 0 on node-1: br_netfilter was not loaded when the setting was applied. A pod’s packet to a Service is translated to a pod on the same node; the answer crosses the bridge without being translated back and comes from an address that was never asked. On node-1, where CoreDNS runs, pods have no names; other nodes’ pods do.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-1'] }],
  signature: ({ from, kind, to, entry }, { pod, node }) => {
    const isTranslated =
      ['service', 'fixed-port'].includes(kind) ||
      // A pod that uses its own node's address goes on as to the ClusterIP, and is not masqueraded.
      (kind === 'nodeport' && entry === 'node-1' && to.endsWith('-local'));
    const isBridged = from.kind === 'pod' && from.node === 'node-1' && node === 'node-1';
    return isTranslated && isBridged && pod !== undefined && pod !== from.name ? 'timeout' : undefined;
  },
  make: (ground) => changeMachine(ground, 'node-1', ['echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables']),
};
