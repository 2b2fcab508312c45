// Another program's mark that nobody else uses.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { markPodTraffic } from '../mark-rule.ts';

export const markBeside: LabFault = {
  name: 'mark-beside',
  title: 'a shaper on node-2 marks pods’ packets with 0x100 (nothing breaks: nobody else uses that bit)',
  description:
    'The same shaper as in mark-collision, with a bit that is neither kube-proxy’s nor Tailscale’s.',
  expected: [],
  twinOf: 'mark-collision',
  signature: () => undefined,
  make: (ground) => changeMachine(ground, 'node-2', [markPodTraffic('0x100/0x100')]),
};
