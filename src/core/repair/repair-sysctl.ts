// Repairs for a kernel switch: set it now, and keep it in sysctl.d so that it is set at boot.
import { commandsOf } from './commands.ts';
import { reverseCommands, writeFileCommand } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames, joinWords } from '../diagnose/name-cause.ts';

const file = '/etc/sysctl.d/99-waylaid.conf';

export function draftSysctlRepairs(cause: RootCause): readonly RepairDraft[] {
  const settings = cause.changes.flatMap((change) => (change.kind === 'set-sysctl' ? [change] : []));
  if (settings.length === 0 || settings.length !== cause.changes.length) return [];
  const parts = settings.map(commandsOf);
  const machines = [...new Set(settings.map((change) => change.namespace))].sort();
  const words = joinWords(settings.map((change) => `${change.key}=${change.value}`));
  const written = machines.map((machine) => {
    const own = settings.filter((change) => change.namespace === machine);
    return writeFileCommand(machine, file, own.map((change) => `${change.key} = ${change.value}\n`).join(''));
  });
  return [
    {
      kind: 'immediate',
      title: `Set ${words} on ${joinNames(machines)}`,
      commands: parts.flatMap((part) => part.do),
      changes: settings,
      undo: reverseCommands(parts.flatMap((part) => part.undo)),
      risk: 'low',
      isDisruptive: false,
      note: 'It is lost at the next boot, or when something sets it again.',
    },
    {
      kind: 'persistent',
      title: `Keep ${words} on ${joinNames(machines)} in ${file}`,
      commands: [...written, ...parts.flatMap((part) => part.do)],
      changes: settings,
      undo: [
        ...machines.map((machine) => ({ on: machine, argv: ['rm', '-f', file] })),
        ...reverseCommands(parts.flatMap((part) => part.undo)),
      ],
      risk: 'low',
      isDisruptive: false,
      note: 'Files of sysctl.d are read in name order: one that sorts after 99-waylaid.conf wins over it.',
    },
  ];
}
