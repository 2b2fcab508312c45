// The bundle's manifest (`waylaid.json`): what was asked for, what each command answered, and why something is missing.

export type ItemProblem =
  'forbidden' | 'absent' | 'not-installed' | 'timed-out' | 'unreachable' | 'failed' | 'truncated';

export interface ManifestItem {
  readonly path: string;
  readonly argv?: readonly string[];
  readonly exit?: number;
  readonly startedAt?: string;
  readonly durationMs?: number;
  readonly problem?: ItemProblem;
  /** One sentence more: what the command said. */
  readonly detail?: string;
}

export interface Manifest {
  readonly format: string;
  readonly collectedAt?: string;
  readonly collectedBy?: string;
  readonly clusterName?: string;
  readonly isRedacted?: boolean;
  /** By path. */
  readonly items: ReadonlyMap<string, ManifestItem>;
}
