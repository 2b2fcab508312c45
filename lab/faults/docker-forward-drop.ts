// Docker's policy of DROP, where nobody accepts what pods send.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { dockerCommands } from '../host-firewalls.ts';
import { withoutForwardRules, withoutPolicyController } from '../plan-changes.ts';
import { losesForwarded } from '../forwarding-signature.ts';

export const dockerForwardDrop: LabFault = {
  name: 'docker-forward-drop',
  title:
    'Docker on node-2 has set the policy of FORWARD to DROP, and nothing accepts pods’ packets before it',
  description:
    'Somebody installed Docker on node-2. dockerd sets the policy of FORWARD to DROP when it turns forwarding on; flannel’s accept rules, which would make up for it, are switched off here (--iptables-forward-rules=false), as is the network policy controller. What pods of node-2 send and get is dropped, even between two of them (br_netfilter); only connections through a NodePort, which carry kube-proxy’s mark, and answers pass KUBE-FORWARD.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: losesForwarded('node-2'),
  changePlan: (plan) => withoutForwardRules(withoutPolicyController(plan), 'node-2'),
  make: (ground) => changeMachine(ground, 'node-2', dockerCommands),
};
