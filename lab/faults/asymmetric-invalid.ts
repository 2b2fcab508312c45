// Answers come back through a node that never saw the question.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { showPodAddresses } from '../pod-addresses.ts';

export const asymmetricInvalid: LabFault = {
  name: 'asymmetric-invalid',
  title:
    'pi-gateway answers all pods through node-1, which drops the answers to other nodes’ pods as invalid',
  description:
    'The nodes do not masquerade what pods send to the LAN, so that its machines see who asks. For the way back pi-gateway has one route to all pods, by node-1. An answer to a pod of another node comes to node-1, which never saw the question: its connection tracking calls the SYN-ACK invalid, and KUBE-FORWARD drops it. An answer by UDP is forwarded, but masqueraded, and comes from the wrong address.',
  expected: [{ layer: 'kernel-route', subjects: ['host/pi-gateway'] }],
  signature: ({ from, kind, to }) =>
    kind === 'machine' && to === 'pi-gateway' && from.kind === 'pod' && from.node !== 'node-1'
      ? 'timeout'
      : undefined,
  make: async (ground) => {
    await showPodAddresses(ground);
    const { plan } = ground;
    await changeMachine(ground, 'pi-gateway', [
      ...plan.nodes.map((node) => `ip route del ${node.podCidr}`),
      `ip route add ${plan.options.clusterCidr} via ${plan.nodes[0]?.lanAddress ?? ''}`,
    ]);
  },
};
