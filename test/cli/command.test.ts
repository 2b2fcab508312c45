// The command from outside: exit codes, what goes to which stream, formats, names, and what it says about bad input. It runs
// as a process, on a bundle of two nodes of which the left one's table 52 takes the pods' network.
import { readFileSync } from 'node:fs';
import { mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Answer } from '../../src/core/report/answer.ts';
import { answerSchema } from '../../src/core/report/answer.ts';
import { writeBundle } from '../../src/io/store/write-bundle.ts';
import { buildCommand } from './built-command.ts';
import type { BuiltCommand, CommandRun, RunOptions } from './built-command.ts';
import { makeTwoNodeBundle } from './two-node-bundle.ts';

let command: BuiltCommand;
let broken = '';
let healthy = '';
let archive = '';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
const run = (words: readonly string[], options?: RunOptions): Promise<CommandRun> =>
  command.run(words, options);

async function writeFolder(name: string, files: ReadonlyMap<string, string>): Promise<string> {
  const folder = join(command.folder, name);
  for (const [path, text] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
  return folder;
}

/** The broken bundle with some files replaced, or removed where the text is undefined. */
function writeVariant(name: string, changes: Readonly<Record<string, string | undefined>>): Promise<string> {
  const files = new Map(makeTwoNodeBundle({ isHijacked: true }));
  for (const [path, text] of Object.entries(changes)) {
    if (text === undefined) files.delete(path);
    else files.set(path, text);
  }
  return writeFolder(name, files);
}

beforeAll(async () => {
  command = await buildCommand();
  broken = await writeFolder('broken', makeTwoNodeBundle({ isHijacked: true }));
  healthy = await writeFolder('healthy', makeTwoNodeBundle({ isHijacked: false }));
  archive = join(command.folder, 'broken.tar.gz');
  const files = [...makeTwoNodeBundle({ isHijacked: true })].map(([path, text]): [string, Uint8Array] => [
    path,
    encode(text),
  ]);
  await writeBundle(new Map(files), archive);
});
afterAll(() => command.remove());

describe('diagnose', () => {
  test('exit 1 and the cause where something is broken; nothing on standard error', async () => {
    const result = await run(['diagnose', '--bundle', broken]);
    expect([result.exit, result.stderr]).toEqual([1, '']);
    expect(result.stdout).toMatch(/^✗ broken {3}1 root cause explains \d+ of \d+ flows\n/);
    expect(result.stdout).toContain('172.20.0.0/16 dev tailscale0 table 52');
    expect(result.stdout.replaceAll(/ \\\n +/g, ' ')).toContain(`waylaid fix --dry-run --bundle ${broken}\n`);
  });

  test('exit 0 and one line where everything arrives, and what nobody asked for', async () => {
    const result = await run(['--bundle', healthy]);
    expect([result.exit, result.stderr]).toEqual([0, '']);
    const [verdict, , ...rest] = result.stdout.split('\n');
    expect(verdict).toMatch(/^✓ healthy {3}\d+ intended flows arrive \(2 of 2 nodes seen\)$/);
    expect(rest.join(' ').replaceAll(/ +/g, ' ')).toMatch(
      /^not known what do the packet filters of left, right do .*iptables-save -c on left\) $/,
    );
  });

  test('exit 3 where a node has lost its rules, and what to run', async () => {
    const folder = await writeVariant('no-rules', {
      'nodes/left/ip-rule-4.json': undefined,
      'nodes/right/ip-rule-4.json': undefined,
    });
    const result = await run(['--bundle', folder]);
    expect(result.exit).toBe(3);
    expect(result.stdout).toMatch(/^\? unknown {3}cannot judge \d+ flows? of \d+: /);
    expect(result.stdout).toContain('Run: ');
  });

  test('diagnose is the command when none is named', async () => {
    const [named, unnamed] = await Promise.all([
      run(['diagnose', '--bundle', broken]),
      run(['--bundle', broken]),
    ]);
    expect(unnamed).toEqual(named);
  });

  test('a folder, an archive and an archive on standard input give the same answer', async () => {
    const [fromFolder, fromArchive, fromInput] = await Promise.all([
      run(['--bundle', broken, '-o', 'json']),
      run(['--bundle', archive, '-o', 'json']),
      run(['--bundle', '-', '-o', 'json'], { input: readFileSync(archive) }),
    ]);
    expect(fromFolder.exit).toBe(1);
    expect(fromArchive.stdout).toBe(fromFolder.stdout);
    expect(fromInput.stdout).toBe(fromFolder.stdout);
    expect((await readdir(tmpdir())).filter((name) => name.startsWith('waylaid-input-'))).toEqual([]);
  });

  test('-o json is an answer, and nothing but an answer', async () => {
    const { stdout } = await run(['--bundle', broken, '-o', 'json']);
    const answer: Answer = answerSchema.parse(JSON.parse(stdout));
    expect(answer.rootCauses.map((cause) => [cause.code, cause.subjects[0]])).toEqual([
      ['tailscale-route-takes-cluster-cidr', 'node/left'],
    ]);
    expect(answer.rootCauses[0]?.expected?.steps.map((step) => step.label)).toEqual([
      'shop/front',
      'flannel.1',
      'right',
      'shop/back',
    ]);
  });

  test('-o name is one line a cause; -o yaml quotes every text', async () => {
    const [name, yaml] = await Promise.all([
      run(['--bundle', broken, '-o', 'name']),
      run(['--bundle', broken, '-o', 'yaml']),
    ]);
    expect(name.stdout).toBe('tailscale-route-takes-cluster-cidr\tnode/left\ttailnet/device/gateway\n');
    expect(yaml.stdout).toMatch(/^format: "waylaid-answer\/1"\nverdict: "broken"\n/);
  });

  test('colour when forced, never with NO_COLOR, ASCII where the locale has no UTF-8', async () => {
    const [forced, refused, ascii] = await Promise.all([
      run(['--bundle', broken], { environment: { FORCE_COLOR: '1' } }),
      run(['--bundle', broken], { environment: { FORCE_COLOR: '1', NO_COLOR: '1' } }),
      run(['--bundle', broken], { environment: { LANG: 'C' } }),
    ]);
    const plain = await run(['--bundle', broken]);
    expect(forced.stdout).toContain('\u001b[');
    expect(refused.stdout).toBe(plain.stdout);
    expect(ascii.stdout).toMatch(/^[\n -~]+$/);
  });

  test('the width is COLUMNS where there is no terminal', async () => {
    const { stdout } = await run(['--bundle', broken], { environment: { COLUMNS: '50' } });
    expect(Math.max(...stdout.split('\n').map((line) => line.length))).toBeLessThanOrEqual(50);
  });

  test('a reader that has had enough is no error', async () => {
    const result = await run(['--bundle', broken, '-o', 'json'], { closeAfterBytes: 10 });
    expect(result.stderr).toBe('');
  });
});

