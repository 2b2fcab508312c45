// Two programs use the same bits of the mark.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { markPodTraffic } from '../mark-rule.ts';

export const markCollision: LabFault = {
  name: 'mark-collision',
  title:
    'a shaper on node-2 marks pods’ packets with 0x80000, which to Tailscale means: not into the tailnet',
  description:
    'A traffic shaper on node-2 sorts what comes from pods into a class by the mark 0x80000. Tailscale gives that bit to its own packets, so that they do not go into the tunnel again: a rule before table 52 sends them to main. What pods of node-2 send to the tailnet leaves by the default route instead.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: ({ from, kind, to }) =>
    kind === 'tailnet' && from.kind === 'pod' && from.node === 'node-2' && to !== 'node-2'
      ? 'timeout'
      : undefined,
  make: (ground) => changeMachine(ground, 'node-2', [markPodTraffic('0x80000/0xff0000')]),
};
