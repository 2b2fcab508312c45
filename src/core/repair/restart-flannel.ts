// How the programs that k3s carries are started again: flannel and kube-proxy live in its service, elsewhere in DaemonSets.
// In: the world and a node. Out: the commands, or the unit's name.
import type { RepairCommand } from './plan.ts';
import type { World } from '../diagnose/world.ts';

/** k3s carries flannel in its own service, named for the role; elsewhere flannel is a DaemonSet. */
export function restartFlannel(world: World, node: string): readonly RepairCommand[] {
  const unit = findK3sUnit(world, node);
  if (unit !== undefined) return [{ on: node, argv: ['systemctl', 'restart', unit] }];
  const name = node.slice('node/'.length);
  const selector = `spec.nodeName=${name}`;
  return [
    {
      on: 'cluster',
      argv: [
        'kubectl',
        '-n',
        'kube-flannel',
        'delete',
        'pod',
        '-l',
        'app=flannel',
        '--field-selector',
        selector,
      ],
    },
  ];
}

export function findK3sUnit(world: World, node: string): string | undefined {
  const machine = world.network.machines.get(node);
  for (const line of machine?.facts.commandLines.values() ?? []) {
    if (!line.known || !line.value.some((word) => /(^|\/)k3s$/.test(word))) continue;
    return line.value.includes('agent') ? 'k3s-agent' : 'k3s';
  }
  const nodes = world.network.cluster.nodes.known ? world.network.cluster.nodes.value : [];
  const fact = nodes.find((candidate) => `node/${candidate.name}` === node);
  if (fact?.kubeletVersion?.includes('k3s') !== true) return undefined;
  const isServer = [...fact.labels.keys()].some((label) =>
    /node-role\.kubernetes\.io\/(control-plane|master)/.test(label),
  );
  return isServer ? 'k3s' : 'k3s-agent';
}
