// Standard input as a file: an archive is read twice, which a pipe does not allow. The file is readable by its owner only
// and goes away with the process at the latest.
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure } from './failure.ts';

export interface SpooledInput {
  readonly path: string;
  readonly remove: () => void;
}

export async function spoolInput(input: Readable & { readonly isTTY?: boolean }): Promise<SpooledInput> {
  if (input.isTTY === true) {
    throw new Failure('--bundle - reads an archive from standard input, which is the terminal; pipe one in.');
  }
  const folder = mkdtempSync(join(tmpdir(), 'waylaid-input-'));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', remove);
  const path = join(folder, 'bundle');
  try {
    await pipeline(input, createWriteStream(path, { mode: 0o600, flags: 'wx' }));
  } catch (error) {
    remove();
    throw new Failure(`standard input could not be kept in ${tmpdir()}: ${describe(error)}.`);
  }
  return { path, remove };
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
