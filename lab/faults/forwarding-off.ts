// A node no longer forwards.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';

export const forwardingOff: LabFault = {
  name: 'forwarding-off',
  title: 'node-2 does not forward packets (net.ipv4.ip_forward = 0)',
  description:
    'A hardening script wrote ip_forward=0 on node-2 after k3s had started. The node itself reaches everything; its pods reach only each other, and nobody reaches them.',
  expected: [{ code: 'forwarding-off', layer: 'kernel-route', subjects: ['node/node-2'] }],
  make: async (ground) => {
    await changeMachine(ground, 'node-2', ['sysctl -q -w net.ipv4.ip_forward=0']);
  },
};
