// One pass over an archive of any size and kind, as a stream.
// In: its path, how it is packed, and what to do with each entry. Out: how it ended, or why the file could not be read.
import { createReadStream } from 'node:fs';
import { describeReadError } from './bundle-problem.ts';
import type { FatalProblem } from './bundle-problem.ts';
import { readTar } from './tar-stream-reader.ts';
import type { TarEnd, TarVisitor } from './tar-stream-reader.ts';
import { unpackChunks } from './unpack.ts';
import type { Packing } from './unpack.ts';

export async function streamArchive(
  path: string,
  packing: Packing,
  visitor: TarVisitor,
): Promise<TarEnd | FatalProblem> {
  const source = createReadStream(path, { highWaterMark: 64 * 1024 });
  const failed = { error: undefined as unknown };
  source.on('error', (error) => (failed.error = error));
  try {
    return await readTar(unpackChunks(source, packing), visitor);
  } catch (error) {
    if (failed.error !== error) throw error;
    const text = `${path} cannot be read: ${describeReadError(error)}.`;
    return { code: 'unreadable-file', path, text, isFatal: true };
  } finally {
    source.destroy();
  }
}