describe('trace', () => {
  const front = ['trace', 'shop/front'];

  test('prints the hops and exits 1 where it is lost', async () => {
    const result = await run([...front, 'shop/back:http', '--bundle', broken]);
    expect([result.exit, result.stderr]).toEqual([1, '']);
    expect(result.stdout).toMatch(/^shop\/front \(172\.20\.1\.9, left\) → shop\/back .* tcp 8080/);
    expect(result.stdout).toContain('5270: from all lookup 52');
    expect(result.stdout).toContain('not reached');
  });

  test('exits 0 where it arrives, with the reply', async () => {
    const result = await run([...front, 'shop/back', '--bundle', healthy]);
    expect(result.exit).toBe(0);
    expect(result.stdout).toContain('✓ arrives, and so does the answer');
    expect(result.stdout).toContain('arrives at pod/shop/front');
  });

  test('--what-if shows both worlds; the exit code is about the real one', async () => {
    const change = 'ip rule add to 172.20.0.0/16 priority 5200 lookup main';
    const result = await run([...front, 'shop/back', '--bundle', broken, '--what-if', change]);
    expect(result.exit).toBe(1);
    const [before = '', after = ''] = result.stdout.split(`what if: ${change}`);
    expect(before).toContain('✗ lost on left');
    expect(after).toContain('✓ arrives');
    expect(after).toContain('5200: to 172.20.0.0/16 lookup main');
  });

  test('every kind of name stands for the same pod', async () => {
    const names = ['shop/back', 'pod/shop/back', '172.20.2.9', 'shop/bac', 'pod/shop/bak'];
    const traces = await Promise.all(
      names.map((name) =>
        run([...front, name, '--proto', 'tcp', '--port', '8080', '--bundle', healthy, '-o', 'json']),
      ),
    );
    const targets = traces.map(({ exit, stdout }) =>
      exit === 0 ? (JSON.parse(stdout) as { flow: { to: { at: string } } }).flow.to.at : exit,
    );
    expect(targets).toEqual(['pod/shop/back', 'pod/shop/back', 'pod/shop/back', 2, 2]);
    expect(traces[3]?.stderr).toBe(
      'waylaid: nothing in the evidence is called "shop/bac". Did you mean shop/back?\n',
    );
  });

  test.each([
    [['node/left', 'right'], /^left \(192\.168\.9\.2\) → right/],
    [['192.168.9.2', '172.20.2.9:8080'], /tcp 8080/],
    [['left', 'shop/back', '--proto', 'icmp'], /icmp/],
  ])('%j', async (words, shown) => {
    const result = await run(['trace', ...words, '--bundle', healthy]);
    expect([result.stderr, result.exit]).toEqual(['', 0]);
    expect(result.stdout).toMatch(shown);
  });

  test.each([
    [['nobody', 'shop/back'], 'nothing in the evidence is called "nobody".'],
    [['shop/front', 'shop/back:web'], 'pod/shop/back has no port called "web"; it names http.'],
    [['shop/front', 'shop/back:80', '--port', '81'], 'the port is given twice: 80 in "shop/back:80" and 81'],
    [['shop/front', 'shop/back:99999'], 'a port lies between 1 and 65535, not 99999.'],
    [['172.20.9.9', 'shop/back'], 'nothing in the evidence has the address 172.20.9.9 to send from.'],
    [['shop/front', 'shop/back', '--mark', 'red'], "option '--mark <mark>' argument 'red' is invalid."],
    [['shop/front', 'shop/back', '--what-if', 'reboot'], '--what-if "reboot" cannot be simulated;'],
    [['shop/front', 'shop/back', '--what-if', 'ip rule del pref 9'], 'node/left has no such rule;'],
  ])('one sentence for %j', async (words, message) => {
    const result = await run(['trace', ...words, '--bundle', broken]);
    expect([result.exit, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toMatch(/^waylaid: .*\n$/);
    expect(result.stderr).toContain(message);
  });
});

describe('fix', () => {
  test('--dry-run prints exact commands, proof and undo, and exits 0', async () => {
    const result = await run(['fix', '--dry-run', '--bundle', broken]);
    expect([result.exit, result.stderr]).toEqual([0, '']);
    expect(result.stdout).toContain('\n        ip route del 172.20.0.0/16 dev tailscale0 table 52\n');
    // Undo brings the route back as it was, whatever words that takes.
    expect(result.stdout).toMatch(/\n {8}ip route add 172\.20\.0\.0\/16 dev tailscale0 table 52( [^\n]*)?\n/);
    expect(result.stdout).toMatch(/heals \d+, breaks 0, leaves 0/);
  });

  test('--only takes the ids it printed', async () => {
    const [known, unknown] = await Promise.all([
      run(['fix', '--dry-run', '--only', 'fix1', '--bundle', broken, '-o', 'json']),
      run(['fix', '--dry-run', '--only', 'fix77', '--bundle', broken]),
    ]);
    const { repairs } = JSON.parse(known.stdout) as { repairs: { id: string }[] };
    expect(repairs.map((repair) => repair.id)).toEqual(['fix1']);
    expect(unknown.exit).toBe(2);
    expect(unknown.stderr).toMatch(/^waylaid: there is no repair "fix77"; there are fix1, /);
  });

  test('without --dry-run it says that this version does not apply, and exits 2', async () => {
    const result = await run(['fix', '--bundle', broken]);
    expect([result.exit, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toBe(
      'waylaid: this version applies repairs in a lab only; waylaid fix --dry-run prints the exact commands.\n',
    );
  });

  test('nothing to fix is good news where everything arrives', async () => {
    const result = await run(['fix', '--dry-run', '--bundle', healthy]);
    expect(result).toMatchObject({
      exit: 0,
      stdout: 'Nothing to fix: everything that was judged arrives.\n',
    });
  });
});

describe('usage', () => {
  test.each([
    [['dignose'], 'there is no command "dignose". Did you mean diagnose?'],
    [['frobnicate'], 'there is no command "frobnicate". waylaid --help lists all.'],
    [['--bundel', 'x'], "unknown option '--bundel' (Did you mean --bundle?)"],
    [['diagnose', '-o', 'xml'], "option '-o, --output <format>' argument 'xml' is invalid."],
    [['diagnose', 'extra'], "too many arguments for 'diagnose'."],
    [['trace', 'only-one'], "missing required argument 'to'."],
    [['trace', 'a', 'b', '--size', '12'], 'A packet has 68 to 65535 bytes.'],
    [['trace', 'a', 'b', '--source-port', '70000'], 'A port is a number from 1 to 65535.'],
    [['--bundle', 'x', '--lab'], 'cannot be used with option'],
    [
      ['explain', 'forwarding-of'],
      'there is no diagnosis called "forwarding-of". Did you mean forwarding-off?',
    ],
  ])('%j is one sentence and exit 2', async (words, message) => {
    const result = await run(words);
    expect([result.exit, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toMatch(/^waylaid: .*\n$/);
    expect(result.stderr).toContain(message);
  });

  test('--version, version and --help go to standard output and exit 0', async () => {
    const [short, long, help, plugin] = await Promise.all([
      run(['--version']),
      run(['version']),
      run(['--help']),
      run(['--help'], { name: 'kubectl-waylaid' }),
    ]);
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(short).toEqual({ exit: 0, stdout: `${version}\n`, stderr: '' });
    expect(long.stdout.startsWith(`waylaid ${version} (node v`)).toBe(true);
    expect(help.stdout).toMatch(/^Usage: waylaid /);
    expect(help.stdout).toContain('Exit codes:');
    expect(plugin.stdout).toMatch(/^Usage: kubectl waylaid /);
    expect([help.exit, help.stderr, plugin.exit]).toEqual([0, '', 0]);
  });

  test('every code that explain lists, it explains', async () => {
    const list = JSON.parse((await run(['explain', '-o', 'json'])).stdout) as { code: string }[];
    expect(list.length).toBeGreaterThan(5);
    const texts = await Promise.all(list.slice(0, 3).map(({ code }) => run(['explain', code])));
    for (const text of texts) {
      expect(text.exit).toBe(0);
      expect(text.stdout).toContain('How it is proved');
      expect(text.stdout).toContain('Sources');
    }
  });

  test('schema prints the committed schema', async () => {
    const { stdout } = await run(['schema']);
    const committed = await readFile(new URL('../../docs/answer.schema.json', import.meta.url), 'utf8');
    expect(JSON.parse(stdout)).toEqual(JSON.parse(committed));
  });

  test('completion knows commands, choices, codes and where a path is wanted', async () => {
    const complete = async (...words: string[]): Promise<string[]> =>
      (await run(['complete', '--', ...words])).stdout
        .trim()
        .split('\n')
        .map((line) => line.split('\t')[0] ?? '');
    expect(await complete('dia')).toEqual(['diagnose', ':4']);
    expect(await complete('diagnose', '-o', '')).toEqual(['text', 'wide', 'json', 'yaml', 'name', ':4']);
    expect(await complete('explain', 'forwarding')).toEqual(['forwarding-off', ':4']);
    expect(await complete('diagnose', '--bundle', '')).toEqual([':0']);
    expect(await complete('lab', 'up', '--proxy', '')).toEqual(['iptables', 'nftables', ':4']);
    expect(await complete('lab', 'up', '--fault', 'rp-')).toEqual([
      'rp-filter-strict',
      'rp-filter-loose',
      ':4',
    ]);
    const scripts = await Promise.all(
      ['bash', 'zsh', 'fish', 'kubectl'].map((shell) => run(['completion', shell])),
    );
    for (const script of scripts) {
      expect(script.exit).toBe(0);
      expect(script.stdout).toContain('waylaid complete --');
    }
  });
});

describe('bad bundles', () => {
  test.each([
    [
      'a path that is not there',
      () => Promise.resolve(join(command.folder, 'nowhere')),
      /no such file or folder/,
    ],
    ['an empty folder', () => writeFolder('empty', new Map([['.keep', '']])), /is not an evidence bundle/],
    [
      'an empty file',
      () => writeFile(join(command.folder, 'zero.tar'), '').then(() => join(command.folder, 'zero.tar')),
      /it is empty/,
    ],
    [
      'a text file',
      () =>
        writeFile(join(command.folder, 'notes.txt'), 'hello\n').then(() => join(command.folder, 'notes.txt')),
      /is not an evidence bundle/,
    ],
  ])('%s: one sentence, exit 2', async (_what, make, message) => {
    const result = await run(['--bundle', await make()]);
    expect([result.exit, result.stdout]).toEqual([2, '']);
    expect(result.stderr).toMatch(/^waylaid: .*\n$/);
    expect(result.stderr).toMatch(message);
  });

  test('standard input that holds nothing', async () => {
    const result = await run(['--bundle', '-'], { input: new Uint8Array() });
    expect(result).toEqual({
      exit: 2,
      stdout: '',
      stderr: 'waylaid: standard input is not an evidence bundle: it is empty.\n',
    });
  });

  test('a future format is said, and judged as far as it is understood', async () => {
    const folder = await writeVariant('future', { 'waylaid.json': '{"format":"waylaid-evidence/9"}' });
    const result = await run(['--bundle', folder]);
    expect(result.exit).toBe(1);
    expect(result.stderr).toMatch(/^waylaid: .*waylaid-evidence\/9.*\n$/);
  });

  test('garbage in one file is said with its place; the rest is judged', async () => {
    const folder = await writeVariant('garbage', { 'nodes/right/tailscale-prefs.json': '{"RouteAll": tr' });
    const result = await run(['--bundle', folder]);
    expect(result.exit).toBe(1);
    expect(result.stderr).toMatch(/^waylaid: nodes\/right\/tailscale-prefs\.json .*\n$/);
    expect(result.stdout).toContain('table 52');
    const { stdout } = await run(['--bundle', folder, '-o', 'json']);
    expect((JSON.parse(stdout) as Answer).notes.map((note) => note.path)).toEqual([
      'nodes/right/tailscale-prefs.json',
    ]);
  });

  test('a truncated archive is said; what came before is judged', async () => {
    const whole = readFileSync(archive);
    const cut = join(command.folder, 'cut.tar.gz');
    await writeFile(cut, whole.subarray(0, Math.floor(whole.length * 0.8)));
    const result = await run(['--bundle', cut]);
    expect([1, 3]).toContain(result.exit);
    expect(result.stderr).toMatch(/^waylaid: /);
    expect(result.stderr).not.toContain('    at ');
  });

  test('what fails outside is one sentence; WAYLAID_DEBUG=1 shows where', async () => {
    const broke = { environment: { TMPDIR: '/proc/nowhere' }, input: readFileSync(archive) };
    const result = await run(['--bundle', '-'], broke);
    expect(result.exit).toBe(2);
    expect(result.stderr).toMatch(/^waylaid: .*\n$/);
    const debug = await run(['--bundle', '-'], {
      ...broke,
      environment: { ...broke.environment, WAYLAID_DEBUG: '1' },
    });
    expect(debug.stderr).toMatch(/\n {4}at /);
  });
});
