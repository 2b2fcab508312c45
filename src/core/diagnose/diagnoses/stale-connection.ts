// Symptom  After a pod moved, one client keeps timing out while others get through; restarting the client cures it.
// Cause    The kernel remembers the client's connection, and still translates it to the pod that is gone.
// Known by Forgetting that connection (and nothing else) makes the failing flow arrive.
// Repair   Delete the entry; kube-proxy does so itself for endpoints that it sees go.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { filterElements, quoteFirst } from './filter-changes.ts';
import type { Change } from '../../snapshot/change.ts';

export const staleConnection: CatalogueEntry = {
  text: {
    code: 'stale-connection',
    layer: 'netfilter',
    title: 'A remembered connection leads to an endpoint that is gone',
    meaning:
      'What is decided for a connection’s first packet holds for all its later ones. A UDP client that keeps its port (a resolver, a game server, a SIP phone) keeps its entry alive with every packet it sends, also when the pod behind it is gone. kube-proxy deletes such entries when it sees an endpoint go; a race, a restart at the wrong time or a hand-made change leaves one behind.',
    howProved:
      'The entry stands in the node’s connection table and decides the flow before any rule, and forgetting it alone makes the flow arrive on the model, both ways.',
    byHand: [
      'Entries of a Service whose answers should come from a pod that is not among its endpoints:',
      '$ conntrack -L -p udp --orig-dst 10.43.0.10',
      '$ kubectl get endpointslices -n kube-system -l kubernetes.io/service-name=kube-dns',
      'Forget them:',
      '$ conntrack -D -p udp --orig-dst 10.43.0.10',
    ],
    sources: [
      'kubernetes 1.36, pkg/proxy/conntrack/cleanup.go (CleanStaleEntries)',
      'kubernetes/kubernetes#125467',
    ],
  },
  name: (group, world) => {
    const removed = group.changes.flatMap((change) => (change.kind === 'remove-connection' ? [change] : []));
    if (removed.length === 0 || removed.length !== group.changes.length) return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    return {
      code: 'stale-connection',
      layer: 'netfilter',
      title: `${nodes} remembers a connection to ${describeTargets(removed)} that leads nowhere.`,
      explanation: `On ${nodes} the connection table has ${quoteFirst(elements)}. As long as packets of that connection come, it decides for them before any rule does, and they go to an endpoint that does not answer.`,
      subjects: group.namespaces,
      elements,
    };
  },
};

function describeTargets(removed: readonly Extract<Change, { kind: 'remove-connection' }>[]): string {
  return joinWords(removed.map(({ original }) => `${original.destination}:${original.destinationPort}`));
}
