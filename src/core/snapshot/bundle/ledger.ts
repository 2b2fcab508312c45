// What the manifest says about a path: an item of its own; for a file that is not there also an item about a folder that
// it would lie in (`nodes/node-4/`, when a machine did not answer). A problem with a folder says why things are missing
// in it, not that what did come is wrong. Commands that failed without a problem being named have the problem `failed`.
import type { MissingReason } from '../../fact/known.ts';
import type { Manifest, ManifestItem } from '../manifest.ts';

export interface Verdict {
  /** Absent: the manifest knows of the file and has nothing against it. */
  readonly problem?: MissingReason;
  readonly detail?: string;
  readonly argv?: readonly string[];
  readonly exit?: number;
}

export interface Ledger {
  readonly onFile: (path: string) => Verdict | undefined;
  readonly onAbsence: (path: string) => Verdict | undefined;
}

export function openLedger(manifest: Manifest | undefined): Ledger {
  const items = manifest?.items ?? new Map<string, ManifestItem>();
  const folders = new Map<string, ManifestItem>();
  for (const item of items.values()) {
    if (item.problem !== undefined) folders.set(item.path.replace(/\/+$/, ''), item);
  }
  const onFile = (path: string): Verdict | undefined => {
    const own = items.get(path);
    return own === undefined ? undefined : verdictOf(own);
  };
  const onFolders = (path: string): Verdict | undefined => {
    const folder = enclosingFolders(path).find((name) => folders.has(name));
    const item = folder === undefined ? undefined : folders.get(folder);
    return item === undefined ? undefined : verdictOf(item);
  };
  return { onFile, onAbsence: (path) => onFile(path) ?? onFolders(path) };
}

function verdictOf(item: ManifestItem): Verdict {
  const hasFailed = item.problem === undefined && item.exit !== undefined && item.exit !== 0;
  return {
    problem: hasFailed ? 'failed' : item.problem,
    detail: item.detail ?? (hasFailed ? `the command ended with exit code ${item.exit ?? 0}` : undefined),
    argv: item.argv,
    exit: item.exit,
  };
}

/** The nearest first. */
function enclosingFolders(path: string): string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_part, index) => parts.slice(0, parts.length - 1 - index).join('/'));
}
