// A host firewall that does not know VXLAN.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { firstNode } from '../signature.ts';

const dropPort = (port: number): string =>
  `iptables -I INPUT 1 -i eth0 -p udp -m udp --dport ${port} -m comment --comment "closed ports" -j DROP`;

export const inputDropsVxlan: LabFault = {
  name: 'input-drops-vxlan',
  title: 'node-2’s firewall drops VXLAN (udp 8472)',
  description:
    'A firewall on node-2 closes the ports that somebody did not know, flannel’s among them. node-2’s packets to other nodes’ pods get out and the answers are dropped; what other nodes send to its pods is dropped as well. Machines reach each other as before.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: (attempt, { pod, node }) => {
    // tailscaled may have found a way through the overlay, and finds the other one some seconds later.
    if (attempt.kind === 'tailnet') return ['ok', 'timeout'];
    const first = firstNode(attempt);
    if (pod === undefined || first === undefined) return undefined;
    return first !== node && (first === 'node-2' || node === 'node-2') ? 'timeout' : undefined;
  },
  make: (ground) => changeMachine(ground, 'node-2', [dropPort(8472)]),
};

export const inputDropsOtherVxlan: LabFault = {
  name: 'input-drops-other-vxlan',
  title: 'node-2’s firewall drops udp 4789 (nothing breaks: flannel’s VXLAN is on 8472)',
  description:
    'The firewall of input-drops-vxlan, with VXLAN’s registered port, which flannel on Linux does not use.',
  expected: [],
  twinOf: 'input-drops-vxlan',
  signature: () => undefined,
  make: (ground) => changeMachine(ground, 'node-2', [dropPort(4789)]),
};
