// `waylaid collect` as the user runs it, on a test machine: the bundle it writes is the one that the script it prints
// makes, Ctrl-C leaves nothing behind, and what cannot be done is said in one sentence.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Manifest } from '../../src/core/snapshot/manifest.ts';
import { readBundleFiles } from '../../src/io/store/read-bundle.ts';
import { isVolatileFile, steadyText } from './steady-text.ts';
import { findSurvivors, oddNetwork, oddPods, runProgram, startTestMachine } from './test-machine.ts';
import type { Run, TestMachine } from './test-machine.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waylaid-command-'));
  await promisify(execFile)(process.execPath, [join(root, 'scripts/build.mjs'), join(folder, 'bin')]);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const waylaid = (...words: readonly string[]): string[] => [
  process.execPath,
  join(folder, 'bin', 'waylaid.js'),
  ...words,
];

async function readBundle(path: string): Promise<ReadonlyMap<string, string>> {
  const files = new Map<string, string>();
  expect(await readBundleFiles(path, (file) => files.set(file.path, file.text()))).toEqual([]);
  return files;
}

describe('waylaid collect', () => {
  it.each([
    [['--timeout', 'soon'], /whole number from 3 to 3600/],
    [['--node', '-oProxyCommand'], /^waylaid: --node: .*names no machine/],
    [['--lab', 'x', '--node', 'y'], /cannot be used with/],
    [['--script', '--output', 'x'], /cannot be used with/],
  ])('says what is wrong with %j', async (words, message) => {
    const run = await runProgram(waylaid('collect', ...words));
    expect([run.exit, run.stdout.toString()]).toEqual([2, '']);
    expect(run.stderr).toMatch(message);
    expect(run.stderr).not.toContain('    at ');
  });

  it('writes nothing where nothing came', async () => {
    const target = join(folder, 'nothing.tar');
    const ssh = ['--node', 'n1=nobody@127.0.0.1', '--ssh-option', 'ProxyCommand=exit 1'];
    const run = await runProgram(waylaid('collect', '--no-cluster', '-o', target, ...ssh));
    expect(run.exit).toBe(2);
    expect(run.stderr).toMatch(/^nobody@127\.0\.0\.1: /);
    expect(run.stderr).toContain('nothing could be collected, so no bundle was written.');
    expect(await readdir(folder)).toEqual(['bin']);
  });
});

