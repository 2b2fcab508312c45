// Ctrl-C while something outside is being asked: exit 130, no word, and nothing left running.
import { spawn } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { buildCommand } from './built-command.ts';
import type { BuiltCommand } from './built-command.ts';

let command: BuiltCommand;
beforeAll(async () => {
  command = await buildCommand();
});
afterAll(() => command.remove());

/** An ssh that says its process id and never answers. */
async function writeSilentSsh(folder: string, pidFile: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'ssh'), `#!/bin/sh\necho $$ > ${pidFile}\nexec sleep 60\n`);
  await chmod(join(folder, 'ssh'), 0o755);
}

async function waitForText(path: string): Promise<string> {
  for (let attempt = 0; attempt < 300; attempt++) {
    const text = await readFile(path, 'utf8').catch(() => '');
    if (text !== '') return text.trim();
    await setTimeout(50);
  }
  throw new Error(`${path} was not written`);
}

test('Ctrl-C while collecting', async () => {
  const bin = join(command.folder, 'silent');
  const pidFile = join(command.folder, 'ssh.pid');
  await writeSilentSsh(bin, pidFile);
  const child = spawn(process.execPath, [join(command.folder, 'bin/waylaid.js'), '--node', 'n1@192.0.2.1'], {
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: command.folder, KUBECONFIG: '/nonexistent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const ended = new Promise<number | null>((resolve) => child.on('close', (code) => resolve(code)));
  const pid = Number(await waitForText(pidFile));
  child.kill('SIGINT');
  expect([await ended, output]).toEqual([130, '']);
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});
