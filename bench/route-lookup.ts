// Routing lookups per second against `ip -batch` with the same queries, on a node with Tailscale's rules, its table 52
// with 200 hosts, and 1,000 or 100,000 routes in main. In: nothing but root and iproute2. Out: one row for each size.
// Both sides answer from a warm state (the engine's table is built, the kernel has its trie); the result of each query,
// its device and gateway, goes into the checksum of both sides.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Namespace } from '../src/core/model/network.ts';
import { makeFlowKey } from '../src/core/trace/flow-key.ts';
import type { FlowKey } from '../src/core/trace/flow-key.ts';
import { createBatchLookup } from '../src/core/trace/route-lookup.ts';
import type { BatchLookup } from '../src/core/trace/route-lookup.ts';
import { parseAddress } from '../src/core/net/address.ts';
import type { Address } from '../src/core/net/address.ts';
import { rollDice } from '../test/oracle/random.ts';
import type { Dice } from '../test/oracle/random.ts';
import { startWorld } from '../test/oracle/routing-kernel.ts';
import type { LiveWorld } from '../test/oracle/routing-kernel.ts';
import { compareSides } from './measure.ts';
import type { BenchRow } from './measure.ts';

const queryCount = 200_000;
const sizes: readonly number[] = [1000, 100_000];
const seed = 17;

export async function runBench(): Promise<readonly BenchRow[]> {
  const tried = spawnSync('unshare', ['-n', 'ip', '-V'], { encoding: 'utf8' });
  if (tried.status !== 0) return sizes.map((size) => skippedRow(size));
  const rows: BenchRow[] = [];
  for (const size of sizes) rows.push(await measureSize(size));
  return rows;
}

function describeRow(size: number): Pick<BenchRow, 'name' | 'against' | 'goal' | 'isLargerBetter'> {
  return {
    name: `route lookup, ${size.toLocaleString('en')} routes`,
    against: 'ip -batch',
    goal: 50,
    isLargerBetter: true,
  };
}

function skippedRow(size: number): BenchRow {
  return {
    ...describeRow(size),
    median: 0,
    worst: 0,
    note: '',
    void: 'skipped: needs root and iproute2, for a network namespace',
  };
}

async function measureSize(size: number): Promise<BenchRow> {
  const dice = rollDice(seed);
  const live = await startWorld({
    linkCommands: makeLinks(),
    settings: [],
    commands: makeRoutes(dice, size),
  });
  try {
    const targets = makeTargets(dice, live.namespace);
    const ours = prepareEngine(live.namespace, targets);
    const theirs = await prepareKernel(live, targets);
    const { median, worst, oursMs, theirsMs, agree } = await compareSides({ ours, theirs });
    const perSecond = (ms: number): string => `${((queryCount / ms) * 1000).toExponential(2)}/s`;
    const note = `${perSecond(oursMs)} against ${perSecond(theirsMs)}`;
    const row = { ...describeRow(size), median, worst, note };
    return agree ? row : { ...row, void: 'the answers differ' };
  } finally {
    await live.end();
  }
}

function makeLinks(): string[] {
  return [
    'link set lo up',
    ...['eth0', 'flannel.1', 'tailscale0'].flatMap((name, number) => [
      `link add ${name} type veth peer name p${number}`,
      `link set ${name} up`,
      `link set p${number} up`,
    ]),
  ];
}

/** Tailscale's four rules below main, 200 peers, and prefixes of every usual length all over 10.0.0.0/8. */
function makeRoutes(dice: Dice, size: number): string[] {
  const lines = [
    'addr add 192.0.2.10/24 dev eth0',
    'addr add 10.42.0.0/32 dev flannel.1',
    'addr add 100.64.0.1/32 dev tailscale0',
    'route add default via 192.0.2.1',
    'rule add pref 5210 fwmark 0x80000/0xff0000 lookup main',
    'rule add pref 5230 fwmark 0x80000/0xff0000 lookup default',
    'rule add pref 5250 fwmark 0x80000/0xff0000 unreachable',
    'rule add pref 5270 lookup 52',
  ];
  for (let peer = 0; peer < 200; peer++)
    lines.push(`route add 100.64.${peer >> 3}.${peer} dev tailscale0 table 52`);
  const seen = new Set<string>();
  while (seen.size < size) seen.add(makePrefix(dice));
  for (const prefix of seen)
    lines.push(`route add ${prefix} via 10.42.${dice.below(250)}.0 dev flannel.1 onlink`);
  return lines;
}

