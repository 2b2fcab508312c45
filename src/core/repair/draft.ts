// A repair before it was simulated and numbered.
import type { Change } from '../snapshot/change.ts';
import type { Repair, RepairCommand } from './plan.ts';

export interface RepairDraft {
  readonly kind: Repair['kind'];
  readonly title: string;
  readonly commands: readonly RepairCommand[];
  readonly changes: readonly Change[];
  readonly undo: readonly RepairCommand[];
  readonly risk: Repair['risk'];
  readonly isDisruptive: boolean;
  readonly note?: string;
}

/** Undo runs backwards. */
export function reverseCommands(commands: readonly RepairCommand[]): readonly RepairCommand[] {
  return [...commands].reverse();
}

/** Writes a file as root, in the form that can be shown, run and undone. */
export function writeFileCommand(on: string, path: string, content: string): RepairCommand {
  return { on, argv: ['tee', path], stdin: content };
}

export function shellWords(argv: readonly string[]): string {
  return argv
    .map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
