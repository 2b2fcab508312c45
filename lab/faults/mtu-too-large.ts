// The overlay promises more than the cable carries.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { sendSingleSegments } from '../single-segments.ts';

export const mtuTooLarge: LabFault = {
  name: 'mtu-too-large',
  title: 'node-2’s network card takes packets of 1400 bytes, and pods send 1450 before VXLAN adds 50',
  description:
    'node-2 was moved to a network of MTU 1400; flannel.1 and the pods kept 1450, which fits an MTU of 1500. node-2 itself fragments what is too large for its card. What the others send to it is dropped by its card without a word, since VXLAN tells nobody: connections open, small answers arrive, large ones hang.',
  expected: [{ layer: 'encap-mtu', subjects: ['node/node-2'] }],
  signature: ({ from, kind }, { node }) =>
    kind === 'large' && from.node === 'node-2' && node !== 'node-2' ? 'timeout' : undefined,
  make: async (ground) => {
    await sendSingleSegments(ground);
    await changeMachine(ground, 'node-2', ['ip link set eth0 mtu 1400']);
  },
};

export const mtuAllSmaller: LabFault = {
  name: 'mtu-fragmented',
  title:
    'all network cards take 1400 bytes, and pods send 1450 before VXLAN adds 50 (nothing breaks: nodes fragment)',
  description:
    'As in mtu-too-large, but every node’s card has an MTU of 1400. Each fragments its VXLAN packets, which carry no DF, and each puts together what it gets.',
  expected: [],
  twinOf: 'mtu-too-large',
  signature: () => undefined,
  make: async (ground) => {
    await sendSingleSegments(ground);
    await Promise.all(
      ground.plan.nodes.map((node) => changeMachine(ground, node.name, ['ip link set eth0 mtu 1400'])),
    );
  },
};
