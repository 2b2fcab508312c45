// Pods leave the cluster with their own addresses.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';

export const masqueradeMissing: LabFault = {
  name: 'masquerade-missing',
  title: 'node-2 does not masquerade what its pods send out of the cluster',
  description:
    'flannel’s masquerading rule is gone on node-2. Its pods’ packets leave with pod addresses; who is outside and knows no way to them cannot answer. pi-gateway, which has routes to the pods, still can; so can everybody in the tailnet only where a node’s address is used, which is not any more.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: ({ from, kind, to }) => {
    if (from.kind !== 'pod' || from.node !== 'node-2') return undefined;
    if (kind === 'outside') return 'timeout';
    return kind === 'tailnet' && to !== 'node-2' ? 'timeout' : undefined;
  },
  make: (ground) =>
    changeMachine(ground, 'node-2', [
      `iptables -t nat -D FLANNEL-POSTRTG -s ${ground.plan.options.clusterCidr} ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully`,
    ]),
};
