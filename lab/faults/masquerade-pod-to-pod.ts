// A masquerading rule that is too wide, and a policy that goes by addresses.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { addPolicies, onlyApplicationToDatabase } from '../plan-changes.ts';
import { databaseOnly } from '../policy-signature.ts';

export const masqueradePodToPod: LabFault = {
  name: 'masquerade-pod-to-pod',
  title: 'node-2 masquerades what its pods send to other pods, so a NetworkPolicy takes them for a machine',
  description:
    'Somebody added a rule to node-2 that masquerades everything from the pods’ network, meant for the internet. What pods of node-2 send to other nodes’ pods now comes from flannel.1’s address. Nobody minds but the database, whose policy lets in the application by its address: it is refused.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: databaseOnly([]),
  changePlan: (plan) => addPolicies(plan, onlyApplicationToDatabase),
  make: (ground) =>
    changeMachine(ground, 'node-2', [
      `iptables -t nat -I POSTROUTING 1 -s ${ground.plan.options.clusterCidr} ! -o cni0 -j MASQUERADE`,
    ]),
};
