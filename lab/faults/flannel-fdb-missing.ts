// flannel’s forwarding entry for one node is gone on another.
import { changeMachine } from '../fault.ts';
import { lastNode } from '../plan.ts';
import type { LabFault } from '../fault.ts';

export const flannelFdbMissing: LabFault = {
  name: 'flannel-fdb-missing',
  title: 'node-2’s VXLAN device does not know which machine the last node is',
  description:
    'The forwarding entry of flannel.1 for the last node was deleted. The route and the neighbour are still there, so the packet is addressed and then dropped, because flannel’s device neither learns nor floods.',
  expected: [{ code: 'flannel-fdb-missing', layer: 'encap-mtu', subjects: ['node/node-2'] }],
  make: async (ground) => {
    const peer = lastNode(ground.plan);
    await changeMachine(ground, 'node-2', [
      `bridge fdb del ${peer.vtepMac} dev flannel.1 dst ${peer.flannel.publicIp} self`,
    ]);
  },
};
