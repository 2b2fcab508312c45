// Files of compiled code, in the package and in the user's cache folder. In: folders and names. Out: the code, or nothing
// where anything is not as it should be: code is run, so a file counts only if nobody but the user could have written it
// and its checksum fits. Nothing here throws; a cache that cannot be written is a cache that is not there.
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { crc32 } from 'node:zlib';

const sealBytes = 8;
const staleAfterMs = 30 * 24 * 3600 * 1000;

/** A CRC and the length before the code: a file cut short, or of zeros after a power loss, is not taken. */
export function sealCode(code: Buffer): Buffer {
  const seal = Buffer.alloc(sealBytes);
  seal.writeUInt32LE(crc32(code), 0);
  seal.writeUInt32LE(code.length, 4);
  return Buffer.concat([seal, code]);
}

function unseal(file: Buffer): Buffer | undefined {
  const code = file.subarray(sealBytes);
  if (file.length <= sealBytes || file.readUInt32LE(4) !== code.length) return undefined;
  return file.readUInt32LE(0) === crc32(code) ? code : undefined;
}

export function readSealed(path: string): Buffer | undefined {
  try {
    return unseal(readFileSync(path));
  } catch {
    return undefined;
  }
}

/** `~/.cache/waylaid/code` or what XDG says instead; nothing where NODE_DISABLE_COMPILE_CACHE asks for no such thing. */
export function findKeptFolder(environment: NodeJS.ProcessEnv): string | undefined {
  const { XDG_CACHE_HOME: chosen, HOME: home, NODE_DISABLE_COMPILE_CACHE: off } = environment;
  if (process.geteuid === undefined || (off ?? '') !== '') return undefined;
  if (chosen !== undefined && isAbsolute(chosen)) return join(chosen, 'waylaid', 'code');
  return home !== undefined && isAbsolute(home) ? join(home, '.cache', 'waylaid', 'code') : undefined;
}

export function readKeptCode(folder: string, name: string): Buffer | undefined {
  try {
    if (!isOwn(lstatSync(folder))) return undefined;
    const file = openSync(join(folder, name), constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return isOwn(fstatSync(file)) ? unseal(readFileSync(file)) : undefined;
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}

export function keepCode(folder: string, name: string, makeCode: () => Buffer): void {
  try {
    // Under sudo the home may be somebody else's: root's files there would be in that user's way.
    if (!isOwn(statSync(nearestExisting(folder)))) return;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    if (!isOwn(lstatSync(folder))) return;
    writeWhole(join(folder, name), sealCode(makeCode()));
    removeStale(folder);
  } catch {
    // The next start compiles again.
  }
}

/** Whether it belongs to whoever runs this, and nobody else may write it. */
function isOwn(found: Stats): boolean {
  return found.uid === process.geteuid?.() && (found.mode & 0o022) === 0;
}

function nearestExisting(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (statSync(at, { throwIfNoEntry: false }) !== undefined) return at;
  }
}

/** Under another name first, so that nobody ever reads half of it. */
function writeWhole(path: string, content: Buffer): void {
  const unfinished = `${path}.${process.pid}`;
  const file = openSync(unfinished, 'wx', 0o600);
  try {
    writeSync(file, content);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(unfinished, path);
}

/** Other versions' code, and what a crash left, once nobody has asked for it for a month. */
function removeStale(folder: string): void {
  const now = Date.now();
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (now - lstatSync(path).mtimeMs > staleAfterMs) rmSync(path, { force: true });
  }
}
