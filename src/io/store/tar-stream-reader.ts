// A tar archive as one entry after another, with at most one entry's content in memory.
// In: the unpacked chunks and what to do with each entry. Out: how the archive ended. An entry that the archive's end cuts
// through is handed over too, marked; tar-stream by itself would drop it.
import { extract } from 'tar-stream';
import type { Header } from 'tar-stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { watchEnd } from './tar-end.ts';
import type { EndWatch } from './tar-end.ts';
import { ArchiveDamage } from './unpack.ts';

export interface TarEntry {
  readonly name: string;
  /** tar-stream's word (`file`, `symlink`, …), or `unknown`. */
  readonly type: string;
  readonly sizeBytes: number;
}

export interface TarVisitor {
  /** Called at each entry's header: whether its content is wanted. */
  readonly begin: (entry: TarEntry) => boolean;
  /** Called for wanted entries only. */
  readonly end: (entry: TarEntry, content: Uint8Array, isTruncated: boolean) => void;
  /** Asked between chunks: whether enough was seen. */
  readonly isDone?: () => boolean;
}

export interface TarEnd {
  /** Absent when the archive ended as it should (or the visitor was done). */
  readonly damage?: ArchiveDamage;
  /** Where it ended, in bytes of tar data. */
  readonly positionBytes: number;
}

interface OpenEntry {
  readonly entry: TarEntry;
  readonly content: Uint8Array | undefined;
  receivedBytes: number;
}

interface Reading {
  readonly visitor: TarVisitor;
  readonly end: EndWatch;
  open?: OpenEntry;
  /** What tar-stream could not make sense of. */
  failure?: Error;
  /** A bug in the visitor: carried out of tar-stream's event, which would lose it, and thrown at the end. */
  thrown?: { readonly error: unknown };
}

export async function readTar(chunks: AsyncIterable<Uint8Array>, visitor: TarVisitor): Promise<TarEnd> {
  const reading: Reading = { visitor, end: watchEnd() };
  const extractor = startExtractor(reading);
  let damage: ArchiveDamage | undefined;
  try {
    for await (const chunk of chunks) {
      reading.end.see(chunk);
      extractor.write(chunk);
      // tar-stream 3.2.2 hands pieces on in microtasks only, so after one turn of the event loop all of this chunk has
      // arrived: nothing queues up, and nothing is lost when the next chunk turns out to be damaged.
      await nextTurn();
      if (isOver(reading)) break;
    }
  } catch (error) {
    if (!(error instanceof ArchiveDamage)) throw error;
    damage = error;
  }
  return finish(reading, damage);
}

function finish(reading: Reading, unpackDamage: ArchiveDamage | undefined): TarEnd {
  // tar-stream reports a bad header from within a chunk; it stands where the last entry ended.
  const positionBytes =
    reading.failure === undefined ? reading.end.positionBytes() : reading.end.contentEndBytes();
  const isDone = reading.visitor.isDone?.() === true;
  if (reading.open !== undefined && !isDone) closeEntry(reading, reading.open, true);
  if (reading.thrown !== undefined) throw reading.thrown.error;
  if (isDone) return { positionBytes };
  const damage = unpackDamage ?? judgeEnd(reading);
  return damage === undefined ? { positionBytes } : { damage, positionBytes };
}

function isOver(reading: Reading): boolean {
  return reading.failure !== undefined || reading.thrown !== undefined || reading.visitor.isDone?.() === true;
}

function judgeEnd(reading: Reading): ArchiveDamage | undefined {
  if (reading.failure !== undefined) return new ArchiveDamage('what stands there is not a tar header', false);
  if (reading.end.isComplete()) return undefined;
  return new ArchiveDamage('the mark at the end of the archive is missing', true);
}

// Old tar programs wrote headers without a magic. (The package's own types leave the option out.)
const extractOptions = { allowUnknownFormat: true, highWaterMark: 64 * 1024 };

function startExtractor(reading: Reading): { write: (chunk: Uint8Array) => void } {
  const extractor = extract(extractOptions);
  extractor.on('error', (error: Error) => (reading.failure = error));
  extractor.on('entry', (header, stream, next) => {
    const opened = openEntry(reading, header);
    stream.on('error', () => undefined);
    stream.on('data', (piece) => {
      if (!(piece instanceof Uint8Array)) return;
      opened.content?.set(piece, opened.receivedBytes);
      opened.receivedBytes += piece.length;
    });
    stream.on('end', () => {
      closeEntry(reading, opened, false);
      next();
    });
  });
  return { write: (chunk) => void extractor.write(chunk) };
}

function openEntry(reading: Reading, header: Header): OpenEntry {
  const type = (header.type as string | null) ?? 'unknown';
  const entry: TarEntry = { name: header.name, type, sizeBytes: header.size };
  reading.end.expectEntry(header);
  // Zeroed memory is only taken from the system when it is written to, so a header that promises too much costs nothing.
  const content = guard(reading, () =>
    reading.visitor.begin(entry) ? new Uint8Array(entry.sizeBytes) : undefined,
  );
  const opened: OpenEntry = { entry, content, receivedBytes: 0 };
  reading.open = opened;
  return opened;
}

function closeEntry(reading: Reading, closing: OpenEntry, isTruncated: boolean): void {
  delete reading.open;
  const { content, receivedBytes, entry } = closing;
  if (content === undefined) return;
  guard(reading, () => {
    reading.visitor.end(entry, content.subarray(0, receivedBytes), isTruncated);
  });
}

function guard<T>(reading: Reading, act: () => T): T | undefined {
  if (reading.thrown !== undefined) return undefined;
  try {
    return act();
  } catch (error) {
    reading.thrown = { error };
    return undefined;
  }
}
