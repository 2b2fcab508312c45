// Rulesets spelled at random, loaded by the real nft into a network namespace of their own, and listed as JSON and as
// text: what waylaid reads from either listing must be what it reads from the rules as they were spelled, and nothing of
// the known vocabulary may be opaque. WAYLAID_ORACLE_SEED repeats a run. Needs root and nft.
import { spawnSync } from 'node:child_process';
import { isDeepStrictEqual } from 'node:util';
import { expect, it } from 'vitest';
import type { FilterDump, FilterSetElement, FilterTable } from '../../src/core/snapshot/filter-facts.ts';
import { formatNftRule } from '../../src/core/snapshot/netfilter/nftables/format-nft.ts';
import { parseNftRuleText } from '../../src/core/snapshot/netfilter/nftables/parse-nft-rule-text.ts';
import { readNftJson } from '../../src/core/snapshot/netfilter/nftables/read-nft-json.ts';
import { readNftText } from '../../src/core/snapshot/netfilter/nftables/read-nft-text.ts';
import { parseFilterRule } from '../../src/core/snapshot/parse-filter-rule.ts';
import type { FilterStep, RuleBody } from '../../src/core/snapshot/filter-steps.ts';
import type { Reading } from '../../src/core/snapshot/syntax/reading.ts';
import { makeFile } from '../evidence/make-file.ts';
import { spellRuleset } from './nft-spellings.ts';
import { rollDice } from './random.ts';

const gateSeed = 60_214_991;
const chosenSeed = process.env.CI === undefined ? Math.floor(Math.random() * 1e9) : gateSeed;
const seed = Number(process.env.WAYLAID_ORACLE_SEED ?? chosenSeed);
const rulesPerChain = 300;

function findObstacle(): string | undefined {
  const tried = spawnSync('unshare', ['-n', 'nft', '-v'], { timeout: 10_000 });
  return tried.status === 0 ? undefined : 'needs root and nft, for a network namespace of its own';
}

interface Listings {
  readonly json: string;
  readonly text: string;
}

function listInKernel(ruleset: string): Listings {
  const script = 'nft -f - && nft -j list ruleset && echo ---- && nft -a list ruleset';
  const options = { input: ruleset, encoding: 'utf8', timeout: 60_000, maxBuffer: 64 * 1024 * 1024 } as const;
  const { stdout, stderr, status } = spawnSync('unshare', ['-n', 'sh', '-c', script], options);
  if (status !== 0) throw new Error(`nft: ${stderr.slice(0, 2000)} (seed ${seed})`);
  const [json = '', text = ''] = stdout.split('\n----\n');
  return { json, text };
}

function valueOf(reading: Reading<FilterDump>): readonly FilterTable[] {
  if (!reading.isUnderstood) throw new Error(`${reading.detail} (seed ${seed})`);
  return reading.value.tables;
}

/** nft sorts the elements of a set and joins neighbours. */
function comparableElements(elements: readonly FilterSetElement[]): readonly unknown[] {
  const sorted = [...elements].sort((a, b) => sortText(a).localeCompare(sortText(b)));
  const joined: FilterSetElement[] = [];
  for (const element of sorted) {
    const [value] = element.key;
    const before = joined.at(-1)?.key[0];
    const isPlain = element.key.length === 1 && element.data === undefined && element.verdict === undefined;
    if (isPlain && value?.kind === 'number' && before?.kind === 'number' && before.to + 1 >= value.from) {
      joined[joined.length - 1] = { key: [{ ...before, to: Math.max(before.to, value.to) }] };
    } else joined.push(element);
  }
  return joined;
}

function sortText(element: FilterSetElement): string {
  return element.key
    .map((value) =>
      value.kind === 'number' ? value.from.toString(16).padStart(9, '0') : JSON.stringify(value),
    )
    .join(' ');
}

function comparableStep(step: FilterStep): unknown {
  const wordless = { ...step, text: '' };
  if (!('values' in wordless) || wordless.values.kind !== 'elements') return wordless;
  return {
    ...wordless,
    values: { ...wordless.values, elements: comparableElements(wordless.values.elements) },
  };
}

