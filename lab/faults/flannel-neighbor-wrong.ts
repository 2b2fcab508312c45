// flannel’s neighbour entry for one node has an old MAC address.
import { changeMachine } from '../fault.ts';
import { lastNode } from '../plan.ts';
import { deriveMac } from '../derived-names.ts';
import type { LabFault } from '../fault.ts';

export const flannelNeighborWrong: LabFault = {
  name: 'flannel-neighbor-wrong',
  title: 'node-2 has an old MAC address for the last node’s VXLAN device',
  description:
    'The last node was set up again and its VXLAN device got another MAC address; node-2 still has the old one, for which there is no forwarding entry.',
  expected: [{ code: 'flannel-neighbor-wrong', layer: 'encap-mtu', subjects: ['node/node-2'] }],
  make: async (ground) => {
    const peer = lastNode(ground.plan);
    const oldMac = deriveMac(`before ${peer.name} was set up again`);
    await changeMachine(ground, 'node-2', [
      `ip neigh replace ${peer.vtepAddress} lladdr ${oldMac} nud permanent dev flannel.1`,
    ]);
  },
};
