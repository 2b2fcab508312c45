// Makes a world in a network namespace of its own, dumps it as a bundle would hold it, and asks this kernel.
// In: a world; then the questions. Out: the dumped namespace through waylaid's own readers, and the kernel's answers in
// the order of the questions. The namespace has no way out and ends with its one process.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { Namespace } from '../../src/core/model/network.ts';
import { makeFile, snapshotOf } from '../evidence/make-file.ts';
import type { World } from './routing-world.ts';

/** What `ip route get` said: the row of its JSON, or the error's text. */
export type KernelAnswer =
  { readonly kind: 'route'; readonly row: KernelRow } | { readonly kind: 'error'; readonly text: string };

export interface KernelRow {
  readonly type?: string;
  readonly dst: string;
  readonly from?: string;
  readonly gateway?: string;
  readonly via?: { readonly host: string };
  readonly dev?: string;
  readonly table?: string;
  readonly prefsrc?: string;
  readonly metric?: number;
  readonly tos?: string;
  readonly nexthops?: readonly {
    readonly dev?: string;
    readonly gateway?: string;
    readonly via?: { readonly host: string };
  }[];
}

export interface LiveWorld {
  readonly namespace: Namespace;
  readonly ask: (lines: readonly string[]) => Promise<readonly KernelAnswer[]>;
  /** A private folder, the working directory of `run`. */
  readonly folder: string;
  /** Runs a shell script in the namespace. */
  readonly run: (script: string) => Promise<void>;
  /** Whether rules, routes and links still read as when they were dumped. */
  readonly isUnchanged: () => Promise<boolean>;
  readonly end: () => Promise<void>;
}

const dumps: readonly (readonly [string, string])[] = [
  ['ip-link.json', 'ip -j -d link'],
  ['ip-addr.json', 'ip -j -d addr'],
  ['ip-rule-4.json', 'ip -j -d -4 rule'],
  ['ip-rule-6.json', 'ip -j -d -6 rule'],
  ['ip-route-4.json', 'ip -j -d -4 route show table all'],
  ['ip-route-6.json', 'ip -j -d -6 route show table all'],
  ['ip-neigh.json', 'ip -j neigh'],
  ['sysctl.txt', "sysctl -a 2>/dev/null | grep -E '^net\\.ipv[46]\\.conf'"],
];

