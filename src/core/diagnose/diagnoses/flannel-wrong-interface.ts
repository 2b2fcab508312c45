// Symptom  A node's pods and the other nodes' pods cannot reach each other; the nodes themselves can.
// Cause    flannel on that node uses an interface that the other nodes cannot reach, and published its address.
// Known by Moving its end of the overlay to the node's own address makes the failing flows arrive.
// Repair   Name the interface in k3s's or flannel's configuration and restart; at once, the entries on the other nodes.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import type { CauseElement } from '../diagnosis.ts';
import type { World } from '../world.ts';
import type { Change } from '../../snapshot/change.ts';

type MoveVtep = Extract<Change, { kind: 'move-vtep' }>;

export const flannelWrongInterface: CatalogueEntry = {
  text: {
    code: 'flannel-wrong-interface',
    layer: 'kernel-route',
    title: 'flannel uses an interface that the other nodes cannot reach',
    meaning:
      'flannel takes the interface of the default route unless it is told otherwise, and publishes its address for the other nodes to send to. On a machine with several interfaces (a storage network, Vagrant’s NAT, a VPN) that may be one that the others cannot reach: node to node works, pod to pod across nodes does not.',
    howProved:
      'The outer packets to the published address are lost; moving the end of the overlay to the interface with the Node’s own address makes the failing flows arrive on the model, both ways.',
    byHand: [
      'Compare what is published with the node’s address:',
      '$ kubectl get nodes -o wide',
      '$ kubectl get node NAME -o jsonpath={.metadata.annotations.flannel\\.alpha\\.coreos\\.com/public-ip}',
      '$ ip -d link show flannel.1',
      'Name the interface (k3s) and restart; the annotation follows:',
      '$ echo "flannel-iface: eth0" >> /etc/rancher/k3s/config.yaml',
      '$ systemctl restart k3s-agent',
    ],
    sources: ['flannel 0.28.9, pkg/ipmatch/match.go (choice of the interface)', 'k3s docs, --flannel-iface'],
  },
  name: (group, world) => {
    const moves = group.changes.flatMap((change) => (change.kind === 'move-vtep' ? [change] : []));
    const first = moves[0];
    if (first === undefined || moves.length !== group.changes.length) return undefined;
    const nodes = joinNames(group.namespaces);
    const was = first.was?.local ?? 'another address';
    return {
      code: 'flannel-wrong-interface',
      layer: 'kernel-route',
      title: `flannel on ${nodes} uses ${first.was?.lower ?? 'an interface'} (${was}), which the other nodes cannot reach.`,
      explanation: `${nodes}'s end of the overlay is at ${was}, and the other nodes send its pods' packets there. They reach the node at ${first.local} (${first.lower}), not at ${was}, so what is for its pods is lost between the nodes.`,
      subjects: group.namespaces,
      elements: moves.flatMap((move) => elementsOf(world, move)),
    };
  },
};

function elementsOf(world: World, move: MoveVtep): readonly CauseElement[] {
  const link = world.network.namespaces.get(move.namespace)?.linksByName.get(move.link);
  const nodes = world.network.cluster.nodes.known ? world.network.cluster.nodes.value : [];
  const node = nodes.find((fact) => `node/${fact.name}` === move.namespace);
  const device = `${move.link} local ${move.was?.local ?? '?'} dev ${move.was?.lower ?? '?'}`;
  const published = `public-ip ${node?.flannel?.publicIp ?? '?'}`;
  return [
    ...(link === undefined
      ? []
      : [{ kind: 'vxlan', in: move.namespace, text: device, evidence: { ...link.evidence, quote: device } }]),
    ...(node === undefined
      ? []
      : [
          {
            kind: 'annotation',
            in: move.namespace,
            text: published,
            evidence: { ...node.evidence, quote: published },
          },
        ]),
  ];
}
