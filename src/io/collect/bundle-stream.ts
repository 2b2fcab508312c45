// The bundle that the collector's script sends on stdout: anything a login shell prints first, the marker line, a tar
// stream. Only files of the one machine that was asked are taken: what a machine sends cannot speak for another.
import { cleanEntryPath, manifestName } from '../store/entry-path.ts';
import { readTar } from '../store/tar-stream-reader.ts';
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
  let name: string | undefined;
  let manifest: Uint8Array | undefined;
  const folder = `${kind}s/`;
  const end = await readTar(skipToMarker(chunks, marker, lead), {
    begin: (entry) => entry.type === 'file',
    end: (entry, content, isTruncated) => {
      const cleaned = cleanEntryPath(entry.name);
      if (isTruncated || !cleaned.ok) return;
      if (cleaned.path === manifestName) manifest = content;
      if (!cleaned.path.startsWith(folder)) return;
      const owner = cleaned.path.slice(folder.length).split('/', 1)[0];
      name ??= owner;
      if (owner === name) files.set(cleaned.path, content);
    },
  });
  return {
    isFound: lead.isFound,
    noise: lead.noise.toString('utf8'),
    files,
    ...(name === undefined ? {} : { name }),
    ...(manifest === undefined ? {} : { manifest }),
    ...(end.damage === undefined ? {} : { damage: end.damage.message }),
  };
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
