// Symptom  Pods on one node cannot reach the pods of another; all else works.
// Cause    The route to the other node's pods, which flannel writes, is gone.
// Known by Adding exactly that route makes the failing flows arrive.
// Repair   Restart flannel (k3s), which writes it again; by hand, add the route.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import type { CauseElement } from '../diagnosis.ts';
import { routesFileEvidence } from './absent-evidence.ts';
import { formatRoute } from '../../snapshot/format-routing.ts';

export const flannelRouteMissing: CatalogueEntry = {
  text: {
    code: 'flannel-route-missing',
    layer: 'kernel-route',
    title: "A node has lost flannel's route to another node's pods",
    meaning:
      'For every other node flannel writes one route: that node’s pod prefix by its own VXLAN device. Where it is gone (a network manager that tidies routes, a device that was taken down and up, a restart half-way), packets for those pods follow the default route out of the cluster. flannel writes its routes when it learns of a node, and does not look whether they stay.',
    howProved:
      'Adding exactly the route that flannel writes for the Node makes the failing flows arrive on the model, both ways.',
    byHand: [
      'Compare with the Nodes: one route for each other node’s podCIDR',
      '$ ip route show dev flannel.1',
      '$ kubectl get nodes -o custom-columns=NAME:.metadata.name,CIDR:.spec.podCIDR',
      'Let flannel write it again (on k3s it is part of the service):',
      '$ systemctl restart k3s-agent',
      'Or by hand:',
      '$ ip route add 10.42.2.0/24 via 10.42.2.0 dev flannel.1 onlink',
    ],
    sources: [
      'flannel 0.28.9, pkg/backend/vxlan/vxlan_network.go (route, neighbour and FDB entry per lease)',
    ],
  },
  name: (group, world) => {
    const missing = group.changes.flatMap((change) => (change.kind === 'add-route' ? [change] : []));
    if (missing.length === 0 || missing.length !== group.changes.length) return undefined;
    const nodes = joinNames(group.namespaces);
    const texts = [...new Set(missing.map((change) => formatRoute(change.route)))];
    const elements: readonly CauseElement[] = missing.map((change) => ({
      kind: 'missing-route',
      in: change.namespace,
      text: formatRoute(change.route),
      evidence: routesFileEvidence(world, change.namespace, change.route.family),
    }));
    return {
      code: 'flannel-route-missing',
      layer: 'kernel-route',
      title: `${nodes} has lost flannel's route to the pods of another node.`,
      explanation: `flannel should have written ${texts.slice(0, 3).join('; ')} on ${nodes}, as the Node's podCIDR and annotations say. Without it, packets for those pods take the default route and leave the cluster.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
