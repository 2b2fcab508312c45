// What went wrong while reading a bundle from disk, as data: nothing in this folder throws for bad input.
// A fatal problem means that no file was delivered; after any other, the rest of the bundle was.
import type { Note } from '../../core/fact/note.ts';

export interface BundleProblem extends Note {
  /** Set when not one file could be delivered. */
  readonly isFatal?: boolean;
}

export interface FatalProblem extends BundleProblem {
  readonly isFatal: true;
}

export function fatalProblem(code: Note['code'], path: string, text: string): FatalProblem {
  return { code, path, text, isFatal: true };
}

export function describeSeveralBundles(path: string, folders: readonly string[]): FatalProblem {
  const names = folders.slice(0, 5).join(', ');
  return fatalProblem(
    'unknown-format',
    path,
    `${path} holds ${folders.length} bundles (${names}); give one of them.`,
  );
}

/** Why a file or folder could not be read, from the error that the file system gave. */
export function describeReadError(error: unknown): string {
  const code = errorCode(error);
  if (code === 'ENOENT') return 'no such file or folder';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code !== undefined) return `the system answered ${code}`;
  return error instanceof Error ? error.message : String(error);
}

function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