export async function startWorld(
  world: Pick<World, 'linkCommands' | 'commands' | 'settings'>,
): Promise<LiveWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'waylaid-oracle-'));
  const shell = startShell(folder);
  const links = await writeBatches(folder, 'links', world.linkCommands);
  const setup = await writeBatches(folder, 'setup', world.commands);
  await shell.run(
    [
      // Automatic link-local addresses must not be tentative while the questions run.
      'for f in all default; do echo 0 > /proc/sys/net/ipv6/conf/$f/accept_dad; done',
      ...links,
      // Settings come before routes: a nexthop keeps the source address that was chosen when it was made.
      ...world.settings.map(([path, value]) => `{ echo ${value} > /proc/sys/net/${path}; } 2>> setup.err`),
      ...setup,
    ].join('\n'),
  );
  await settle(shell, folder);
  const namespace = await readNamespace(shell, folder);
  return {
    namespace,
    folder,
    run: shell.run,
    ask: (lines) => askKernel(shell, folder, lines),
    isUnchanged: async () =>
      (await readState(shell, folder)) === (await readFile(join(folder, 'state'), 'utf8')),
    end: async () => {
      await shell.end();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A batch has one family, so each change of family begins a new one. Out: the commands that run them in order. */
async function writeBatches(folder: string, name: string, lines: readonly string[]): Promise<string[]> {
  const batches: { family: string; lines: string[] }[] = [];
  for (const line of lines) {
    const family = line.startsWith('-6 ') ? '-6' : '-4';
    if (batches.at(-1)?.family !== family) batches.push({ family, lines: [] });
    batches.at(-1)?.lines.push(line.replace('-6 ', ''));
  }
  for (const [number, batch] of batches.entries()) {
    await writeFile(join(folder, `${name}-${number}`), `${batch.lines.join('\n')}\n`);
  }
  return batches.map(
    ({ family }, number) => `ip ${family} -force -batch ${name}-${number} >> setup.out 2>> setup.err`,
  );
}

interface Shell {
  readonly run: (script: string) => Promise<void>;
  readonly end: () => Promise<void>;
}

/** One shell in a new network namespace; each script's end is known by a marker on its output. */
function startShell(folder: string): Shell {
  const child = spawn('unshare', ['-n', 'sh'], { cwd: folder, stdio: ['pipe', 'pipe', 'ignore'] });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let waiting: { readonly resolve: () => void; readonly reject: (problem: Error) => void } | undefined;
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (text: string) => {
    if (text.includes('done')) waiting?.resolve();
  });
  child.once('close', () => waiting?.reject(new Error('the shell of the test namespace ended')));
  const run = (script: string): Promise<void> =>
    new Promise((resolve, reject) => {
      waiting = { resolve, reject };
      child.stdin.write(`${script}\necho done\n`);
    });
  const end = async (): Promise<void> => {
    child.stdin.end();
    await ended;
  };
  return { run, end };
}

async function readState(shell: Shell, folder: string): Promise<string> {
  const listings = ['-d -4 route show table all', '-d -6 route show table all', 'addr', '-6 neigh', 'link'];
  await shell.run(
    listings
      .map((words) => `ip ${words}`)
      .join('; ')
      .replace(/^/, '{ ') + '; } > state.now 2>&1',
  );
  return readFile(join(folder, 'state.now'), 'utf8');
}

/** Carrier changes reach the routes some time after the command; the dump waits until two states agree. */
async function settle(shell: Shell, folder: string): Promise<void> {
  let before = '';
  for (let round = 0; round < 40; round++) {
    const now = await readState(shell, folder);
    if (now === before && round >= 3) break;
    before = now;
    await shell.run('sleep 0.1');
  }
  await writeFile(join(folder, 'state'), before);
}

async function readNamespace(shell: Shell, folder: string): Promise<Namespace> {
  await shell.run(dumps.map(([file, command]) => `${command} > ${file} 2>> setup.err`).join('\n'));
  const files = await Promise.all(
    dumps.map(async ([file]) => makeFile(`nodes/world/${file}`, await readFile(join(folder, file)))),
  );
  const namespace = buildNetwork(snapshotOf(files)).namespaces.get('node/world');
  if (namespace === undefined) throw new Error('the dumped namespace was not read');
  return namespace;
}

async function askKernel(
  shell: Shell,
  folder: string,
  lines: readonly string[],
): Promise<readonly KernelAnswer[]> {
  await writeFile(join(folder, 'questions'), `${lines.join('\n')}\n`);
  await shell.run('ip -j -force -batch questions > answers 2> errors');
  const rows = (await readFile(join(folder, 'answers'), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('[{'));
  return pairAnswers(lines.length, rows, await readFile(join(folder, 'errors'), 'utf8'));
}

/** `ip -batch -force` names the line of each failed command after its error; the others answered in their order. */
function pairAnswers(count: number, rows: readonly string[], errors: string): readonly KernelAnswer[] {
  const failed = new Map<number, string>();
  let text = '';
  for (const line of errors.split('\n')) {
    const found = /^Command failed \S+:(\d+)$/.exec(line);
    if (found === null) text = line === '' ? text : line;
    else failed.set(Number(found[1]), text);
  }
  if (failed.size + rows.length !== count) {
    throw new Error(`${count} questions gave ${rows.length} answers and ${failed.size} errors`);
  }
  let next = 0;
  return Array.from({ length: count }, (_, index) => {
    const error = failed.get(index + 1);
    if (error !== undefined) return { kind: 'error', text: error };
    const [row] = JSON.parse(rows[next++] ?? '') as [KernelRow];
    return { kind: 'route', row };
  });
}
