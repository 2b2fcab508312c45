// A resolver that always asks from one port, and a connection that outlived its pod.
import type { LabFault } from '../fault.ts';
import { keepAsking } from '../fixed-port-client.ts';
import { podKey } from '../plan.ts';
import { fixedDnsPort } from '../service-flows.ts';

export const conntrackStaleUdp: LabFault = {
  name: 'conntrack-stale-udp',
  title: 'node-2’s connection tracking sends one resolver’s queries to a CoreDNS pod that is gone',
  description:
    'A caching resolver in a pod of node-2 always asks from the same port. It asked while kube-proxy’s rules still named the old CoreDNS pod; every query since has kept that connection alive, and rules are asked for new connections only. Queries from any other port are answered.',
  expected: [{ layer: 'netfilter', subjects: ['node/node-2'] }],
  signature: ({ from, kind }) =>
    kind === 'fixed-port' && from.name === 'default/web-node-2' ? ['timeout', 'unreachable'] : undefined,
  make: (ground) => {
    const server = ground.plan.pods.find((pod) => pod.program === 'dns')?.address ?? '';
    return keepAsking(ground, {
      pod: 'default/web-node-2',
      sourcePort: fixedDnsPort,
      answeredBy: server.replace(/\d+$/, '9'),
    });
  },
};

export const conntrackLiveUdp: LabFault = {
  name: 'conntrack-live-udp',
  title:
    'a resolver on node-2 always asks from one port (nothing breaks: its connection leads to a living pod)',
  description:
    'The same resolver as in conntrack-stale-udp. The connection that its queries keep alive leads to the CoreDNS pod that runs.',
  expected: [],
  twinOf: 'conntrack-stale-udp',
  signature: () => undefined,
  make: (ground) => {
    const server = ground.plan.pods.find((pod) => pod.program === 'dns');
    if (server === undefined)
      throw new Error(
        `this fault needs CoreDNS, and the lab has only ${ground.plan.pods.map(podKey).join(', ')}`,
      );
    return keepAsking(ground, {
      pod: 'default/web-node-2',
      sourcePort: fixedDnsPort,
      answeredBy: server.address,
    });
  },
};
