// Changes of the packet filter: they do what they say, to the one dump that they name, and what they do not name stays the
// same object.
import { describe, expect, it } from 'vitest';
import { makeWorld } from '../../../test/worlds/make-world.ts';
import { readWorld } from '../../../test/worlds/write-world.ts';
import { applyChanges } from './apply-changes.ts';
import type { Change } from './change.ts';
import type { FilterChain, FilterFacts } from './filter-facts.ts';
import type { FilterPlace, FilterRulePlace } from './filter-place.ts';
import { textOfRule } from './format-filter.ts';
import type { Snapshot } from './snapshot.ts';

const draft = makeWorld({ nodes: 2 });
draft.nodes[0]!.filterEdits.push(({ filter }) =>
  filter.rules.unshift('-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT', '-A INPUT -j DROP'),
);
draft.nodes[0]!.files.set(
  'conntrack.txt',
  'ipv4     2 udp      17 25 src=10.42.1.2 dst=10.43.0.10 sport=5353 dport=53 [UNREPLIED] src=10.42.1.99 dst=10.42.1.2 sport=53 dport=5353 mark=0 use=1\n',
);
const snapshot = readWorld(draft);
const namespace = 'node/node-1';

function filterOf(from: Snapshot, node = 'node-1'): FilterFacts {
  return from.nodes.get(node)!.root.filter!;
}

function chainOf(from: Snapshot, name: string): FilterChain {
  const dump = filterOf(from).byDefault[4];
  const table = dump.known ? dump.value.tables.find((one) => one.name === 'filter') : undefined;
  return table!.chains.get(name)!;
}

const rulesOf = (from: Snapshot, name = 'INPUT'): readonly string[] =>
  chainOf(from, name).rules.map(textOfRule);

function placeOf(name: string): FilterPlace {
  const dump = filterOf(snapshot).byDefault[4];
  const table = dump.known ? dump.value.tables.find((one) => one.name === 'filter')! : undefined;
  return {
    path: dump.known ? dump.value.path : '',
    origin: table!.origin,
    family: 'ip',
    table: 'filter',
    chain: name,
  };
}

function rulePlace(name: string, index: number): FilterRulePlace {
  const rule = chainOf(snapshot, name).rules[index]!;
  return { ...placeOf(name), at: rule.at, text: textOfRule(rule) };
}

describe('a rule', () => {
  const rule = rulePlace('INPUT', 1);

  it('is removed, and no other', () => {
    const after = applyChanges(snapshot, [{ kind: 'remove-filter-rule', namespace, rule }]);
    expect(rule.text).toBe('-j DROP');
    expect(rulesOf(after)).toEqual(rulesOf(snapshot).filter((text) => text !== '-j DROP'));
  });

  it('is inserted in front of the one it names, or at the head', () => {
    const insert = (text: string, before?: FilterRulePlace): Change => ({
      kind: 'insert-filter-rule',
      namespace,
      chain: placeOf('INPUT'),
      text,
      ...(before === undefined ? {} : { before }),
    });
    const after = applyChanges(snapshot, [insert('-p icmp -j ACCEPT', rule), insert('-i lo -j ACCEPT')]);
    expect(rulesOf(after).slice(0, 4)).toEqual([
      '-i lo -j ACCEPT',
      '-p tcp -m tcp --dport 22 -j ACCEPT',
      '-p icmp -j ACCEPT',
      '-j DROP',
    ]);
  });

  it('that is gone already changes nothing', () => {
    const change: Change = { kind: 'remove-filter-rule', namespace, rule };
    const once = applyChanges(snapshot, [change]);
    expect(applyChanges(once, [change])).toBe(once);
  });

  it('of another dump, table or chain is another rule', () => {
    for (const other of [{ path: 'elsewhere' }, { table: 'nat' }, { chain: 'OUTPUT' }, { at: 'L9999' }]) {
      const change: Change = { kind: 'remove-filter-rule', namespace, rule: { ...rule, ...other } };
      expect(applyChanges(snapshot, [change])).toBe(snapshot);
    }
  });
});

it('leaves other tables, dumps and machines the same objects', () => {
  const rule = rulePlace('INPUT', 1);
  const after = applyChanges(snapshot, [{ kind: 'remove-filter-rule', namespace, rule }]);
  expect(after.nodes.get('node-2')).toBe(snapshot.nodes.get('node-2'));
  expect(filterOf(after).nftables).toBe(filterOf(snapshot).nftables);
  expect(filterOf(after).byDefault[6]).toBe(filterOf(snapshot).byDefault[6]);
  expect(chainOf(after, 'FORWARD')).toBe(chainOf(snapshot, 'FORWARD'));
  expect(after.nodes.get('node-1')?.root.links).toBe(snapshot.nodes.get('node-1')?.root.links);
});

it('a policy is set, of base chains only', () => {
  const set = (name: string): Snapshot =>
    applyChanges(snapshot, [
      { kind: 'set-filter-policy', namespace, chain: placeOf(name), policy: 'drop', was: 'accept' },
    ]);
  expect(chainOf(set('FORWARD'), 'FORWARD').base?.policy).toBe('drop');
  expect(set('KUBE-FORWARD')).toBe(snapshot);
});

it('a connection is forgotten', () => {
  const { connections } = filterOf(snapshot);
  const [connection] = connections.known ? connections.value : [];
  if (connection === undefined) throw new Error('no connection was read');
  const { protocol, original } = connection;
  const after = applyChanges(snapshot, [{ kind: 'remove-connection', namespace, protocol, original }]);
  const left = filterOf(after).connections;
  expect(left.known && left.value).toEqual([]);
  const other = { ...original, sourcePort: 1 };
  expect(applyChanges(snapshot, [{ kind: 'remove-connection', namespace, protocol, original: other }])).toBe(
    snapshot,
  );
});

it('a program that writes its chains again is remembered once', () => {
  const change: Change = { kind: 'rewrite-filter', namespace, program: 'kube-proxy' };
  const once = applyChanges(snapshot, [change]);
  expect([...(once.nodes.get('node-1')?.root.rewritten ?? [])]).toEqual(['kube-proxy']);
  expect(applyChanges(once, [change])).toBe(once);
});

it('a device gets another size', () => {
  const after = applyChanges(snapshot, [{ kind: 'set-mtu', namespace, link: 'cni0', mtuBytes: 1450 }]);
  const links = after.nodes.get('node-1')?.root.links;
  const sizes =
    links?.known === true ? links.value.map(({ name, mtuBytes }) => `${name} ${mtuBytes ?? ''}`) : [];
  expect(sizes).toContain('cni0 1450');
  expect(sizes).toContain('eth0 1500');
});
