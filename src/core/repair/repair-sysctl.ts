// Repairs for a kernel switch: set it now, and keep it in sysctl.d so that it is set at boot.
import { commandsOf } from './commands.ts';
import { reverseCommands, writeFileCommand } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { RepairCommand } from './plan.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames, joinWords } from '../diagnose/name-cause.ts';

const file = '/etc/sysctl.d/99-waylaid.conf';

export function draftSysctlRepairs(cause: RootCause): readonly RepairDraft[] {
  const settings = cause.changes.flatMap((change) => (change.kind === 'set-sysctl' ? [change] : []));
  if (settings.length === 0 || settings.length !== cause.changes.length) return [];
  const isBridge = settings.some((change) => change.key.startsWith('net.bridge.'));
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
      commands: [...(isBridge ? machines.map(loadBridgeFilter) : []), ...parts.flatMap((part) => part.do)],
      changes: settings,
      undo: reverseCommands(parts.flatMap((part) => part.undo)),
      risk: 'low',
      isDisruptive: false,
      note: 'It is lost at the next boot, or when something sets it again.',
    },
    {
      kind: 'persistent',
      title: `Keep ${words} on ${joinNames(machines)} in ${file}`,
      commands: [
        ...(isBridge ? machines.flatMap((on) => [writeModule(on), loadBridgeFilter(on)]) : []),
        ...written,
        ...parts.flatMap((part) => part.do),
      ],
      changes: settings,
      undo: [
        ...machines.map((machine) => ({
          on: machine,
          argv: ['rm', '-f', file, ...(isBridge ? [moduleFile] : [])],
        })),
        ...reverseCommands(parts.flatMap((part) => part.undo)),
      ],
      risk: 'low',
      isDisruptive: false,
      note: 'Files of sysctl.d are read in name order: one that sorts after 99-waylaid.conf wins over it.',
    },
  ];
}

const moduleFile = '/etc/modules-load.d/waylaid-br-netfilter.conf';

/** The switch exists only with the module, so that has to come first, at boot too. */
function writeModule(on: string): RepairCommand {
  return writeFileCommand(on, moduleFile, 'br_netfilter\n');
}

function loadBridgeFilter(on: string): RepairCommand {
  return { on, argv: ['modprobe', 'br_netfilter'] };
}