function makePrefix(dice: Dice): string {
  const length = dice.pick([20, 22, 24, 24, 24, 24, 26, 28, 32, 32]);
  const value = Math.floor((0x0a000000 + dice.below(0x1000000)) / 2 ** (32 - length)) * 2 ** (32 - length);
  return `${[24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')}/${length}`;
}

function makeTargets(dice: Dice, namespace: Namespace): readonly Address[] {
  const { routes } = namespace.facts;
  const known = routes[4].known
    ? routes[4].value.filter((route) => route.type === 'unicast' && route.destination.length > 0)
    : [];
  return Array.from({ length: queryCount }, () => {
    const kind = dice.below(10);
    if (kind === 0) return toAddress(`100.64.${dice.below(26)}.${dice.below(256)}`);
    if (kind === 1) return toAddress(`198.51.100.${dice.below(256)}`);
    if (kind < 6) return dice.pick(known).destination.address;
    return toAddress(`10.${dice.below(256)}.${dice.below(256)}.${dice.below(256)}`);
  });
}

function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

type Timed = { readonly elapsedMs: number; readonly checksum: string };

function prepareEngine(namespace: Namespace, targets: readonly Address[]): () => Promise<Timed> {
  const batch = createBatchLookup(namespace, 4);
  const flow = makeFlowKey({ to: toAddress('0.0.0.0'), mark: 0, tos: 0, ipProtocol: 17, uid: 0 }, 'lo');
  const words = Uint32Array.from(targets, (address) => makeWord(address));
  const answers = new Int32Array(words.length);
  return () => {
    const startedAt = performance.now();
    answerAll(batch, flow, words, answers);
    const elapsedMs = performance.now() - startedAt;
    return Promise.resolve({ elapsedMs, checksum: checksumOf(nameAnswers(batch, answers)) });
  };
}

function makeWord(address: Address): number {
  return address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
}

function answerAll(batch: BatchLookup, flow: FlowKey, words: Uint32Array, answers: Int32Array): void {
  for (let index = 0; index < words.length; index++) {
    flow.to3 = words[index] ?? 0;
    answers[index] = batch.lookup(flow);
  }
}

/** Local addresses leave by lo, as the kernel says it. */
function* nameAnswers(batch: BatchLookup, answers: Int32Array): Generator<string> {
  for (const number of answers) {
    const route = batch.routes[number];
    const nexthop = route?.nexthops[0];
    if (route?.type === 'local') yield '- lo';
    else yield route === undefined ? 'error' : `${nexthop?.gateway ?? '-'} ${nexthop?.link ?? '-'}`;
  }
}

/** `ip -batch` in its faster form, text, into a file; reading the file is not counted. */
async function prepareKernel(live: LiveWorld, targets: readonly Address[]): Promise<() => Promise<Timed>> {
  await writeFile(
    join(live.folder, 'targets'),
    targets.map((address) => `route get ${address} uid 0\n`).join(''),
  );
  return async () => {
    const startedAt = performance.now();
    await live.run('ip -force -batch targets > found 2> failed');
    const elapsedMs = performance.now() - startedAt;
    const found = await readFile(join(live.folder, 'found'), 'utf8');
    const failed = await readFile(join(live.folder, 'failed'), 'utf8');
    return { elapsedMs, checksum: checksumOf(nameKernelAnswers(found, failed, targets.length)) };
  };
}

/** Each answer is a line `10.0.0.7 via 10.42.1.0 dev flannel.1 …` and an indented one; failures name their line. */
function* nameKernelAnswers(found: string, failed: string, count: number): Generator<string> {
  const failedLines = new Set(
    [...failed.matchAll(/^Command failed \S+:(\d+)$/gm)].map((match) => Number(match[1])),
  );
  const lines = found.split('\n').filter((line) => line !== '' && !line.startsWith(' '));
  let next = 0;
  for (let line = 1; line <= count; line++) {
    if (failedLines.has(line)) {
      yield 'error';
      continue;
    }
    const words = (lines[next++] ?? '').split(' ');
    const after = (key: string): string => words[words.indexOf(key) + 1] ?? '';
    yield `${words.includes('via') ? after('via') : '-'} ${after('dev')}`;
  }
}

function checksumOf(texts: Iterable<string>): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text}\n`);
  return hash.digest('hex');
}
