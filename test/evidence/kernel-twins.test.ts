// Random states of this kernel, printed by the installed iproute2 as JSON and as text, and by busybox: every way of
// printing must give the same facts. Needs root and happens in network namespaces of its own, which end with their
// shell. The seed is printed; WAYLAID_SEED repeats a run.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { afterAll, expect, test } from 'vitest';
import type { TestContext } from 'vitest';
import type { Known } from '../../src/core/fact/known.ts';
import type { NamespaceFacts, RouteFact } from '../../src/core/snapshot/namespace-facts.ts';
import { makeFile, makeJsonFile, snapshotOf } from './make-file.ts';
import { bridgeCommands, createRandom, linkCommands, newerRules, randomCommands } from './random-state.ts';
import { comparableNamespace } from './without-evidence.ts';

const seed = Number(process.env.WAYLAID_SEED ?? Date.now() % 1_000_000);
const states = Number(process.env.WAYLAID_STATES ?? 12);
const folder = mkdtempSync(join(tmpdir(), 'waylaid-twins-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const commands: readonly (readonly [name: string, command: string])[] = [
  ['ip-link', 'ip -d -s link'],
  ['ip-addr', 'ip -d addr'],
  ['ip-rule-4', 'ip -d -4 rule'],
  ['ip-rule-6', 'ip -d -6 rule'],
  ['ip-route-4', 'ip -d -4 route show table all'],
  ['ip-route-6', 'ip -d -6 route show table all'],
  ['ip-neigh', 'ip neigh'],
  ['bridge-fdb', 'bridge fdb'],
  ['bridge-link', 'bridge -d link'],
];

const busyboxCommands: readonly (readonly [name: string, command: string])[] = [
  ['ip-route-4', 'busybox ip -4 route show table all'],
  ['ip-route-6', 'busybox ip -6 route show table all'],
];

function findObstacle(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root';
  if (spawnSync('unshare', ['-n', 'ip', '-j', '-V']).status !== 0) return 'needs unshare and iproute2';
  return undefined;
}

function asJson(command: string): string {
  return command.replace(/^(ip|bridge) /, '$1 -j ');
}

/**
 * The kernel tells of carriers a moment after the fact, so flags can change between two commands: a state that was
 * printed differently the second time is made anew.
 */
function readSettledState(stateSeed: number): NamespaceFacts {
  for (let attempt = 0; attempt < 10; attempt++) {
    makeState(stateSeed);
    const first = readNamespace(commands.map(([name]) => [`${name}.json`, `${name}.json`]));
    const second = readNamespace(commands.map(([name]) => [`${name}.json`, `again-${name}.json`]));
    if (isDeepStrictEqual(comparableNamespace(first), comparableNamespace(second))) return first;
  }
  throw new Error(`the state of seed ${stateSeed} did not come to rest`);
}

function makeState(stateSeed: number): void {
  const random = createRandom(stateSeed);
  const print = [
    ...commands.flatMap(([name, command]) => [
      `${asJson(command)} > ${name}.json`,
      `${command} > ${name}.txt`,
    ]),
    ...commands.map(([name, command]) => `${asJson(command)} > again-${name}.json`),
    ...busyboxCommands.map(([name, command]) => `${command} > busybox-${name}.txt || true`),
  ];
  // Without duplicate address detection an address's flags stay what they are between two commands.
  const script = `cd ${folder}
for group in all default; do echo 0 > /proc/sys/net/ipv6/conf/$group/accept_dad; done
cat > ip.batch <<'END'
${linkCommands()}
${randomCommands(random, 150)}
END
cat > bridge.batch <<'END'
${bridgeCommands(random, 20)}
END
ip -force -batch ip.batch > /dev/null 2>&1
${newerRules(random)
  .map((rule) => `ip ${rule} > /dev/null 2>&1`)
  .join('\n')}
bridge -force -batch bridge.batch > /dev/null 2>&1
set -e
${print.join('\n')}`;
  execFileSync('unshare', ['-n', 'sh', '-c', script], { timeout: 60_000 });
}

function readNamespace(files: readonly (readonly [name: string, file: string])[]): NamespaceFacts {
  // An empty text is only believed where the manifest says that its command ended well.
  const items = files.map(([name]) => ({ path: `nodes/n/${name}`, exit: 0 }));
  const snapshot = snapshotOf([
    makeJsonFile('waylaid.json', { format: 'waylaid-evidence/1', items }),
    ...files.map(([name, file]) => makeFile(`nodes/n/${name}`, readFileSync(join(folder, file)))),
  ]);
  expect(snapshot.notes).toEqual([]);
  return snapshot.nodes.get('n')!.root;
}

function rowsOf<T>(fact: Known<readonly T[]>): readonly T[] {
  if (!fact.known) throw new Error(`${fact.path}: ${fact.detail ?? fact.reason}`);
  return fact.value;
}

function skipWithout(context: TestContext): void {
  const obstacle = findObstacle();
  if (obstacle !== undefined) context.skip(obstacle);
}

test(`text and JSON of ${states} random states are the same facts (seed ${seed})`, (context) => {
  skipWithout(context);
  let rows = 0;
  for (let at = 0; at < states; at++) {
    const json = readSettledState(seed + at);
    const text = readNamespace(commands.map(([name]) => [`${name}.txt`, `${name}.txt`]));
    expect(comparableNamespace(text), `seed ${seed + at}`).toEqual(comparableNamespace(json));
    rows += rowsOf(json.routes[4]).length + rowsOf(json.routes[6]).length;
    rows += rowsOf(json.rules[4]).length + rowsOf(json.rules[6]).length;
    expectBusyboxAgrees(json);
  }
  console.log(`compared ${rows} rules and routes of ${states} states, seed ${seed}`);
  expect(rows).toBeGreaterThan(states * 50);
});

function expectBusyboxAgrees(json: NamespaceFacts): void {
  if (spawnSync('busybox', ['true']).status !== 0) return;
  const busybox = readNamespace(busyboxCommands.map(([name]) => [`${name}.txt`, `busybox-${name}.txt`]));
  for (const family of [4, 6] as const) {
    const real = rowsOf(json.routes[family]);
    const seen = rowsOf(busybox.routes[family]);
    expect(seen).toHaveLength(real.length);
    for (const [index, route] of seen.entries()) {
      const truth = real[index]!;
      if (route.type === 'opaque' || truth.nexthops.some((nexthop) => isHiddenByBusybox(nexthop))) continue;
      expect(asBusyboxPrints(route)).toEqual(asBusyboxPrints(truth));
    }
  }
}

/** A gateway of the other family is not printed, and nothing shows that one is missing. */
function isHiddenByBusybox(nexthop: RouteFact['nexthops'][number]): boolean {
  return nexthop.gateway?.startsWith('2001:') === true;
}

function asBusyboxPrints(route: RouteFact): unknown {
  const { type, destination, from, table, scope, metric, preferredSource } = route;
  const nexthops = route.nexthops.map(({ link, gateway }) => ({ link, gateway }));
  return { type, destination, from, table, scope, metric, preferredSource, nexthops };
}
