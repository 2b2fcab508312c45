// Symptom  A Service answers pods and not what comes from outside, or not from the node: the answer comes from a pod's address.
// Cause    What comes from elsewhere to a Service is not masqueraded, so the answer takes a way that does not translate it back.
// Known by Having kube-proxy's chains as the objects say (and nothing else) makes the failing flows arrive.
// Repair   Restart kube-proxy (on k3s: the service).
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { isRewrite, rewriteElements } from './rewritten-program.ts';

export const serviceNotMasqueraded: CatalogueEntry = {
  text: {
    code: 'service-not-masqueraded',
    layer: 'netfilter',
    title: 'A Service’s answers go round the node that translated the request',
    meaning:
      'kube-proxy marks what comes from outside the pod network to a Service, and masquerades it, so that the answer comes back to the node that translated it. Without that (its POSTROUTING chain is gone, somebody accepts in front of it, a mark is cleared) the endpoint answers the client directly, from an address that the client never asked, and the client drops the answer.',
    howProved:
      'The failing flows’ answers arrive from an address that was not asked, and chains as kube-proxy would write them make the flows arrive on the model, both ways.',
    byHand: [
      '$ iptables-save -t nat | grep -e KUBE-POSTROUTING -e KUBE-MARK-MASQ',
      'Who stands in front of it, and does it count packets?',
      '$ iptables -t nat -nvL POSTROUTING',
      '$ systemctl restart k3s-agent',
    ],
    sources: ['kubernetes 1.36, pkg/proxy/iptables/proxier.go (KUBE-MARK-MASQ, KUBE-POSTROUTING)'],
  },
  name: (group, world) => {
    if (!isRewrite(group, { program: 'kube-proxy', reason: 'masquerade' })) return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'service-not-masqueraded',
      layer: 'netfilter',
      title: `${nodes} does not masquerade what it sends on to a Service's endpoints.`,
      explanation: `${nodes} translates the Service's address but leaves the sender's as it is. The endpoint answers the sender directly, past ${nodes}, so nobody translates the answer back, and the sender does not take it for one.`,
      subjects: group.namespaces,
      elements: rewriteElements(
        group,
        world,
        (element) => element.kind === 'absence' && element.of === 'connection',
      ),
    };
  },
};
