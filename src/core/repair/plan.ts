// A repair: the commands a person would type, the same as data (what simulation and apply both interpret), how to undo
// them, and what the model says they heal and break.
import type { Change } from '../snapshot/change.ts';

export interface RepairCommand {
  /** `node/NAME`, `host/NAME`, `tailnet/device/NAME` or `cluster`. */
  readonly on: string;
  readonly argv: readonly string[];
  /** What the command reads on its standard input (a unit file for `tee`). */
  readonly stdin?: string;
}

export interface ChangeCommands {
  readonly do: readonly RepairCommand[];
  readonly undo: readonly RepairCommand[];
}

export interface Simulated {
  readonly heals: number;
  readonly breaks: number;
  readonly leaves: number;
  readonly unknown: number;
}

export interface Repair {
  readonly id: string;
  /** Root cause ids. */
  readonly for: readonly string[];
  readonly kind: 'immediate' | 'persistent' | 'at-source';
  readonly title: string;
  readonly commands: readonly RepairCommand[];
  readonly changes: readonly Change[];
  readonly undo: readonly RepairCommand[];
  readonly risk: 'low' | 'medium' | 'high';
  readonly isDisruptive: boolean;
  /** What a person should know before: one sentence. */
  readonly note?: string;
  readonly simulated: Simulated;
}
