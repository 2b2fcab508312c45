// ufw with its ports open, and forwarding forgotten.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { ufwCommands } from '../host-firewalls.ts';
import { withoutForwardRules, withoutPolicyController } from '../plan-changes.ts';
import { losesForwarded } from '../forwarding-signature.ts';

export const ufwForwardDrop: LabFault = {
  name: 'ufw-forward-drop',
  title: 'ufw on node-2 drops what is forwarded (DEFAULT_FORWARD_POLICY="DROP")',
  description:
    'ufw was enabled on node-2 with every port of k3s open, VXLAN’s too, and with the cluster’s networks let in. That is about INPUT; the policy of FORWARD stayed at ufw’s default. With flannel’s accept rules switched off, and without the network policy controller, pods’ packets meet it.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: losesForwarded('node-2'),
  changePlan: (plan) => withoutForwardRules(withoutPolicyController(plan), 'node-2'),
  make: (ground) => {
    const { clusterCidr, serviceCidr } = ground.plan.options;
    return changeMachine(ground, 'node-2', ufwCommands([clusterCidr, serviceCidr]));
  },
};
