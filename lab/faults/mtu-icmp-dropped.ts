// Pods send more than the overlay carries, and the message that says so is dropped.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { sendSingleSegments } from '../single-segments.ts';

/** In a table of its own and before the others: the network policy controller accepts this message. */
const dropTooLarge = `nft -f - <<'END-OF-RULES'
table inet hardening {
	chain output {
		type filter hook output priority -10; policy accept;
		icmp type destination-unreachable icmp code frag-needed drop
	}
}
END-OF-RULES`;

const largePods: NonNullable<LabFault['changePlan']> = (plan) => ({ ...plan, podMtu: 1500 });

export const mtuIcmpDropped: LabFault = {
  name: 'mtu-icmp-dropped',
  title: 'pods send 1500 bytes into an overlay of 1450, and the nodes’ firewall drops "fragmentation needed"',
  description:
    'The pods’ cards have an MTU of 1500; the overlay carries 1450. Each node tells its pods by ICMP, and a hardening rule on each node, in a table of its own, drops exactly that. So the sender never learns: small answers arrive between nodes, large ones hang. On the same node nothing is too large.',
  expected: [{ layer: 'encap-mtu', subjects: ['node/node-1', 'node/node-2', 'node/node-3'] }],
  signature: ({ from, kind }, { node }) =>
    kind === 'large' && from.kind === 'pod' && from.node !== node ? 'timeout' : undefined,
  changePlan: largePods,
  make: async (ground) => {
    await sendSingleSegments(ground);
    await Promise.all(ground.plan.nodes.map((node) => changeMachine(ground, node.name, [dropTooLarge])));
  },
};

export const mtuIcmpHeard: LabFault = {
  name: 'mtu-icmp-heard',
  title: 'pods send 1500 bytes into an overlay of 1450 (nothing breaks: the nodes tell them by ICMP)',
  description:
    'The MTUs of mtu-icmp-dropped without the rule: the first large packet is answered by "fragmentation needed", and the sender cuts the next ones to size.',
  expected: [],
  twinOf: 'mtu-icmp-dropped',
  signature: () => undefined,
  changePlan: largePods,
  make: sendSingleSegments,
};
