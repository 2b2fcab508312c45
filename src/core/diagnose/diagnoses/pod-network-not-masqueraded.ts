// Symptom  Pods reach each other and nothing outside the cluster; the packets leave and no answer comes.
// Cause    What pods send out of the pod network keeps the pod's address, to which nobody outside knows the way.
// Known by Having flannel's masquerading rules (and nothing else) makes the failing flows arrive.
// Repair   Let flannel write them again; switch its masquerading on.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { filterElements } from './filter-changes.ts';
import { isRewrite } from './rewritten-program.ts';

export const podNetworkNotMasqueraded: CatalogueEntry = {
  text: {
    code: 'pod-network-not-masqueraded',
    layer: 'netfilter',
    title: 'What pods send out of the pod network keeps their addresses',
    meaning:
      'Pod addresses mean nothing outside the cluster, so flannel masquerades what leaves for elsewhere: the LAN, the internet, the tailnet. Where those rules were flushed or masquerading is off, packets leave with the pod’s address, and routers and machines outside have no way back to it. DNS upstreams and image registries fail from pods, and work from the node.',
    howProved:
      'The failing flows leave with a pod’s address and find no way back, and flannel’s masquerading rules alone make them arrive on the model.',
    byHand: [
      '$ iptables-save -t nat | grep FLANNEL-POSTRTG',
      '$ cat /run/flannel/subnet.env',
      'FLANNEL_IPMASQ has to be true; flannel writes its rules again when it starts:',
      '$ systemctl restart k3s-agent',
    ],
    sources: ['flannel 0.28, pkg/trafficmngr/iptables/iptables.go (resync every 5 s where enabled)'],
  },
  name: (group, world) => {
    if (!isRewrite(group, { program: 'flannel', reason: 'masquerade' })) return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'pod-network-not-masqueraded',
      layer: 'netfilter',
      title: `${nodes} does not masquerade what pods send out of the pod network.`,
      explanation: `Packets of pods on ${nodes} leave the pod network with the pod's own address. Nobody outside knows a way back to it, so no answer comes. flannel's masquerading rules are not there.`,
      subjects: group.namespaces,
      elements: filterElements(group, world),
    };
  },
};
