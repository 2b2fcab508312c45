// ufw as k3s's documentation asks for it.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { ufwCommands } from '../host-firewalls.ts';

export const ufwBesideK3s: LabFault = {
  name: 'ufw-beside-k3s',
  title: 'ufw on node-2 has policies of DROP (nothing breaks: the cluster’s ports and networks are open)',
  description:
    'The same ufw as in ufw-forward-drop, on a node where k3s’s own rules are complete: policies of DROP on INPUT and FORWARD that no packet of the cluster gets to.',
  expected: [],
  twinOf: 'ufw-forward-drop',
  signature: () => undefined,
  make: (ground) => {
    const { clusterCidr, serviceCidr } = ground.plan.options;
    return changeMachine(ground, 'node-2', ufwCommands([clusterCidr, serviceCidr]));
  },
};
