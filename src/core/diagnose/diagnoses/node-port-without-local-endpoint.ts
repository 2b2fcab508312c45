// Symptom  A NodePort or load balancer address answers on some nodes, and times out on others.
// Cause    externalTrafficPolicy Local, and clients use nodes where the Service has no endpoint.
// Known by Rules as for the policy Cluster (and nothing else) make the failing flows arrive.
// Repair   The policy Cluster, an endpoint on every node that is used, or only the nodes that have one.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { findLocalService } from '../propose-cluster-policy.ts';
import { elementOfChange } from '../element-of-change.ts';
import { reasonOf } from './filter-changes.ts';

export const nodePortWithoutLocalEndpoint: CatalogueEntry = {
  text: {
    code: 'node-port-without-local-endpoint',
    layer: 'kube-object',
    title: 'A Service with externalTrafficPolicy Local is used by a node that has no endpoint of it',
    meaning:
      'With externalTrafficPolicy Local a node sends what comes from outside only to its own endpoints, so that they see the client’s address. A node without one drops it, and does not refuse it, so that a load balancer takes its health check’s word and not a closed port. A client that uses such a node directly waits until it gives up.',
    howProved:
      'The failing flows end at the rule that kube-proxy wrote for it, and the rules that it would have written for the policy Cluster make them arrive on the model.',
    byHand: [
      'Where are the endpoints, and which nodes do clients use?',
      '$ kubectl get endpointslices -n NAMESPACE -l kubernetes.io/service-name=SERVICE -o wide',
      'Let every node answer (the endpoints then see the node’s address):',
      '$ kubectl patch service -n NAMESPACE SERVICE -p {"spec":{"externalTrafficPolicy":"Cluster"}}',
      'Or keep the policy and run an endpoint on every node that is used (a DaemonSet), or use only those that have one.',
    ],
    sources: [
      'Kubernetes documentation, Virtual IPs and Service Proxies (external traffic policy)',
      'kubernetes 1.36, pkg/proxy/iptables/proxier.go (“has no local endpoints”: DROP)',
    ],
  },
  name: (group, world) => {
    if (reasonOf(group) !== 'cluster-policy') return undefined;
    const drops = group.changes.flatMap((change) => (change.kind === 'remove-filter-rule' ? [change] : []));
    const services = [...new Set(drops.flatMap(({ rule }) => findLocalService(rule.text) ?? []))].sort();
    const names = joinWords(services.map((service) => service.replace('service/', '')));
    const nodes = joinNames(group.namespaces);
    return {
      code: 'node-port-without-local-endpoint',
      layer: 'kube-object',
      title: `Service ${names} answers only on nodes that have an endpoint of it, and ${nodes} ${group.namespaces.length === 1 ? 'has' : 'have'} none.`,
      explanation: `${names} has externalTrafficPolicy Local. What comes from outside to ${nodes} may only go to an endpoint there; there is none, so kube-proxy's rule drops it.`,
      subjects: [...services, ...group.namespaces],
      elements: drops.map((change) => elementOfChange(change, world)),
    };
  },
};
