// Docker's policy of DROP, and flannel's rules before it.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { dockerCommands } from '../host-firewalls.ts';
import { withoutPolicyController } from '../plan-changes.ts';

export const dockerBesideFlannel: LabFault = {
  name: 'docker-beside-flannel',
  title:
    'Docker on node-2 has set the policy of FORWARD to DROP (nothing breaks: flannel accepts pods’ packets)',
  description:
    'The same Docker with the same policy as in docker-forward-drop. flannel’s two accept rules stand at the end of FORWARD, so no packet of a pod gets to the policy.',
  expected: [],
  twinOf: 'docker-forward-drop',
  signature: () => undefined,
  changePlan: withoutPolicyController,
  make: (ground) => changeMachine(ground, 'node-2', dockerCommands),
};
