// Repairs for what flannel should have written: the entries by hand at once, and flannel started again so that it writes all
// of them (on k3s it is part of the service).
import { commandsOf } from './commands.ts';
import { reverseCommands } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { RepairCommand } from './plan.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';

const kinds: readonly string[] = ['add-route', 'set-fdb', 'set-neighbor'];

export function draftEntryRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  if (cause.changes.length === 0 || cause.changes.some((change) => !kinds.includes(change.kind))) return [];
  const parts = cause.changes.map(commandsOf);
  const nodes = cause.subjects.filter((subject) => subject.startsWith('node/'));
  const restart = nodes.flatMap((node) => restartFlannel(world, node));
  return [
    {
      kind: 'immediate',
      title: `Write the missing or wrong entries on ${joinNames(nodes)} by hand`,
      commands: parts.flatMap((part) => part.do),
      changes: cause.changes,
      undo: reverseCommands(parts.flatMap((part) => part.undo)),
      risk: 'low',
      isDisruptive: false,
      note: 'They are exactly what flannel writes for the Node, so flannel will not mind.',
    },
    {
      kind: 'persistent',
      title: `Let flannel on ${joinNames(nodes)} write all of its entries again`,
      commands: restart,
      changes: cause.changes,
      undo: [],
      risk: 'low',
      isDisruptive: false,
      note: 'Running pods keep running; find out what took the entry away, or it may come again.',
    },
  ];
}

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

function findK3sUnit(world: World, node: string): string | undefined {
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
