// The command as it is shipped: bundled from the sources into a folder of this test, run as a process of its own. In: words
// and what differs from a plain run. Out: exit code and both streams.
import { execFile, spawn } from 'node:child_process';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../..', import.meta.url));
const execute = promisify(execFile);

export interface CommandRun {
  /** Undefined when a signal ended it. */
  readonly exit: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly input?: Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  /** As it was called: `kubectl-waylaid` for the plugin. */
  readonly name?: string;
  /** Closes standard output after so many bytes, as `head` does. */
  readonly closeAfterBytes?: number;
}

export interface BuiltCommand {
  readonly folder: string;
  readonly run: (words: readonly string[], options?: RunOptions) => Promise<CommandRun>;
  readonly remove: () => Promise<void>;
}

export async function buildCommand(): Promise<BuiltCommand> {
  const folder = await mkdtemp(join(tmpdir(), 'waylaid-cli-test-'));
  const bin = join(folder, 'bin');
  await execute(process.execPath, [join(root, 'scripts/build.mjs'), bin]);
  await symlink('waylaid.js', join(bin, 'kubectl-waylaid'));
  return {
    folder,
    run: (words, options = {}) => runProgram(join(bin, options.name ?? 'waylaid.js'), words, options),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function runProgram(program: string, words: readonly string[], options: RunOptions): Promise<CommandRun> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program, ...words], {
      env: { PATH: process.env['PATH'] ?? '', HOME: tmpdir(), LANG: 'C.UTF-8', ...options.environment },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      if (options.closeAfterBytes !== undefined && stdout.length >= options.closeAfterBytes) {
        child.stdout.destroy();
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.on('error', reject);
    child.on('close', (code) => resolve({ exit: code ?? undefined, stdout, stderr }));
    // The command may end without having read everything.
    child.stdin.on('error', () => undefined);
    child.stdin.end(options.input);
  });
}
