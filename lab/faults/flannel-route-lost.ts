// flannel’s route to one node is gone on another.
import { changeMachine } from '../fault.ts';
import { lastNode } from '../plan.ts';
import type { LabFault } from '../fault.ts';

export const flannelRouteLost: LabFault = {
  name: 'flannel-route-lost',
  title: 'node-2 has lost flannel’s route to the last node’s pods',
  description:
    'Something flushed a route that flannel wrote once and does not watch. Packets for those pods follow the default route to the LAN’s router, which knows nothing of them.',
  expected: [{ code: 'flannel-route-missing', layer: 'kernel-route', subjects: ['node/node-2'] }],
  make: async (ground) => {
    const peer = lastNode(ground.plan);
    await changeMachine(ground, 'node-2', [`ip route del ${peer.podCidr} dev flannel.1`]);
  },
};
