// What iproute2 6.1 and busybox 1.35 printed of one network namespace, recorded: the text must say the same as the JSON,
// and busybox's text as much of it as busybox prints.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Known } from '../../src/core/fact/known.ts';
import type { NamespaceFacts, RouteFact } from '../../src/core/snapshot/namespace-facts.ts';
import { makeFile, snapshotOf } from './make-file.ts';
import { comparableNamespace, withoutEvidence } from './without-evidence.ts';

const folder = new URL('../fixtures/namespace/', import.meta.url);

const names = [
  'ip-link',
  'ip-addr',
  'ip-rule-4',
  'ip-rule-6',
  'ip-route-4',
  'ip-route-6',
  'ip-neigh',
  'bridge-fdb',
  'bridge-link',
];

function namespaceOf(files: readonly (readonly [name: string, recorded: string])[]): NamespaceFacts {
  const snapshot = snapshotOf(
    files.map(([name, recorded]) => makeFile(`nodes/n1/${name}`, readFileSync(new URL(recorded, folder)))),
  );
  expect(snapshot.notes.filter((note) => note.code !== 'odd-input')).toEqual([]);
  return snapshot.nodes.get('n1')!.root;
}

function valueOf<T>(fact: Known<T>): T {
  if (!fact.known) throw new Error(`${fact.path} is ${fact.reason} ${fact.detail ?? ''}`);
  return fact.value;
}

const fromJson = namespaceOf(names.map((name) => [`${name}.json`, `${name}.json`]));

describe('iproute2 with -d', () => {
  const fromText = namespaceOf(names.map((name) => [`${name}.txt`, `${name}.txt`]));
  test('the text says the same as the JSON', () => {
    expect(comparableNamespace(fromText)).toEqual(comparableNamespace(fromJson));
  });

  test('every kind was there to be compared', () => {
    expect(valueOf(fromJson.links)).toHaveLength(12);
    expect(valueOf(fromJson.rules[4])).toHaveLength(23);
    expect(valueOf(fromJson.routes[4])).toHaveLength(33);
    expect(valueOf(fromJson.routes[6])).toHaveLength(23);
    expect(valueOf(fromJson.addresses)).toHaveLength(15);
    expect(valueOf(fromJson.neighbors)).toHaveLength(3);
    expect(valueOf(fromJson.fdb)).toHaveLength(27);
  });

  test('each row points at its place', () => {
    const route = valueOf(fromJson.routes[4])[7]!;
    expect(route.evidence).toEqual({ path: 'nodes/n1/ip-route-4.json', at: '/7' });
    const routeOfText = valueOf(fromText.routes[4])[8]!;
    // The multipath route before it takes three lines.
    expect(routeOfText.evidence).toEqual({ path: 'nodes/n1/ip-route-4.txt', at: 'L11' });
    expect(valueOf(fromText.addresses)[3]!.evidence.at).toMatch(/^L\d+$/);
  });
});

describe('iproute2 without -d', () => {
  const plain = (extension: string): NamespaceFacts =>
    namespaceOf(
      ['ip-rule-4', 'ip-route-4'].map((name) => [`${name}.${extension}`, `plain/${name}.${extension}`]),
    );

  test('routes are the same in text, in JSON and with -d', () => {
    expect(withoutEvidence(plain('txt').routes[4])).toEqual(withoutEvidence(fromJson.routes[4]));
    expect(withoutEvidence(plain('json').routes[4])).toEqual(withoutEvidence(fromJson.routes[4]));
  });

  test('rules are the same, but for the protocol that only -d prints', () => {
    const rules = valueOf(fromJson.rules[4]).map((rule) => ({
      ...rule,
      protocol: rule.protocol === 'openr' ? 'openr' : undefined,
    }));
    const expected = withoutEvidence(rules);
    expect(withoutEvidence(valueOf(plain('txt').rules[4]))).toEqual(expected);
    expect(withoutEvidence(valueOf(plain('json').rules[4]))).toEqual(expected);
  });
});

