// Compiles the command's program with the code that V8 made of it before, and hands out what it exports.
// In: the folder of dist/ and the program's hash. Out: its exports, and a way to keep the compiled code for the next start.
// Code that runs once is mostly waited for while it is compiled; V8 takes its own earlier work instead, where version and
// flags are the same. Its check of the source looks at the length only (11.3, src/snapshot/code-serializer.cc), and of the
// data at little more, so file names carry the program's hash and the files a checksum.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Script } from 'node:vm';
import { findKeptFolder, keepCode, readKeptCode, readSealed } from './kept-code.ts';

export interface LoadedProgram {
  readonly exports: unknown;
  /** Where the compiled code came from: with the package, from the user's cache, or it was not there. */
  readonly codeFrom: 'package' | 'kept' | 'nowhere';
  /** Keeps the code of all that ran so far, where none was there. Never throws. */
  readonly keep: () => void;
}

export function loadProgram(folder: string, hash: string): LoadedProgram {
  const file = join(folder, `program-${hash}.js`);
  // esbuild writes ASCII, which needs no decoding and half the memory.
  const source = readFileSync(file).toString('latin1');
  const name = nameCode(hash);
  const shipped = tryCode(source, file, readSealed(join(folder, 'code', name)));
  if (shipped !== undefined) return started(shipped, file, { codeFrom: 'package' });
  const keptIn = findKeptFolder(process.env);
  const kept = tryCode(source, file, keptIn === undefined ? undefined : readKeptCode(keptIn, name));
  if (kept !== undefined) return started(kept, file, { codeFrom: 'kept' });
  const script = new Script(source, { filename: file });
  const keep = (): void => {
    if (keptIn !== undefined) keepCode(keptIn, name, () => script.createCachedData());
  };
  return started(script, file, { codeFrom: 'nowhere', keep });
}

/** V8 refuses code of another version or other flags; the name spares the attempt, and two Nodes take turns without loss. */
function nameCode(hash: string): string {
  return `program-${hash}-${process.version}-${process.platform}-${process.arch}.code`;
}

function tryCode(source: string, file: string, cachedData: Buffer | undefined): Script | undefined {
  if (cachedData === undefined) return undefined;
  const script = new Script(source, { filename: file, cachedData });
  return script.cachedDataRejected === true ? undefined : script;
}

type Wrapper = (
  exports: unknown,
  require: NodeJS.Require,
  module: { exports: unknown },
  ...place: readonly [filename: string, moduleUrl: string]
) => void;

function started(
  script: Script,
  file: string,
  { codeFrom, keep = () => undefined }: Pick<LoadedProgram, 'codeFrom'> & Partial<LoadedProgram>,
): LoadedProgram {
  const module: { exports: unknown } = { exports: {} };
  const run = script.runInThisContext() as Wrapper;
  run(module.exports, createRequire(file), module, file, pathToFileURL(file).href);
  return { exports: module.exports, codeFrom, keep };
}
