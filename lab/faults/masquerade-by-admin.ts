// flannel's rule is gone and another does its work.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { masqueradeMissing } from './masquerade-missing.ts';

export const masqueradeByAdmin: LabFault = {
  name: 'masquerade-by-admin',
  title: 'flannel’s masquerading rule is gone on node-2 (nothing breaks: the administrator’s does the same)',
  description:
    'As in masquerade-missing, but two rules of the administrator’s masquerade what leaves by eth0 and tailscale0 from a pod’s address and does not go to a pod.',
  expected: [],
  twinOf: 'masquerade-missing',
  signature: () => undefined,
  make: async (ground) => {
    await masqueradeMissing.make?.(ground);
    const { clusterCidr } = ground.plan.options;
    await changeMachine(
      ground,
      'node-2',
      ['eth0', 'tailscale0'].map(
        (device) =>
          `iptables -t nat -A POSTROUTING -s ${clusterCidr} ! -d ${clusterCidr} -o ${device} -j MASQUERADE`,
      ),
    );
  },
};