describe('busybox', () => {
  const busybox = namespaceOf(
    ['ip-link', 'ip-addr', 'ip-rule-4', 'ip-rule-6', 'ip-route-4', 'ip-route-6', 'ip-neigh'].map((name) => [
      `${name}.txt`,
      `busybox/${name}.txt`,
    ]),
  );

  test('routes are the same where busybox prints enough, and opaque where it hides what decides', () => {
    const real = valueOf(fromJson.routes[4]);
    const seen = valueOf(busybox.routes[4]);
    expect(seen).toHaveLength(real.length);
    const opaque = seen.filter((route) => route.type === 'opaque').map((route) => route.destination.address);
    // A multipath route whose nexthops are not printed, and the first of two that differ in TOS.
    expect(opaque).toEqual(['10.50.0.0', '10.65.0.0']);
    for (const [index, route] of seen.entries()) {
      // `via inet6` is not printed at all, and nothing shows that it is missing.
      if (route.type === 'opaque' || route.destination.address === '10.66.0.0') continue;
      expect(asBusyboxPrints(route)).toEqual(asBusyboxPrints(real[index]!));
    }
  });

  test('IPv6 routes are the same but for multipath', () => {
    const real = valueOf(fromJson.routes[6]);
    for (const [index, route] of valueOf(busybox.routes[6]).entries()) {
      if (route.type !== 'opaque') expect(asBusyboxPrints(route)).toEqual(asBusyboxPrints(real[index]!));
      else expect(route.destination.address).toBe('fd50::');
    }
  });

  test('rules are marked as partial, and goto and nop are not taken for lookups', () => {
    const rules = valueOf(busybox.rules[4]);
    expect(rules.every((rule) => rule.isPartial === true)).toBe(true);
    const actions = new Map(rules.map((rule) => [rule.priority, rule.action]));
    expect(actions.get(104)).toEqual({ kind: 'prohibit' });
    expect(actions.get(106)).toEqual({ kind: 'opaque', text: 'goto (busybox hides where)' });
    expect(actions.get(108)).toEqual({ kind: 'nop' });
    expect(actions.get(111)).toEqual({ kind: 'opaque', text: 'lookup unspec' });
    expect(actions.get(5270)).toEqual({ kind: 'lookup', table: '52' });
    expect(rules.find((rule) => rule.priority === 100)?.tos).toBe(16);
  });

  test('links of unknown kind are unknown, and the name of a peer elsewhere is not believed', () => {
    const byName = new Map(valueOf(busybox.links).map((link) => [link.name, link]));
    expect(byName.get('cni0')?.kind).toBe('unknown');
    expect(byName.get('lo')?.kind).toBe('loopback');
    expect(byName.get('v0')?.lower).toBe('v0p');
    expect(byName.get('px')?.lower).toBeUndefined();
    expect(byName.get('px')?.peerIndex).toBe(2);
    expect(byName.get('v0')?.master).toBe('cni0');
  });

  test('addresses and neighbours are the same', () => {
    // busybox prints no peer of an IPv6 address, and the flag bits of nodad.
    const real = valueOf(fromJson.addresses).map((address) =>
      address.address === 'fd00:3::1' ? { ...address, peer: undefined } : address,
    );
    expect(withoutEvidence(valueOf(busybox.addresses))).toEqual(withoutEvidence(real));
    expect(withoutEvidence(valueOf(busybox.neighbors))).toEqual(withoutEvidence(valueOf(fromJson.neighbors)));
  });
});

function asBusyboxPrints(route: RouteFact): unknown {
  const { type, destination, from, table, scope, metric, preferredSource } = route;
  const nexthops = route.nexthops.map(({ link, gateway }) => ({ link, gateway }));
  return { type, destination, from, table, scope, metric, preferredSource, nexthops };
}
