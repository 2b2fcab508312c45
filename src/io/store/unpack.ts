// Chunks of a file as chunks of what it holds: gzip and zstd are unpacked, anything else passes.
// Everything that could be unpacked before the damage is yielded first; then ArchiveDamage is thrown. Input is fed in small
// pieces, because one kilobyte of either format can unpack to a megabyte or more and must not pile up in memory.
import { createGunzip } from 'node:zlib';
import { Decompress } from 'fzstd';

export type Packing = 'gzip' | 'zstd' | 'none';

/** Thrown by the generators of this file only, after the last good byte. */
export class ArchiveDamage extends Error {
  readonly isCut: boolean;

  constructor(message: string, isCut: boolean) {
    super(message);
    this.isCut = isCut;
  }
}

export function unpackChunks(chunks: AsyncIterable<Uint8Array>, packing: Packing): AsyncIterable<Uint8Array> {
  if (packing === 'gzip') return gunzipChunks(chunks);
  return packing === 'zstd' ? unzstdChunks(chunks) : chunks;
}

const gzipPieceBytes = 32 * 1024;

async function* gunzipChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: 128 * 1024 });
  let unpacked: Uint8Array[] = [];
  let failure: Error | undefined;
  let wake = (): void => undefined;
  gunzip.on('data', (piece: Buffer) => unpacked.push(piece));
  gunzip.on('error', (error) => (failure = error));
  gunzip.on('close', () => wake());
  const take = (): Uint8Array[] => {
    const taken = unpacked;
    unpacked = [];
    return taken;
  };
  try {
    for await (const piece of slices(chunks, gzipPieceBytes)) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        gunzip.write(piece, () => resolve());
      });
      yield* take();
      if (failure !== undefined) break;
    }
    if (failure === undefined) {
      await new Promise<void>((resolve) => {
        wake = resolve;
        gunzip.end();
      });
      yield* take();
    }
  } finally {
    gunzip.destroy();
  }
  if (failure !== undefined) throw gzipDamage(failure);
}

function gzipDamage(failure: Error): ArchiveDamage {
  const isCut = failure.message === 'unexpected end of file';
  return new ArchiveDamage(
    isCut ? 'its gzip data stops early' : `its gzip data is damaged (${failure.message})`,
    isCut,
  );
}

const zstdPieceBytes = 1024;
const zstdUnexpectedEnd = 5;
/** `zstd --ultra -22` needs as much; fzstd 0.1.1 moves the whole window for every block, so a larger one would take hours. */
const maxZstdWindowBytes = 128 * 1024 ** 2;

async function* unzstdChunks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let unpacked: Uint8Array[] = [];
  const unzstd = new Decompress((piece) => {
    // The block shares fzstd's own buffers until the next push.
    if (piece.length > 0) unpacked.push(piece.slice());
  });
  const push = (piece: Uint8Array, isLast: boolean): ArchiveDamage | undefined => {
    try {
      unzstd.push(piece, isLast);
      return undefined;
    } catch (error) {
      return zstdDamage(error);
    }
  };
  let damage: ArchiveDamage | undefined;
  let isFirst = true;
  for await (const piece of slices(chunks, zstdPieceBytes)) {
    if (isFirst && zstdWindowBytes(piece) > maxZstdWindowBytes) {
      throw new ArchiveDamage('its zstd window is larger than 128 MiB (pack it without --long)', false);
    }
    isFirst = false;
    damage = push(piece.slice(), false);
    yield* unpacked;
    unpacked = [];
    if (damage !== undefined) throw damage;
  }
  damage = push(new Uint8Array(0), true);
  yield* unpacked;
  if (damage !== undefined) throw damage;
}

/** From the frame's header (RFC 8878, 3.1.1.1.2); zero where the frame holds its content in one segment. */
function zstdWindowBytes(head: Uint8Array): number {
  const isSingleSegment = ((head[4] ?? 0) & 0x20) !== 0;
  if (head[0] !== 0x28 || isSingleSegment) return 0;
  const descriptor = head[5] ?? 0;
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

function zstdDamage(error: unknown): ArchiveDamage {
  const isCut = error instanceof Error && 'code' in error && error.code === zstdUnexpectedEnd;
  const said = error instanceof Error ? error.message : String(error);
  return new ArchiveDamage(isCut ? 'its zstd data stops early' : `its zstd data is damaged (${said})`, isCut);
}

async function* slices(chunks: AsyncIterable<Uint8Array>, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let start = 0; start < chunk.length; start += sizeBytes)
      yield chunk.subarray(start, start + sizeBytes);
  }
}