/**
 * nft lists a condition on the family or the transport where a later expression needs it, and so moves it behind others;
 * in these rules all conditions come before what the rule does.
 */
function comparable({ steps, comment }: RuleBody): unknown {
  const matches = steps.filter(({ kind }) => kind === 'match');
  const rest = steps.filter(({ kind }) => kind !== 'match');
  const spelled = (list: readonly FilterStep[]): string[] =>
    list.map((step) => JSON.stringify(comparableStep(step)));
  return { comment, matches: [...new Set(spelled(matches))].sort(), rest: spelled(rest) };
}

function comparableSets(table: FilterTable): unknown {
  return [...table.sets.values()].map((set) => ({
    ...set,
    at: '',
    elements: comparableElements(set.elements),
  }));
}

function comparableChains(table: FilterTable): unknown {
  return [...table.chains.values()].map(({ name, base, rules }) => ({ name, base, count: rules.length }));
}

it('reads listings of nftables as the rules were spelled', (context) => {
  const obstacle = findObstacle();
  if (obstacle !== undefined) context.skip(obstacle);
  const ruleset = spellRuleset(rollDice(seed), rulesPerChain);
  const listings = listInKernel(ruleset);
  const spelled = valueOf(readNftText(makeFile('spelled.txt', ruleset)));
  const json = valueOf(readNftJson(makeFile('nft.json', listings.json)));
  const text = valueOf(readNftText(makeFile('nft.txt', listings.text)));
  expect(spelled.map(({ family }) => family)).toEqual(['ip', 'ip6', 'inet']);

  for (const [number, table] of spelled.entries()) {
    for (const listed of [json[number]!, text[number]!]) {
      expect({ ...listed, at: '', chains: 0, sets: 0 }).toEqual({ ...table, at: '', chains: 0, sets: 0 });
      expect(comparableSets(listed), `seed ${seed}`).toEqual(comparableSets(table));
      expect(comparableChains(listed), `seed ${seed}`).toEqual(comparableChains(table));
      compareRules(table, listed);
    }
    compareTwins(json[number]!, text[number]!);
  }
});

function compareRules(table: FilterTable, listed: FilterTable): void {
  const rules = table.chains.get('rules')?.rules ?? [];
  expect(rules).toHaveLength(rulesPerChain);
  for (const [at, rule] of rules.entries()) {
    const back = listed.chains.get('rules')!.rules[at]!;
    const body = parseFilterRule(back, table.family);
    const meant = parseFilterRule(rule, table.family);
    const differences = [
      findDifference(
        body.steps.filter(({ kind }) => kind.startsWith('opaque')),
        [],
      ),
      findDifference(comparable(body), comparable(meant)),
      findDifference(back.packets, rule.packets),
      typeof back.handle === 'number' ? undefined : 'no handle',
      back.source.syntax === 'nft-json'
        ? findDifference(parseNftRuleText(formatNftRule(back.source.statements), table.family), body)
        : undefined,
    ];
    const found = differences.find((difference) => difference !== undefined);
    expect(found, `${JSON.stringify([rule.source, back.source])}, seed ${seed}`).toBeUndefined();
  }
}

function findDifference(found: unknown, expected: unknown): string | undefined {
  if (isDeepStrictEqual(found, expected)) return undefined;
  return `${JSON.stringify(found)} is not ${JSON.stringify(expected)}`;
}

/** Word for word, but for the direction of addresses: nft's JSON says `ct original saddr` where its text names the family. */
function compareTwins(json: FilterTable, text: FilterTable): void {
  const twins = text.chains.get('rules')?.rules ?? [];
  for (const [at, rule] of (json.chains.get('rules')?.rules ?? []).entries()) {
    const twin = twins[at]!;
    const [left, right] = [rule, twin].map((one) =>
      JSON.stringify(parseFilterRule(one, json.family)).replaceAll(/(original|reply) ip6? /g, '$1 '),
    );
    expect(
      left === right ? undefined : [left, right],
      `${JSON.stringify(twin.source)}, seed ${seed}`,
    ).toBeUndefined();
    expect(rule.handle).toBe(twin.handle);
  }
}
