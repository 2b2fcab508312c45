// firewalld with the cluster's networks in its zone trusted.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { firewalldCommands } from '../host-firewalls.ts';

export const firewalldTrustsCluster: LabFault = {
  name: 'firewalld-trusts-cluster',
  title: 'firewalld on node-2 ends in a reject (nothing breaks: it trusts pods and machines)',
  description:
    'The same firewalld as in firewalld-reject, with the pods’, the Services’ and the neighbours’ networks as sources of the zone trusted, as k3s’s documentation asks for.',
  expected: [],
  twinOf: 'firewalld-reject',
  signature: () => undefined,
  make: (ground) => {
    const { clusterCidr, serviceCidr } = ground.plan.options;
    const trusted = [clusterCidr, serviceCidr, ground.plan.lan.prefix, '100.64.0.0/10'];
    return changeMachine(ground, 'node-2', firewalldCommands(trusted));
  },
};
