// The bundle that the collector's script sends on stdout: anything a login shell prints first, the marker line, a tar
// stream. Only files of the one machine that was asked are taken: what a machine sends cannot speak for another. A stream
// that breaks off gives the files that came whole; which ones are lost, the manifest tells, as it comes first.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { extract } from 'tar-stream';
import type { MachineKind } from './source.ts';

export interface MachineBundle {
  /** Whether the marker came at all. */
  readonly isFound: boolean;
  /** What stood before the marker: a greeting, or all there was. */
  readonly noise: string;
  /** What the machine calls itself. */
  readonly name?: string;
  readonly manifest?: Uint8Array;
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Why the stream is not whole. */
  readonly damage?: string;
}

const maxNoiseBytes = 256 * 1024;

export async function readMachineBundle(
  chunks: AsyncIterable<Uint8Array>,
  marker: string,
  kind: MachineKind,
): Promise<MachineBundle> {
  const lead: Lead = { noise: Buffer.alloc(0), isFound: false };
  const files = new Map<string, Uint8Array>();
  const found: { name?: string; manifest?: Uint8Array; damage?: string } = {};
  const take = (path: string, content: Uint8Array): void => {
    if (path === 'waylaid.json') found.manifest ??= content;
    const name = ownerOf(path, `${kind}s/`);
    if (name === undefined) return;
    found.name ??= name;
    if (name === found.name) files.set(path, content);
  };
  const damage = await readTar(skipToMarker(chunks, marker, lead), take);
  if (damage !== undefined) found.damage = damage;
  return { isFound: lead.isFound, noise: lead.noise.toString('utf8'), files, ...found };
}

/** The machine whose folder the path is in; undefined for any path that a collector would not write. */
function ownerOf(path: string, folder: string): string | undefined {
  const [name = '', ...rest] = path.slice(folder.length).split('/');
  if (!path.startsWith(folder) || rest.length === 0) return undefined;
  const isPlain = [name, ...rest].every(
    (part) => /^[^\p{Cc}]+$/u.test(part) && part !== '.' && part !== '..',
  );
  return isPlain ? name : undefined;
}

/** Hands over the files that came whole; the sentence says why there are no more. */
async function readTar(
  chunks: AsyncIterable<Uint8Array>,
  take: (path: string, content: Uint8Array) => void,
): Promise<string | undefined> {
  const damage: { text?: string } = {};
  const extractor = extract();
  const closed = new Promise<void>((resolve) => extractor.on('close', () => resolve()));
  extractor.on('error', (error: Error) => (damage.text = error.message));
  extractor.on('entry', (header, stream, next) => {
    const pieces: Uint8Array[] = [];
    stream.on('data', (piece) => {
      if (piece instanceof Uint8Array) pieces.push(piece);
    });
    stream.on('error', () => undefined);
    stream.on('end', () => {
      if (header.type === 'file') take(header.name, Buffer.concat(pieces));
      next();
    });
  });
  for await (const chunk of chunks) {
    extractor.write(chunk);
    // One turn of the event loop hands the whole chunk on, so nothing piles up (tar-stream 3.2).
    await nextTurn();
    if (damage.text !== undefined) break;
  }
  extractor.end(undefined);
  await closed;
  return damage.text;
}

interface Lead {
  noise: Buffer;
  isFound: boolean;
}

/** Yields what follows the marker's line; until then everything is kept as noise, up to a limit. */
async function* skipToMarker(
  chunks: AsyncIterable<Uint8Array>,
  marker: string,
  lead: Lead,
): AsyncGenerator<Uint8Array> {
  const line = Buffer.from(`${marker}\n`);
  for await (const chunk of chunks) {
    if (lead.isFound) {
      yield chunk;
      continue;
    }
    lead.noise = Buffer.concat([lead.noise, chunk]);
    const at = lead.noise.indexOf(line);
    if (at !== -1) {
      const rest = lead.noise.subarray(at + line.length);
      lead.noise = lead.noise.subarray(0, at);
      lead.isFound = true;
      if (rest.length > 0) yield rest;
    } else if (lead.noise.length > maxNoiseBytes) return;
  }
}
