// Files of a bundle for tests, from text or bytes.
import type { BundleFile } from '../../src/core/snapshot/bundle-file.ts';
import { createSnapshotReader } from '../../src/core/snapshot/read-snapshot.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';

export function makeFile(path: string, content: string | Uint8Array, isTruncated = false): BundleFile {
  const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
  const text = (start = 0, end = bytes.length): string =>
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(start, end));
  return isTruncated ? { path, bytes, text, isTruncated } : { path, bytes, text };
}

export function makeJsonFile(path: string, content: unknown): BundleFile {
  return makeFile(path, JSON.stringify(content));
}

export function snapshotOf(files: Iterable<BundleFile>): Snapshot {
  const reader = createSnapshotReader();
  for (const file of files) reader.take(file);
  return reader.finish();
}
