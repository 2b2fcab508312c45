// firewalld, which knows nothing of pods.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';
import { firewalldCommands } from '../host-firewalls.ts';

export const firewalldReject: LabFault = {
  name: 'firewalld-reject',
  title: 'firewalld on node-2 refuses what is forwarded from and to pods',
  description:
    'firewalld runs on node-2 with k3s’s ports open in the zone of eth0; nobody put the cluster’s networks into the zone trusted. Its table runs behind the others and ends in a reject, so an accept of flannel or kube-router does not help. What was sent to a Service or NodePort on node-2 itself is accepted as translated; every other new connection through node-2 is answered with "administratively prohibited".',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: ({ from, kind, to, entry }, endpoint) => {
    const isFromPod = from.kind === 'pod' && from.node === 'node-2';
    const isTranslatedThere =
      (from.node === 'node-2' && ['service', 'fixed-port', 'external'].includes(kind)) || entry === 'node-2';
    if (isTranslatedThere) return undefined;
    if (isFromPod) return to === 'node-2' ? undefined : 'unreachable';
    const isForwardedIn = endpoint.pod !== undefined && endpoint.node === 'node-2';
    return isForwardedIn && (from.name !== 'node-2' || kind === 'nodeport') ? 'unreachable' : undefined;
  },
  make: (ground) => changeMachine(ground, 'node-2', firewalldCommands([])),
};
