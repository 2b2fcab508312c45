// Repairs for what flannel should have written: the entries by hand at once, and flannel started again so that it writes all
// of them (on k3s it is part of the service).
import { commandsOf } from './commands.ts';
import { reverseCommands } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import { restartFlannel } from './restart-flannel.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';

const kinds: readonly string[] = ['add-route', 'set-fdb', 'set-neighbor'];

export function draftEntryRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  if (cause.changes.length === 0 || cause.changes.some((change) => !kinds.includes(change.kind))) return [];
  if (cause.code === 'asymmetric-reply-invalid') return [];
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
