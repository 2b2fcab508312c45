// Programs of a few lines in folders of their own: where their code comes from, and that nothing which is not as it should
// be is ever run instead.
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sealCode } from './kept-code.ts';
import { loadProgram } from './load-program.ts';

let folder = '';
let cache = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waylaid-program-'));
  cache = join(folder, 'cache');
  mkdirSync(cache, { mode: 0o700 });
  vi.stubEnv('XDG_CACHE_HOME', cache);
  vi.stubEnv('NODE_DISABLE_COMPILE_CACHE', '');
  writeProgram('one', 'first');
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Every answer has five letters, so that programs differ in nothing that V8 would notice. */
function writeProgram(hash: string, answer: string): void {
  const text = `(function (exports, require) { exports.ask = () => require('node:path').basename('x/${answer}'); })`;
  writeFileSync(join(folder, `program-${hash}.js`), text);
}

function start(hash = 'one'): { answer: unknown; codeFrom: string; keep: () => void } {
  const { exports, codeFrom, keep } = loadProgram(folder, hash);
  return { answer: (exports as { ask: () => unknown }).ask(), codeFrom, keep };
}

const keptFolder = (): string => join(cache, 'waylaid', 'code');

function keptFile(): string {
  const [name = ''] = readdirSync(keptFolder());
  return join(keptFolder(), name);
}

/** Runs once and keeps what was compiled. */
function keepOnce(): void {
  const first = start();
  expect([first.answer, first.codeFrom]).toEqual(['first', 'nowhere']);
  first.keep();
}

test('what was compiled once is used the next time, and only then', () => {
  keepOnce();
  expect(start()).toMatchObject({ answer: 'first', codeFrom: 'kept' });
  expect(lstatSync(keptFile()).mode & 0o777).toBe(0o600);
  expect(lstatSync(keptFolder()).mode & 0o777).toBe(0o700);
  expect(readdirSync(keptFolder())).toHaveLength(1);
});

test('the package’s own code comes first', () => {
  keepOnce();
  renameSync(keptFolder(), join(folder, 'code'));
  expect(start()).toMatchObject({ answer: 'first', codeFrom: 'package' });
});

test('another program of the same length gets none of it', () => {
  keepOnce();
  writeProgram('two', 'other');
  expect(start('two')).toMatchObject({ answer: 'other', codeFrom: 'nowhere' });
});

test.each([
  ['one byte changed', (file: Buffer) => file.map((byte, at) => (at === 200 ? byte ^ 1 : byte))],
  ['cut short', (file: Buffer) => file.subarray(0, file.length - 1)],
  ['empty', () => Buffer.alloc(0)],
  ['zeros', (file: Buffer) => Buffer.alloc(file.length)],
])('a kept file is passed over: %s', (_what, damage) => {
  keepOnce();
  writeFileSync(keptFile(), damage(readFileSync(keptFile())));
  expect(start()).toMatchObject({ answer: 'first', codeFrom: 'nowhere' });
});

test('whole, but nothing that V8 takes', () => {
  keepOnce();
  // V8 remembers sources that it compiled in this process, so this one must be new to it.
  writeProgram('new', 'fresh');
  writeFileSync(keptFile().replace('-one-', '-new-'), sealCode(Buffer.from('not code at all'.repeat(9))), {
    mode: 0o600,
  });
  expect(start('new')).toMatchObject({ answer: 'fresh', codeFrom: 'nowhere' });
});

test('it is passed over where others could have written it, or it is a link', () => {
  keepOnce();
  chmodSync(keptFile(), 0o620);
  expect(start().codeFrom).toBe('nowhere');
  chmodSync(keptFile(), 0o600);
  chmodSync(keptFolder(), 0o777);
  expect(start().codeFrom).toBe('nowhere');
  chmodSync(keptFolder(), 0o700);
  expect(start().codeFrom).toBe('kept');
  const file = keptFile();
  renameSync(file, join(folder, 'elsewhere'));
  symlinkSync(join(folder, 'elsewhere'), file);
  expect(start().codeFrom).toBe('nowhere');
});

test('somebody else’s folder is neither read nor written', () => {
  keepOnce();
  const own = process.geteuid?.() ?? 0;
  vi.spyOn(process, 'geteuid').mockReturnValue(own + 1);
  const other = start();
  expect(other.codeFrom).toBe('nowhere');
  rmSync(join(cache, 'waylaid'), { recursive: true });
  other.keep();
  vi.restoreAllMocks();
  expect(existsSync(keptFolder())).toBe(false);
});

test('what cannot be written is not there, without a word', () => {
  const { keep } = start();
  writeFileSync(join(cache, 'waylaid'), 'a file where the folder should be');
  expect(keep).not.toThrow();
  expect(start()).toMatchObject({ answer: 'first', codeFrom: 'nowhere' });
});

test('NODE_DISABLE_COMPILE_CACHE keeps the user’s folder out of it', () => {
  keepOnce();
  vi.stubEnv('NODE_DISABLE_COMPILE_CACHE', '1');
  const off = start();
  expect(off.codeFrom).toBe('nowhere');
  rmSync(join(cache, 'waylaid'), { recursive: true });
  off.keep();
  expect(existsSync(join(cache, 'waylaid'))).toBe(false);
});

test('code of other versions goes after a month', () => {
  mkdirSync(keptFolder(), { recursive: true, mode: 0o700 });
  for (const [name, ageDays] of [
    ['old', 31],
    ['recent', 29],
  ] as const) {
    writeFileSync(join(keptFolder(), name), '');
    const at = Date.now() / 1000 - ageDays * 24 * 3600;
    utimesSync(join(keptFolder(), name), at, at);
  }
  keepOnce();
  expect(readdirSync(keptFolder()).filter((name) => !name.startsWith('program-'))).toEqual(['recent']);
});
