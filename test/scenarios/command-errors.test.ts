// `waylaid diagnose --bundle` on what is wrong with a bundle: one clear sentence for each problem on standard error, no
// stack, the exit code of what could still be judged, and the command that would bring what is missing.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildCommand } from '../cli/built-command.ts';
import type { BuiltCommand, CommandRun } from '../cli/built-command.ts';
import { locateBundle, readBundle, textOf, withFile, withoutFiles } from './recorded-bundle.ts';
import type { Files } from './recorded-bundle.ts';

let command: BuiltCommand;
let folder = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waylaid-errors-'));
  command = await buildCommand();
});
afterAll(async () => {
  await command.remove();
  rmSync(folder, { recursive: true, force: true });
});

/** Each output as one line per sentence or paragraph: where lines break depends on the width of the terminal. */
async function diagnose(bundle: string): Promise<CommandRun> {
  const run = await command.run(['diagnose', '--bundle', join(folder, bundle)]);
  const unwrap = (text: string): string => text.replace(/\n {2,}/g, ' ');
  return { ...run, stdout: unwrap(run.stdout), stderr: unwrap(run.stderr) };
}

function unpack(name: string, files: Files): void {
  for (const [path, bytes] of files) {
    mkdirSync(dirname(join(folder, name, path)), { recursive: true });
    writeFileSync(join(folder, name, path), bytes);
  }
}

const rules = 'nodes/node-2/ip-rule-4.json';
const routes = 'nodes/node-3/ip-route-4.json';

interface Damage {
  readonly name: string;
  readonly make: (files: Files) => Files;
  readonly exit: number;
  readonly complaints: readonly RegExp[];
  readonly says?: RegExp;
}

const damages: readonly Damage[] = [
  {
    name: 'garbage-and-cut-off',
    make: (files) => withFile(withFile(files, rules, '<html>'), routes, textOf(files, routes).slice(0, 700)),
    exit: 3,
    complaints: [
      /^waylaid: nodes\/node-2\/ip-rule-4\.json is not JSON at byte 0 \(line 1\); its rules count as unknown\.$/,
      /^waylaid: nodes\/node-3\/ip-route-4\.json is cut off at byte 700; its routes count as unknown\.$/,
    ],
    says: /waylaid collect --node node-2/,
  },
  {
    name: 'rules-missing',
    make: (files) => withoutFiles(files, (path) => path === rules),
    exit: 3,
    complaints: [],
    says: /\? unknown .*nodes\/node-2\/ip-rule-4\.json.*waylaid collect --node node-2/,
  },
  {
    name: 'node-missing',
    make: (files) => withoutFiles(files, (path) => path.startsWith('nodes/node-3/')),
    exit: 1,
    complaints: [],
    says: /not known .*waylaid collect --node node-3/,
  },
  {
    name: 'future',
    make: (files) =>
      withFile(files, 'waylaid.json', textOf(files, 'waylaid.json').replace('evidence/1', 'evidence/3')),
    exit: 1,
    complaints: [/^waylaid: waylaid\.json says waylaid-evidence\/3, .* Update waylaid to read all of it\.$/],
  },
  {
    name: 'two-of-one-name',
    make: (files) =>
      new Map([...files, ['nodes/NODE-3/ip-rule-4.json', files.get(rules)!] as [string, Uint8Array]]),
    exit: 1,
    complaints: [/^waylaid: nodes\/NODE-3 has the name of nodes\/node-3; .*ignored\.$/],
  },
];

describe('one sentence for each problem, and the rest is judged', () => {
  test.each(damages)('$name', async ({ name, make, exit, complaints, says }) => {
    unpack(name, make(await readBundle('chapter-17')));
    const run = await diagnose(name);
    expect(run.exit).toBe(exit);
    const lines = run.stderr.split('\n').filter((line) => line !== '');
    expect(lines).toHaveLength(complaints.length);
    for (const [index, complaint] of complaints.entries()) expect(lines[index]).toMatch(complaint);
    if (says !== undefined) expect(run.stdout).toMatch(says);
  });

  test('an archive that stops: where, and what came before is judged', async () => {
    const packed = readFileSync(locateBundle('chapter-17'));
    writeFileSync(join(folder, 'cut.tar.gz'), packed.subarray(0, packed.length / 2));
    const run = await diagnose('cut.tar.gz');
    expect(run.exit).toBe(3);
    const [first, ...others] = run.stderr.trimEnd().split('\n');
    expect(first).toMatch(/^waylaid: \S+cut\.tar\.gz ends after nodes\/\S+, at byte \d+ .*\.$/);
    // The file that it ended in may cost facts, which is said by that file's name.
    for (const other of others) expect(other).toMatch(/^waylaid: nodes\/\S+ is cut off at byte \d+; .*\.$/);
    expect(others.length).toBeLessThan(2);
    expect(run.stdout).toMatch(/^\? unknown/);
  });

  test.each([
    ['an empty folder', 'nothing', (path: string) => mkdirSync(path), /holds no waylaid\.json/],
    ['an empty file', 'empty.tar.gz', (path: string) => writeFileSync(path, ''), /it is empty\.$/],
  ])('%s is no bundle: exit 2', async (_what, name, make, complaint) => {
    make(join(folder, name));
    const run = await diagnose(name);
    expect(run.exit).toBe(2);
    expect(run.stdout).toBe('');
    expect(run.stderr.trimEnd()).toMatch(complaint);
    expect(run.stderr.trimEnd()).not.toContain('\n');
  });
});
