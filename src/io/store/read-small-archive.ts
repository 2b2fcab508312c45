// A small whole archive at once, without streams: nearly every bundle is one, and a stream's machinery would cost more than
// all of its bytes. In: the archive. Out: what lets its entries be visited as often as wanted, or undefined where it is
// large, packed with anything but gzip, damaged or unusual in any way; then the streaming reader reads it and says why.
import { readFileSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { listPlainTar } from './list-plain-tar.ts';
import type { PlainEntry } from './list-plain-tar.ts';
import type { TarEnd, TarVisitor } from './tar-stream-reader.ts';
import type { Packing } from './unpack.ts';

const maxPackedBytes = 8 * 1024 ** 2;
const maxUnpackedBytes = 64 * 1024 ** 2;

export type VisitEntries = (visitor: TarVisitor) => TarEnd;

export function readSmallArchive(path: string, packing: Packing): VisitEntries | undefined {
  const tar = unpackSmall(path, packing);
  const entries = tar && listPlainTar(tar);
  if (tar === undefined || entries === undefined) return undefined;
  return (visitor) => visitEntries(tar, entries, visitor);
}

function unpackSmall(path: string, packing: Packing): Buffer | undefined {
  if (packing === 'zstd') return undefined;
  try {
    if (statSync(path).size > maxPackedBytes) return undefined;
    const packed = readFileSync(path);
    return packing === 'none' ? packed : gunzipSmall(packed);
  } catch {
    // The streaming reader meets the same damage, after everything that stands before it.
    return undefined;
  }
}

/** gzip ends with the unpacked length (RFC 1952), so one buffer can take it all; where it lies, more are taken or it throws. */
function gunzipSmall(packed: Buffer): Buffer | undefined {
  const unpackedBytes = packed.length < 18 ? 0 : packed.readUInt32LE(packed.length - 4);
  if (unpackedBytes > maxUnpackedBytes) return undefined;
  return gunzipSync(packed, { chunkSize: unpackedBytes + 1024, maxOutputLength: maxUnpackedBytes });
}

function visitEntries(tar: Buffer, entries: readonly PlainEntry[], visitor: TarVisitor): TarEnd {
  for (const entry of entries) {
    if (visitor.isDone?.() === true) break;
    if (!visitor.begin(entry)) continue;
    // As a plain array: a Buffer's own slice() would share memory where an array's copies.
    const content = new Uint8Array(tar.buffer, tar.byteOffset + entry.startByte, entry.sizeBytes);
    visitor.end(entry, content, false);
  }
  return { positionBytes: tar.length };
}
