// Repairs for packets that are too large: the devices get the size that fits at once; for good, the pod network's program
// is started again, which sets its devices by what carries them, and pods get theirs when they are made anew.
import { commandsOf } from './commands.ts';
import { reverseCommands } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import { restartFlannel } from './restart-flannel.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';

export function draftMtuRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  const sized = cause.changes.flatMap((change) => (change.kind === 'set-mtu' ? [change] : []));
  if (sized.length === 0 || sized.length !== cause.changes.length) return [];
  const onMachines = sized.filter((change) => !change.namespace.startsWith('pod/'));
  const parts = (onMachines.length === 0 ? sized : onMachines).map(commandsOf);
  const nodes = [...new Set(onMachines.map((change) => change.namespace))].sort();
  const immediate: RepairDraft = {
    kind: 'immediate',
    title: `Let the devices of pods on ${joinNames(nodes)} be smaller`,
    commands: parts.flatMap((part) => part.do),
    changes: sized,
    undo: reverseCommands(parts.flatMap((part) => part.undo)),
    risk: 'low',
    isDisruptive: false,
    note: 'A pod’s own device keeps its size until the pod is made anew.',
  };
  const restart = nodes
    .filter((node) => node.startsWith('node/'))
    .flatMap((node) => restartFlannel(world, node));
  if (restart.length === 0) return [immediate];
  return [
    immediate,
    {
      kind: 'persistent',
      title: `Let flannel on ${joinNames(nodes)} measure what carries it, and make the pods anew`,
      commands: [
        ...restart,
        ...nodes.flatMap((node) => {
          const name = node.replace(/^node\//, '');
          return [
            {
              on: 'cluster',
              argv: ['kubectl', 'drain', name, '--ignore-daemonsets', '--delete-emptydir-data'],
            },
            { on: 'cluster', argv: ['kubectl', 'uncordon', name] },
          ];
        }),
      ],
      changes: sized,
      undo: [],
      risk: 'medium',
      isDisruptive: true,
      note: 'flannel sets its device to the carrying one’s size less its headers when it starts; pods made after that get the same.',
    },
  ];
}
