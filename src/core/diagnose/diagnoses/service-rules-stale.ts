// Symptom  A Service answers from some nodes and not from others, or only now and then; refused, no route to host.
// Cause    kube-proxy's chains on the node are not what the cluster's objects say any more.
// Known by Having kube-proxy's chains as the objects say (and nothing else) makes the failing flows arrive.
// Repair   Restart kube-proxy (on k3s: the service); clean up after a change of its mode.
import { findOwner } from '../filter-owner.ts';
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { isRewrite, rewriteElements } from './rewritten-program.ts';
import { quoteFirst } from './filter-changes.ts';
import { changesSource } from './masquerade-inside-pod-network.ts';
import type { Element } from '../../trace/flow.ts';

export const serviceRulesStale: CatalogueEntry = {
  text: {
    code: 'service-rules-stale',
    layer: 'netfilter',
    title: 'A node translates a Service to endpoints that it does not have',
    meaning:
      'kube-proxy on every node follows the EndpointSlices. One that stopped, lost its watch or hangs keeps translating to pods that are gone, or keeps refusing a Service that has endpoints again. A change of its mode (iptables, nftables, IPVS) leaves the other mode’s rules behind until the node restarts.',
    howProved:
      'The rule that the failing flows met disagrees with the EndpointSlices, and chains as kube-proxy would write them now make the flows arrive on the model, both ways.',
    byHand: [
      'Compare what the node has with what the objects say:',
      '$ kubectl get endpointslices -n NAMESPACE -l kubernetes.io/service-name=SERVICE',
      '$ iptables-save -t nat | grep NAMESPACE/SERVICE',
      '$ ipvsadm -Ln   # in IPVS mode',
      'Have it written again:',
      '$ systemctl restart k3s-agent',
      'After a change of mode, kube-proxy takes the other mode’s rules away:',
      '$ kube-proxy --cleanup',
    ],
    sources: [
      'kubernetes 1.36, pkg/proxy/iptables/proxier.go and pkg/proxy/topology.go',
      'kubernetes/kubernetes#28674',
    ],
  },
  name: (group, world) => {
    if (!isRewrite(group, { program: 'kube-proxy', reason: 'stale' })) return undefined;
    const elements = rewriteElements(group, world, isVerdictOfProxy);
    const nodes = joinNames(group.namespaces);
    return {
      code: 'service-rules-stale',
      layer: 'netfilter',
      title: `kube-proxy's rules on ${nodes} are not what the EndpointSlices say.`,
      explanation: `On ${nodes} packets for a Service meet ${quoteFirst(elements)}, which does not fit the endpoints that the cluster has now. kube-proxy there does not follow the cluster any more.`,
      subjects: group.namespaces,
      elements,
    };
  },
};

function isVerdictOfProxy(element: Element): boolean {
  if (element.kind === 'absence' && element.of === 'endpoint') return true;
  if (element.kind !== 'filter-rule' || findOwner(element.rule) !== 'kube-proxy') return false;
  return ['drops', 'rejects', 'translates'].includes(element.effect) && !changesSource(element.rule.text);
}
