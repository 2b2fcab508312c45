// The bridge's settings that this cluster does not need.
import { changeMachine } from '../fault.ts';
import type { LabFault } from '../fault.ts';

export const bridgeNfOthersOff: LabFault = {
  name: 'bridge-nf-others-off',
  title: 'bridged ARP and IPv6 on node-1 pass by netfilter (nothing breaks: pods talk IPv4)',
  description:
    'net.bridge.bridge-nf-call-arptables and bridge-nf-call-ip6tables are 0 on node-1, bridge-nf-call-iptables is not.',
  expected: [],
  twinOf: 'bridge-nf-off',
  signature: () => undefined,
  make: (ground) =>
    changeMachine(
      ground,
      'node-1',
      ['arptables', 'ip6tables'].map((kind) => `echo 0 >/proc/sys/net/bridge/bridge-nf-call-${kind}`),
    ),
};
