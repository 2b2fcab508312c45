// A file of a bundle from its path and bytes, with the decoder that the core has not.
// In: a path relative to the bundle's root and the bytes. Out: what the readers take.
import type { BundleFile } from '../../core/snapshot/bundle-file.ts';

/** Larger files are named and left out: no evidence is that large, and one file is held in memory at a time. */
export const maxFileBytes = 1024 ** 3;

const decoder = new TextDecoder('utf-8');

export function makeBundleFile(path: string, bytes: Uint8Array, isTruncated = false): BundleFile {
  const text = (start = 0, end = bytes.length): string => decoder.decode(bytes.subarray(start, end));
  return isTruncated ? { path, bytes, text, isTruncated } : { path, bytes, text };
}

/** The sentence about a file above the limit. */
export function describeTooLarge(sizeBytes: number): string {
  const gibibytes = (sizeBytes / maxFileBytes).toFixed(1);
  return `is ${gibibytes} GiB large; files above 1 GiB are not read, so it counts as not collected.`;
}
