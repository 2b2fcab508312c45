// Recorded rulesets, listed by nft as JSON and as text: both must give the same tables, sets, chains and rules. Rules with
// expressions that only iptables knows are left out: JSON has their names only, text a translation.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type {
  FilterDump,
  FilterRule,
  FilterSetElement,
  FilterTable,
} from '../../src/core/snapshot/filter-facts.ts';
import { readNftJson } from '../../src/core/snapshot/netfilter/nftables/read-nft-json.ts';
import { readNftText } from '../../src/core/snapshot/netfilter/nftables/read-nft-text.ts';
import { parseFilterRule } from '../../src/core/snapshot/parse-filter-rule.ts';
import type { Reading } from '../../src/core/snapshot/syntax/reading.ts';
import { makeFile } from './make-file.ts';

const folder = join(import.meta.dirname, '../fixtures/netfilter');

interface Twins {
  readonly json: readonly FilterTable[];
  readonly text: readonly FilterTable[];
}

function readTwins(name: string): Twins {
  const read = (form: string): string => readFileSync(join(folder, `${name}.${form}`), 'utf8');
  return {
    json: tablesOf(readNftJson(makeFile('nft.json', read('json')))),
    text: tablesOf(readNftText(makeFile('nft.txt', read('txt')))),
  };
}

function tablesOf(reading: Reading<FilterDump>): readonly FilterTable[] {
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value.tables;
}

function summary(tables: readonly FilterTable[]): unknown {
  return tables.map(({ family, name, origin, isDormant, chains, sets }) => ({
    title: `${family} ${name} ${origin}`,
    isDormant,
    chains: [...chains.values()].map(({ name: chain, base, rules }) => [chain, base, rules.length]),
    sets: [...sets.values()].map((set) => ({ ...set, at: '', elements: sorted(set.elements) })),
  }));
}

function sorted(elements: readonly FilterSetElement[]): readonly string[] {
  return elements.map((element) => JSON.stringify(element)).sort();
}

function rulesOf(tables: readonly FilterTable[]): readonly { table: FilterTable; rule: FilterRule }[] {
  return tables.flatMap((table) =>
    [...table.chains.values()].flatMap(({ rules }) => rules.map((rule) => ({ table, rule }))),
  );
}

const isOfIptables = ({ source }: FilterRule): boolean => JSON.stringify(source).includes('"xt"');

describe.each([
  { name: 'kube-proxy', rules: 142, native: 71 },
  { name: 'iptables-rules', rules: 190, native: 10 },
  { name: 'tailscaled', rules: 40, native: 29 },
])('$name', ({ name, rules, native }) => {
  const { json, text } = readTwins(name);

  it('has the same tables, chains and sets', () => {
    expect(summary(text)).toEqual(summary(json));
  });

  it('has rules that do the same, and none is opaque', () => {
    const twins = rulesOf(text);
    const all = rulesOf(json);
    expect(all).toHaveLength(rules);
    const compared = all.flatMap(({ table, rule }, at) => (isOfIptables(rule) ? [] : [{ table, rule, at }]));
    expect(compared).toHaveLength(native);
    for (const { table, rule, at } of compared) {
      const body = parseFilterRule(rule, table.family);
      expect(parseFilterRule(twins[at]!.rule, table.family)).toEqual(body);
      expect(body.steps.filter(({ kind }) => kind.startsWith('opaque'))).toEqual([]);
    }
  });
});

describe('what recorded rules mean', () => {
  const tableOf = (name: string, title: string): FilterTable =>
    readTwins(name).json.find((table) => `${table.family} ${table.name}` === title)!;
  const stepsOf = (table: FilterTable, chain: string, at: number): readonly unknown[] =>
    parseFilterRule(table.chains.get(chain)!.rules[at]!, table.family).steps;

  it('kube-proxy picks an endpoint by chance', () => {
    const table = tableOf('kube-proxy', 'ip kube-proxy');
    expect(table.origin).toBe('nftables');
    expect(stepsOf(table, 'service-T6PYTDCJ-apps/web/tcp/http', 0)).toMatchObject([
      { kind: 'match', keys: [{ field: 'protocol' }] },
      {
        kind: 'nat',
        type: 'dnat',
        range: {},
        map: {
          keys: [{ field: 'random', modulus: 2 }],
          values: {
            elements: [
              { key: [{ from: 0, to: 0 }], data: [{ from: '10.42.1.11' }, { from: 8000 }] },
              { key: [{ from: 1, to: 1 }], data: [{ from: '10.42.3.12' }, { from: 8000 }] },
            ],
          },
        },
      },
    ]);
    expect(table.sets.get('service-ips')!.elements[0]).toEqual({
      key: [
        { kind: 'address', from: '10.43.0.10', to: '10.43.0.10' },
        { kind: 'number', from: 6, to: 6 },
        { kind: 'number', from: 53, to: 53 },
      ],
      verdict: { kind: 'goto', chain: 'service-NWBZK7IH-kube-system/kube-dns/tcp/dns-tcp' },
    });
  });

  it('a set that rules fill is dynamic, though nft leaves the flag out of its JSON', () => {
    const { sets } = tableOf('kube-proxy', 'ip kube-proxy');
    expect([...sets.values()].filter(({ isDynamic }) => isDynamic).map(({ name }) => name)).toEqual([
      'affinity-WPDZ5QHH-apps/web-sticky/tcp/http__10.42.1.11/8000',
      'affinity-I6K4C67Q-apps/web-sticky/tcp/http__10.42.3.12/8000',
    ]);
  });

  it('tailscaled compares the first bytes of device names and replaces one byte of the mark', () => {
    const table = tableOf('tailscaled', 'ip filter');
    expect(table.origin).toBe('iptables-nft');
    expect(stepsOf(table, 'ts-forward', 0)).toMatchObject([
      {
        keys: [{ field: 'input-link' }],
        values: { elements: [{ key: [{ name: 'tailscale0', isPrefix: true }] }] },
        text: 'iifname "tailscale0*"',
      },
      { kind: 'note', text: 'counter' },
      { kind: 'set-mark', target: 'mark', edit: { keep: 0xff00ffff, xor: 0x40000 } },
    ]);
    const mangle = tableOf('tailscaled', 'ip mangle');
    expect(stepsOf(mangle, 'PREROUTING', 0)[2]).toEqual({
      kind: 'set-mark',
      target: 'mark',
      edit: { keep: 0, from: 'connection-mark', fromMask: 0xff0000, xor: 0 },
    });
  });
});