describe.runIf(process.getuid?.() === 0)('waylaid collect on a machine', () => {
  let machine: TestMachine;
  beforeAll(async () => (machine = await startTestMachine(`mkdir -p /run/out\n${oddNetwork}${oddPods}`)));
  afterAll(() => machine.stop());

  // The machine's /tmp is its own, so the command is handed in through a folder that it shares with this one.
  const inside = (words: readonly string[], env = process.env): Promise<Run> =>
    runProgram([...machine.enter, ...words], '', env);

  /** Copies the built command into the machine once; its results are read through /proc. */
  async function collect(...words: readonly string[]): Promise<Run> {
    return inside(['/run/out/node', '/run/out/bin/waylaid.js', 'collect', ...words]);
  }

  beforeAll(async () => {
    const packed = await runProgram(['tar', 'cf', '-', '-C', folder, 'bin']);
    const unpack = spawn(machine.enter[0], [...machine.enter.slice(1), 'tar', 'xf', '-', '-C', '/run/out']);
    unpack.stdin.end(packed.stdout);
    await once(unpack, 'close');
    await inside(['ln', '-s', process.execPath, '/run/out/node']);
  });

  async function fetchBundle(path: string): Promise<ReadonlyMap<string, string>> {
    const copy = join(folder, 'copy');
    await rm(copy, { recursive: true, force: true });
    const sent = await inside(['tar', 'cf', '-', '-C', path, '.']);
    await runProgram(['mkdir', copy]);
    const unpack = spawn('tar', ['xf', '-', '-C', copy]);
    unpack.stdin.end(sent.stdout);
    await once(unpack, 'close');
    return readBundle(copy);
  }

  it('gives the same files as the script that it prints', async () => {
    const printed = await collect('--script');
    expect(printed.exit).toBe(0);
    await runProgram([...machine.enter, 'sh', '-c', 'cat >/run/out/collect.sh'], printed.stdout.toString());
    await inside(['sh', '/run/out/collect.sh', '--output', '/run/out/by-script']);
    const run = await collect('--no-cluster', '--no-redact', '-o', '/run/out/by-command');
    expect([run.exit, run.stdout.toString()], run.stderr).toEqual([0, '/run/out/by-command\n']);
    expect(run.stderr).toMatch(/^this machine: \d+ files of node node-one and 4 pod namespaces\n$/);
    const byScript = await fetchBundle('/run/out/by-script');
    const byCommand = await fetchBundle('/run/out/by-command');
    expect([...byCommand.keys()].sort()).toEqual([...byScript.keys()].sort());
    for (const [path, text] of byCommand) {
      if (isVolatileFile(path) || path.endsWith('/ss.txt')) continue;
      expect(steadyText(text), path).toBe(steadyText(byScript.get(path)!));
    }
    const items = (text: string | undefined): unknown[] =>
      [...(JSON.parse(text!) as { items: Record<string, unknown>[] }).items]
        .map(({ path, argv, exit, problem }) => JSON.stringify({ path, argv, exit, problem }))
        .sort();
    expect(items(byCommand.get('waylaid.json'))).toEqual(items(byScript.get('waylaid.json')));
    const { redacted } = JSON.parse(byCommand.get('waylaid.json')!) as Manifest & { redacted: boolean };
    expect(redacted).toBe(false);
  });

  it('replaces secrets and public addresses unless told otherwise', async () => {
    const put = 'ip route add 203.0.113.77/32 via 192.168.7.9 && ip route add 8.8.4.4/32 via 192.168.7.9';
    await inside(['sh', '-c', put]);
    await collect('--no-cluster', '--max-pods', '0', '-o', '/run/out/redacted');
    const files = await fetchBundle('/run/out/redacted');
    const routes = files.get('nodes/node-one/ip-route-4.json')!;
    expect(routes).not.toContain('8.8.4.4');
    expect(routes).toContain('"192.168.7.9"');
    expect(JSON.parse(files.get('waylaid.json')!)).toMatchObject({
      redacted: true,
      collectedBy: `waylaid ${version}`,
    });
  });

  it('does not overwrite a bundle before or after collecting, unless told to', async () => {
    await collect('--no-cluster', '--max-pods', '0', '-o', '/run/out/a.tar.gz');
    const again = await collect('--no-cluster', '--max-pods', '0', '-o', '/run/out/a.tar.gz');
    expect([again.exit, again.stdout.toString()]).toEqual([2, '']);
    expect(again.stderr).toMatch(/a\.tar\.gz exists already/);
    const forced = await collect('--no-cluster', '--max-pods', '0', '--force', '-o', '/run/out/a.tar.gz');
    expect(forced.exit, forced.stderr).toBe(0);
  });

  it('streams to standard output', async () => {
    const run = await collect('--no-cluster', '--max-pods', '0', '-o', '-');
    expect(run.exit, run.stderr).toBe(0);
    expect(run.stdout.subarray(0, 12).toString()).toBe('waylaid.json');
    expect(run.stdout.length % 512).toBe(0);
  });

  it('takes a machine that the user says is outside the cluster, and says what else did not come', async () => {
    const shell = 'ProxyCommand=exit 1';
    const words = ['--local', '--host', 'nas=root@127.0.0.1', '--ssh-option', shell, '--max-pods', '0'];
    const run = await collect('--no-cluster', '-o', '/run/out/two', ...words);
    expect(run.exit, run.stderr).toBe(0);
    const files = await fetchBundle('/run/out/two');
    expect(JSON.parse(files.get('waylaid.json')!)).toMatchObject({
      items: expect.arrayContaining([expect.objectContaining({ path: 'hosts/nas/' })]) as unknown,
    });
    expect(run.stderr).toMatch(/^root@127\.0\.0\.1: /m);
  });

  it('says in one sentence that the disk is full, and leaves nothing', async () => {
    await inside(['sh', '-c', 'mkdir -p /run/small; mount -t tmpfs -o size=64k tmpfs /run/small']);
    for (const name of ['b.tar', 'b']) {
      const run = await collect('--no-cluster', '--max-pods', '0', '-o', `/run/small/${name}`);
      expect(run.exit).toBe(2);
      expect(run.stderr).toContain(`/run/small/${name} could not be written: the disk is full.`);
    }
    expect((await inside(['ls', '-A', '/run/small'])).stdout.toString()).toBe('');
  });

  it('stops everything on Ctrl-C and leaves nothing behind', async () => {
    await inside([
      'sh',
      '-c',
      "mkdir -p /run/fake; printf '#!/bin/sh\\nsleep 982\\n' >/run/fake/bridge; chmod +x /run/fake/bridge",
    ]);
    const start =
      'echo $$ >/run/out/pid; exec /run/out/node /run/out/bin/waylaid.js collect --no-cluster -o /run/out/never.tar';
    const env = { ...process.env, PATH: `/run/fake:${process.env['PATH'] ?? ''}` };
    const running = inside(['sh', '-c', start], env);
    const hangs = 'for i in $(seq 100); do pgrep -f "^sleep 982" && break; sleep 0.1; done';
    expect((await inside(['sh', '-c', hangs])).stdout.toString()).not.toBe('');
    await inside(['sh', '-c', 'kill -INT $(cat /run/out/pid)']);
    const run = await running;
    expect([run.exit, run.stdout.toString(), run.stderr]).toEqual([130, '', '']);
    expect(await findSurvivors(machine, '^sleep 982')).toBe('');
    const left = 'ls -d /run/waylaid-collect.* /run/out/never*';
    expect((await inside(['sh', '-c', left])).stdout.toString()).toBe('');
  });
});

it('ships the script as it stands in the source', async () => {
  const run = await runProgram(waylaid('collect', '--script'));
  const source = await readFile(join(root, 'src/io/collect/collect.sh'), 'utf8');
  expect(run.stdout.toString().replace(`'waylaid ${version} collect.sh'`, "'waylaid collect.sh'")).toBe(
    source,
  );
});
