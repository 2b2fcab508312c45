// Reads an evidence bundle from disk: a folder, or a tar archive (plain, gzip or zstd).
// In: a path. Out: one file after another to `onFile`, never the whole bundle at once, and everything that was wrong as
// problems. What `onFile` throws is passed on; bad input never throws.
import { closeSync, openSync, readSync, statSync } from 'node:fs';
import type { BundleFile } from '../../core/snapshot/bundle-file.ts';
import { detectKind, headBytes } from './bundle-kind.ts';
import { describeReadError, fatalProblem } from './bundle-problem.ts';
import type { BundleProblem } from './bundle-problem.ts';
import { readArchive } from './read-archive.ts';
import { readFolder } from './read-folder.ts';

export async function readBundleFiles(
  path: string,
  onFile: (file: BundleFile) => void,
): Promise<BundleProblem[]> {
  const found = lookAt(path);
  if ('text' in found) return [found];
  if (found.isFolder) return readFolder(path, onFile);
  const kind = detectKind(found.head);
  if (!kind.ok)
    return [fatalProblem('unknown-format', path, `${path} is not an evidence bundle: it ${kind.why}.`)];
  return readArchive({ path, packing: kind.packing }, onFile);
}

function lookAt(path: string): { isFolder: boolean; head: Uint8Array } | BundleProblem {
  try {
    const found = statSync(path);
    if (found.isDirectory()) return { isFolder: true, head: new Uint8Array(0) };
    if (found.isFile()) return { isFolder: false, head: readHead(path) };
  } catch (error) {
    return fatalProblem('unreadable-file', path, `${path} cannot be read: ${describeReadError(error)}.`);
  }
  return fatalProblem('unknown-format', path, `${path} is a device, pipe or socket, not an evidence bundle.`);
}

function readHead(path: string): Uint8Array {
  const file = openSync(path, 'r');
  try {
    const head = new Uint8Array(headBytes);
    let filled = 0;
    while (filled < headBytes) {
      const bytesRead = readSync(file, head, filled, headBytes - filled, filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return head.subarray(0, filled);
  } finally {
    closeSync(file);
  }
}
