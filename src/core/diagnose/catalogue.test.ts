// The words of every diagnosis, and what a cause without one says.
import { describe, expect, it } from 'vitest';
import { makeWorld } from '../../../test/worlds/make-world.ts';
import { readWorld } from '../../../test/worlds/write-world.ts';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Change, RouteEdit, RuleEdit } from '../snapshot/change.ts';
import { diagnoses, nameCause } from './catalogue.ts';
import { elementOfChange } from './element-of-change.ts';
import { openWorld } from './world.ts';

describe('the catalogue', () => {
  it('has each code once', () => {
    const codes = diagnoses.map((text) => text.code);
    expect(codes.length).toBeGreaterThan(10);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it.each(diagnoses.map((text) => [text.code, text] as const))('%s is whole', (code, text) => {
    expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)+$/);
    expect(text.title).toMatch(/^[A-Za-z].*[^.]$/);
    const sentences = text.meaning.split(/(?<=[.!?”"])\s+/);
    expect(sentences.length).toBeGreaterThanOrEqual(1);
    expect(text.meaning.trim().endsWith('.')).toBe(true);
    expect(text.howProved.trim().endsWith('.')).toBe(true);
    expect(text.byHand.some((line) => line.startsWith('$ '))).toBe(true);
    expect(text.sources.length).toBeGreaterThan(0);
  });
});

const address = (text: string): Address => parseAddress(text) as Address;
const prefix = (text: string): Prefix => parsePrefix(text) as Prefix;
const node = 'node/node-2';
const route: RouteEdit = {
  family: 4,
  type: 'unicast',
  destination: prefix('10.42.3.0/24'),
  table: 'main',
  scope: 'global',
  metric: 0,
  tos: 0,
  nexthops: [{ link: 'flannel.1', gateway: address('10.42.3.0'), weight: 1, flags: ['onlink'] }],
};
const rule: RuleEdit = {
  family: 4,
  priority: 0,
  isInverted: false,
  action: { kind: 'lookup', table: 'local' },
  opaqueSelectors: [],
};
const changes: readonly Change[] = [
  { kind: 'remove-route', namespace: node, route },
  { kind: 'add-route', namespace: node, route: { ...route, metric: 7 } },
  { kind: 'remove-rule', namespace: node, rule },
  { kind: 'add-rule', namespace: node, rule: { ...rule, priority: 9 } },
  { kind: 'set-sysctl', namespace: node, key: 'net.ipv4.ip_forward', value: '0', was: '1' },
  {
    kind: 'set-neighbor',
    namespace: node,
    link: 'flannel.1',
    address: address('10.42.3.0'),
    mac: '02:03:00:02:00:00',
    was: '02:03:00:09:00:00',
  },
  {
    kind: 'set-fdb',
    namespace: node,
    link: 'flannel.1',
    mac: '02:03:00:02:00:00',
    remote: address('10.9.9.9'),
  },
  { kind: 'set-link-up', namespace: node, link: 'eth0' },
  {
    kind: 'move-vtep',
    namespace: node,
    link: 'flannel.1',
    mac: '02:03:00:01:00:00',
    local: address('10.9.9.9'),
    lower: 'eth0',
  },
  { kind: 'stop-accepting-routes', namespace: node },
  { kind: 'withdraw-routes', device: 'gateway', prefixes: [prefix('10.42.0.0/16')] },
];

describe('a cause that no diagnosis knows', () => {
  const snapshot = readWorld(makeWorld());
  const world = openWorld(snapshot);

  it.each(changes.map((change) => [change.kind, change] as const))(
    '%s has an element with evidence',
    (_, change) => {
      const element = elementOfChange(change, world);
      expect(element.text).not.toBe('');
      expect(element.evidence.path).not.toBe('');
      expect(element.evidence.quote).toBe(element.text);
      if (change.kind !== 'withdraw-routes') expect(element.evidence.path).toMatch(/^nodes\/node-2\//);
    },
  );

  it('cites the line it is about', () => {
    const [removed] = changes;
    if (removed === undefined) throw new Error('no change');
    expect(elementOfChange(removed, world).evidence).toMatchObject({
      path: 'nodes/node-2/ip-route-4.txt',
      at: 'L3',
    });
  });

  it('is named by its change', () => {
    const key = 'withdraw';
    const own = changes.filter((change) => change.kind === 'withdraw-routes');
    const candidate = { key, family: 'withdraw 10.42.0.0/16', rank: 1, changes: own };
    const named = nameCause({ key, candidates: [candidate], changes: own, namespaces: [] }, world);
    expect(named.code).toBe('uncatalogued');
    expect(named.elements).toHaveLength(1);
    expect(named.title).toContain('the tailnet');
  });
});
