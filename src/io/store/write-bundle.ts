// Writes an evidence bundle: a folder, a .tar or a .tar.gz, by the target's name. In: files by path. Out: nothing but the
// target, which is whole or absent. The same files give the same bytes: sorted, one time stamp, no owner. Bundles are
// readable by their owner only, as they tell a network's inside.
import { createWriteStream } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import type { Pack } from 'tar-stream';
import { cleanEntryPath, manifestName } from './entry-path.ts';
import { checkTarget, targetKind, writeBeside } from './write-target.ts';

export interface WriteOptions {
  /** Replace what is there, if it is a bundle. */
  readonly mayReplace?: boolean;
  readonly signal?: AbortSignal;
}

export async function writeBundle(
  files: ReadonlyMap<string, Uint8Array>,
  target: string,
  options: WriteOptions = {},
): Promise<void> {
  const entries = sortEntries(files);
  const path = target.replace(/(?<=.)\/+$/, '');
  await checkTarget(path, options.mayReplace ?? false);
  await writeBeside(path, (temporaryPath) =>
    targetKind(path) === 'folder'
      ? writeFolder(entries, temporaryPath, options.signal)
      : writeArchive(
          entries,
          { path: temporaryPath, isPacked: targetKind(path) === 'tar.gz' },
          options.signal,
        ),
  );
}

/** The same as a plain tar stream, for standard output. */
export function streamBundle(files: ReadonlyMap<string, Uint8Array>): AsyncIterable<Uint8Array> {
  return tarChunks(sortEntries(files));
}

type Entry = readonly [path: string, content: Uint8Array];

/** The manifest first, so that a reader of a stream knows what to expect; then by path. */
function sortEntries(files: ReadonlyMap<string, Uint8Array>): Entry[] {
  const entries = [...files];
  for (const [path] of entries) {
    const cleaned = cleanEntryPath(path);
    if (!cleaned.ok || cleaned.path !== path || path === '') {
      throw new RangeError(`'${path}' cannot be the path of a file in a bundle.`);
    }
  }
  return entries.sort(([left], [right]) => {
    if (left === manifestName || right === manifestName) return left === manifestName ? -1 : 1;
    return left < right ? -1 : 1;
  });
}

async function writeFolder(entries: readonly Entry[], folder: string, signal?: AbortSignal): Promise<void> {
  await mkdir(folder, { mode: 0o700 });
  for (const [path, content] of entries) {
    signal?.throwIfAborted();
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    await writeFile(file, content, { mode: 0o600, flag: 'wx' });
  }
}

interface ArchiveFile {
  readonly path: string;
  readonly isPacked: boolean;
}

async function writeArchive(
  entries: readonly Entry[],
  file: ArchiveFile,
  signal?: AbortSignal,
): Promise<void> {
  const stages = [
    Readable.from(tarChunks(entries)),
    ...(file.isPacked ? [createGzip()] : []),
    createWriteStream(file.path, { mode: 0o600, flags: 'wx' }),
  ];
  await pipeline(stages, signal === undefined ? {} : { signal });
}

async function* tarChunks(entries: readonly Entry[]): AsyncGenerator<Uint8Array> {
  const tar = pack();
  const added = addEntries(tar, entries);
  // Whoever reads may stop half-way; what is added then fails, and that is no news.
  added.catch(() => undefined);
  for await (const chunk of tar) yield chunk as Uint8Array;
  await added;
}

async function addEntries(tar: Pack, entries: readonly Entry[]): Promise<void> {
  for (const [path, content] of entries) {
    await new Promise<void>((resolve, reject) => {
      const header = { name: path, size: content.length, mode: 0o600, mtime: new Date(0), uid: 0, gid: 0 };
      tar.entry(header, Buffer.from(content), (error) => (error ? reject(error) : resolve()));
    });
  }
  tar.finalize();
}
