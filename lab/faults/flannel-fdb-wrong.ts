// flannel’s forwarding entry for one node names another machine.
import { changeMachine } from '../fault.ts';
import { lastNode } from '../plan.ts';
import type { LabFault } from '../fault.ts';

export const flannelFdbWrong: LabFault = {
  name: 'flannel-fdb-wrong',
  title: 'node-2’s VXLAN device sends packets for the last node to another machine',
  description:
    'The last node got a new address and node-2’s forwarding entry still has the old one, which another machine has now. That machine gets the packets and does not want them.',
  expected: [{ code: 'flannel-fdb-wrong', layer: 'encap-mtu', subjects: ['node/node-2'] }],
  make: async (ground) => {
    const peer = lastNode(ground.plan);
    const oldAddress = ground.plan.hosts[0]?.lanAddress ?? ground.plan.lan.gateway;
    await changeMachine(ground, 'node-2', [
      `bridge fdb del ${peer.vtepMac} dev flannel.1 dst ${peer.flannel.publicIp} self`,
      `bridge fdb append ${peer.vtepMac} dev flannel.1 dst ${oldAddress} self permanent`,
    ]);
  },
};
