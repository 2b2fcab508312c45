// flannel’s neighbour entry for one node is gone on another.
import { changeMachine } from '../fault.ts';
import { lastNode } from '../plan.ts';
import type { LabFault } from '../fault.ts';

export const flannelNeighborMissing: LabFault = {
  name: 'flannel-neighbor-missing',
  title: 'node-2 does not know the MAC address of the last node’s VXLAN device',
  description:
    'The permanent neighbour entry was deleted. The kernel asks by ARP, which flannel’s device does not carry: packets wait, then the kernel answers that the host is unreachable.',
  expected: [{ code: 'flannel-neighbor-missing', layer: 'encap-mtu', subjects: ['node/node-2'] }],
  make: async (ground) => {
    const peer = lastNode(ground.plan);
    await changeMachine(ground, 'node-2', [`ip neigh del ${peer.vtepAddress} dev flannel.1`]);
  },
};
