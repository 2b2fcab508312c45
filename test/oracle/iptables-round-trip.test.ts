// Rules spelled at random, restored by the real iptables of either back end in a namespace of its own, and saved again:
// what waylaid reads from the saved text must be what it reads from the rule as it was spelled, and nothing of the known
// vocabulary may be opaque. WAYLAID_ORACLE_SEED repeats a run. Needs root, iptables and ipset.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { parseIptablesRule } from '../../src/core/snapshot/netfilter/iptables/parse-iptables-rule.ts';
import { readIptablesDump } from '../../src/core/snapshot/netfilter/iptables/read-iptables-dump.ts';
import type { FilterStep, RuleBody } from '../../src/core/snapshot/filter-steps.ts';
import { makeFile } from '../evidence/make-file.ts';
import { makeRule } from './iptables-spellings.ts';
import { rollDice } from './random.ts';

const gateSeed = 93_117_224;
const chosenSeed = process.env.CI === undefined ? Math.floor(Math.random() * 1e9) : gateSeed;
const seed = Number(process.env.WAYLAID_ORACLE_SEED ?? chosenSeed);
const rulesPerChain = 200;

const places: readonly (readonly [table: string, chains: readonly string[]])[] = [
  ['raw', ['PREROUTING', 'OUTPUT']],
  ['mangle', ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING']],
  ['nat', ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING']],
  ['filter', ['INPUT', 'FORWARD', 'OUTPUT']],
];

const sets = [4, 6].flatMap((family) =>
  ['pods', 'nets', 'ports'].map(
    (name) =>
      `ipset create ${name}${family} ${name === 'ports' ? 'hash:ip,port' : 'hash:net'} family ${family === 4 ? 'inet' : 'inet6'}`,
  ),
);

function findObstacle(): string | undefined {
  const tried = spawnSync('unshare', ['-n', 'sh', '-c', 'iptables -V && ipset -v'], { timeout: 10_000 });
  return tried.status === 0
    ? undefined
    : 'needs root, iptables and ipset, for a network namespace of its own';
}

interface Spelled {
  readonly place: string;
  readonly text: string;
}

function spellRules(family: 4 | 6): readonly Spelled[] {
  const dice = rollDice(seed + family);
  return places.flatMap(([table, chains]) =>
    chains.flatMap((chain) =>
      Array.from({ length: rulesPerChain }, () => ({
        place: `${table} ${chain}`,
        text: makeRule(dice, { family, table, chain }),
      })),
    ),
  );
}

function writeRestore(rules: readonly Spelled[]): string {
  const lines = places.flatMap(([table, chains]) => [
    `*${table}`,
    ':OTHER - [0:0]',
    ...chains.flatMap((chain) =>
      rules
        .filter(({ place }) => place === `${table} ${chain}`)
        .map(({ text }) => `-A ${chain} ${text}`.trim()),
    ),
    'COMMIT',
  ]);
  return `${lines.join('\n')}\n`;
}

function roundTrip(program: string, rules: readonly Spelled[]): string {
  // The older back end has one lock for all namespaces, which another test may hold.
  const shell = [...sets, `${program}-restore -w 60`, `${program}-save -c`].join(' && ');
  const input = writeRestore(rules);
  const ran = spawnSync('unshare', ['-n', 'sh', '-c', shell], {
    input,
    encoding: 'utf8',
    timeout: 60_000,
    maxBuffer: 2 ** 26,
  });
  if (ran.status === 0) return ran.stdout;
  const line = /line:? (\d+)/.exec(ran.stderr)?.[1];
  const refused = line === undefined ? '' : input.split('\n')[Number(line) - 1];
  throw new Error(`${program} refused ${refused ?? ''}: ${ran.stderr}`);
}

const acting: readonly FilterStep['kind'][] = [
  ...(['verdict', 'verdict-map', 'set-mark', 'nat', 'netmap'] as const),
  ...(['tproxy', 'untrack', 'clamp-mss', 'opaque'] as const),
];

/** Without how it was written, and without the order of what only asks, which is iptables-save's own and means nothing. */
function meaningOf(text: string, family: 4 | 6): string {
  const body: RuleBody = parseIptablesRule(text, family === 4 ? 'ip' : 'ip6');
  const words = (steps: readonly FilterStep[]): readonly string[] =>
    steps.map((step) => JSON.stringify(withoutSpelling(step)));
  const asking = words(body.steps.filter(({ kind }) => !acting.includes(kind)));
  return JSON.stringify([
    body.comment,
    [...asking].sort(),
    words(body.steps.filter(({ kind }) => acting.includes(kind))),
  ]);
}

function withoutSpelling(step: FilterStep): FilterStep {
  const bare = 'text' in step ? { ...step, text: '' } : step;
  if (bare.kind !== 'match' || bare.values.kind !== 'elements') return bare;
  const elements = [...bare.values.elements].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return { ...bare, values: { kind: 'elements', elements } };
}

describe(`rules through iptables, from seed ${seed}`, () => {
  it.for([
    ['iptables-legacy', 4],
    ['iptables-nft', 4],
    ['ip6tables-legacy', 6],
    ['ip6tables-nft', 6],
  ] as const)('%s says what was meant', ([program, family], ctx) => {
    const problem = findObstacle();
    if (problem !== undefined) return ctx.skip(problem);
    const rules = spellRules(family);
    const reading = readIptablesDump(makeFile('iptables-save.txt', roundTrip(program, rules)), family);
    if (!reading.isUnderstood) throw new Error(reading.detail);
    const origin = program.endsWith('nft') ? 'iptables-nft' : 'iptables-legacy';
    const differences: string[] = [];
    let compared = 0;
    for (const table of reading.value.tables) {
      expect(table.origin).toBe(origin);
      for (const chain of table.chains.values()) {
        const spelled = rules.filter(({ place }) => place === `${table.name} ${chain.name}`);
        expect(chain.rules).toHaveLength(spelled.length);
        for (const [index, rule] of chain.rules.entries()) {
          const saved = rule.source.syntax === 'iptables' ? rule.source.text : '';
          const meant = meaningOf(spelled[index]!.text, family);
          const read = meaningOf(saved, family);
          compared++;
          if (meant !== read || /"kind\\?":\\?"opaque/.test(read))
            differences.push(`${spelled[index]!.text}\n  saved ${saved}\n  ${meant}\n  ${read}`);
        }
      }
    }
    expect(compared).toBe(rules.length);
    expect(differences).toEqual([]);
  });
});
