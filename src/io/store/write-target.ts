// Where a bundle is written: checked before, written beside, moved into place at the end, so that what stands under the
// wanted name is whole or was there before. Every failure becomes one sentence (BundleWriteError).
import { lstat, readdir, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { isLayoutName, manifestName } from './entry-path.ts';

export type TargetKind = 'folder' | 'tar' | 'tar.gz';

/** Its message is a sentence for a person. */
export class BundleWriteError extends Error {}

export function targetKind(path: string): TargetKind {
  if (path.endsWith('.tar.gz') || path.endsWith('.tgz')) return 'tar.gz';
  return path.endsWith('.tar') ? 'tar' : 'folder';
}

/** Refuses what is there already; with force, what is there must be of the kind that replaces it. */
export async function checkTarget(path: string, mayReplace: boolean): Promise<void> {
  const found = await lookAt(path);
  if (found === undefined) return;
  if (!mayReplace) {
    throw new BundleWriteError(`${path} exists already; choose another name, or replace it with --force.`);
  }
  const isFolder = targetKind(path) === 'folder';
  if (isFolder && found.isDirectory()) return checkFolder(path);
  if (!isFolder && found.isFile()) return;
  throw new BundleWriteError(`${path} is ${isFolder ? 'no folder' : 'no file'}, so it is not replaced.`);
}

/** A folder is replaced as a whole: only one that holds a bundle, or nothing, may be. */
async function checkFolder(path: string): Promise<void> {
  const names = await asSentence(path, readdir(path));
  const isBundle =
    names.includes(manifestName) && names.every((name) => name === manifestName || isLayoutName(name));
  if (names.length === 0 || isBundle) return;
  throw new BundleWriteError(`${path} holds something other than a bundle, so it is not replaced.`);
}

async function lookAt(path: string): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw describeWriteError(path, error);
  }
}

/** Calls `write` with a temporary path beside `path`, then moves the result into place; nothing is left when it fails. */
export async function writeBeside(
  path: string,
  write: (temporaryPath: string) => Promise<void>,
): Promise<void> {
  const target = resolve(path);
  const temporaryPath = `${target}.partial-${process.pid}`;
  try {
    await write(temporaryPath);
    if (targetKind(path) === 'folder') await replaceFolder(temporaryPath, target);
    else await rename(temporaryPath, target);
  } catch (error) {
    await rm(temporaryPath, { recursive: true, force: true }).catch(() => undefined);
    throw error instanceof BundleWriteError ? error : describeWriteError(path, error);
  }
}

/** rename(2) replaces an empty folder only, so a full one steps aside first. */
async function replaceFolder(temporaryPath: string, target: string): Promise<void> {
  const asidePath = `${target}.replaced-${process.pid}`;
  const isAside = await rename(target, asidePath).then(
    () => true,
    (error: unknown) => {
      if (errorCode(error) === 'ENOENT') return false;
      throw error;
    },
  );
  try {
    await rename(temporaryPath, target);
  } catch (error) {
    if (isAside) await rename(asidePath, target);
    throw error;
  }
  if (isAside) await rm(asidePath, { recursive: true, force: true });
}

async function asSentence<T>(path: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw describeWriteError(path, error);
  }
}

const sentences: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'it would be larger than a file may be',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of its path is not a folder',
  ENAMETOOLONG: 'its name is too long',
};

function describeWriteError(path: string, error: unknown): unknown {
  const code = errorCode(error);
  // Giving up (an AbortError) and bugs are not about the disk.
  if (code === undefined || (error instanceof Error && error.name === 'AbortError')) return error;
  const why = code === 'ENOENT' ? `there is no folder ${dirname(resolve(path))}` : (sentences[code] ?? code);
  return new BundleWriteError(`${path} could not be written: ${why}.`);
}

function errorCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
