// Every kind of change: it does what it says, its opposite restores the facts, and what it does not name stays the same
// object.
import { describe, expect, it } from 'vitest';
import { joinTailnet } from '../../../test/worlds/join-tailnet.ts';
import { makeWorld } from '../../../test/worlds/make-world.ts';
import { readWorld } from '../../../test/worlds/write-world.ts';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { parsePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { applyChanges } from './apply-changes.ts';
import type { Change } from './change.ts';
import { formatRoute, formatRule } from './format-routing.ts';
import type { NamespaceFacts, RouteFact, RuleFact } from './namespace-facts.ts';
import type { Snapshot } from './snapshot.ts';

const draft = makeWorld({ nodes: 3 });
joinTailnet(
  [
    { name: 'node-2', address: '100.64.1.2', machine: draft.nodes[1]!, acceptsRoutes: true },
    { name: 'gateway', address: '100.64.9.9', advertises: ['10.42.0.0/16', '192.168.77.0/24'] },
  ],
  { device: 'ts0' },
);
const snapshot = readWorld(draft);
const namespace = 'node/node-2';
const rootOf = (from: Snapshot, name = 'node-2'): NamespaceFacts => from.nodes.get(name)!.root;
const address = (text: string): Address => parseAddress(text)!;
const prefix = (text: string): Prefix => parsePrefix(text)!;

function routesOf(from: Snapshot, name = 'node-2'): readonly string[] {
  const routes = rootOf(from, name).routes[4];
  return routes.known ? routes.value.map((route) => formatRoute(route)).sort() : [];
}

function rulesOf(from: Snapshot): readonly string[] {
  const rules = rootOf(from).rules[4];
  return rules.known ? rules.value.map((rule) => formatRule(rule)) : [];
}

function findRoute(text: string): RouteFact {
  const routes = rootOf(snapshot).routes[4];
  const found = routes.known ? routes.value.find((route) => formatRoute(route) === text) : undefined;
  return found!;
}

function findRule(priority: number): RuleFact {
  const rules = rootOf(snapshot).rules[4];
  return (rules.known ? rules.value.find((rule) => rule.priority === priority) : undefined)!;
}

function settingOf(from: Snapshot, key: string): string | undefined {
  const { sysctls } = rootOf(from);
  return sysctls.known ? sysctls.value.get(key)?.value : undefined;
}

describe('routes and rules', () => {
  const text = '10.42.0.0/16 dev ts0 table 52';

  it('a route is removed, and added again', () => {
    const route = findRoute(text);
    const without = applyChanges(snapshot, [{ kind: 'remove-route', namespace, route }]);
    expect(routesOf(without)).toEqual(routesOf(snapshot).filter((line) => line !== text));
    const again = applyChanges(without, [{ kind: 'add-route', namespace, route }]);
    expect(routesOf(again)).toEqual(routesOf(snapshot));
  });

  it('a rule is removed, and added again in its place', () => {
    const rule = findRule(5270);
    const without = applyChanges(snapshot, [{ kind: 'remove-rule', namespace, rule }]);
    expect(rulesOf(without)).toEqual(rulesOf(snapshot).filter((line) => !line.startsWith('5270:')));
    expect(rulesOf(applyChanges(without, [{ kind: 'add-rule', namespace, rule }]))).toEqual(
      rulesOf(snapshot),
    );
  });

  it('leaves other machines, and what it does not touch of this one, as they are', () => {
    const after = applyChanges(snapshot, [{ kind: 'remove-route', namespace, route: findRoute(text) }]);
    expect(after.nodes.get('node-1')).toBe(snapshot.nodes.get('node-1'));
    expect(rootOf(after).links).toBe(rootOf(snapshot).links);
    expect(after.cluster).toBe(snapshot.cluster);
  });

  it('a machine that is not there changes nothing', () => {
    const change: Change = { kind: 'remove-route', namespace: 'node/gone', route: findRoute(text) };
    expect(applyChanges(snapshot, [change])).toBe(snapshot);
  });
});

describe('settings, entries and links', () => {
  it('one device’s switch is set by itself', () => {
    const key = 'net.ipv4.conf.cni0.forwarding';
    const off = applyChanges(snapshot, [{ kind: 'set-sysctl', namespace, key, value: '0' }]);
    expect(settingOf(off, key)).toBe('0');
    expect(settingOf(off, 'net.ipv4.conf.eth0.forwarding')).toBe('1');
  });

  it('ip_forward sets every device when it changes, and nothing when it does not', () => {
    const key = 'net.ipv4.ip_forward';
    const device = 'net.ipv4.conf.cni0.forwarding';
    const off = applyChanges(snapshot, [{ kind: 'set-sysctl', namespace, key, value: '0' }]);
    expect(settingOf(off, device)).toBe('0');
    expect(settingOf(applyChanges(off, [{ kind: 'set-sysctl', namespace, key, value: '1' }]), device)).toBe(
      '1',
    );
    const one = applyChanges(snapshot, [
      { kind: 'set-sysctl', namespace, key: device, value: '0' },
      { kind: 'set-sysctl', namespace, key, value: '1' },
    ]);
    expect(settingOf(one, device)).toBe('0');
  });

  it('a neighbour and a forwarding entry are set, and set back', () => {
    const link = 'flannel.1';
    const gateway = address('10.42.3.0');
    const was = draft.nodes[2]!.vtepMac;
    const entry = (mac: string): Change => ({ kind: 'set-neighbor', namespace, link, address: gateway, mac });
    const macOf = (from: Snapshot): string | undefined => {
      const rows = rootOf(from).neighbors;
      return rows.known ? rows.value.find((row) => row.address === gateway)?.mac : undefined;
    };
    const changed = applyChanges(snapshot, [entry('02:99:00:00:00:01')]);
    expect(macOf(changed)).toBe('02:99:00:00:00:01');
    expect(macOf(applyChanges(changed, [entry(was)]))).toBe(was);
    const remote = (to: string): Change => ({
      kind: 'set-fdb',
      namespace,
      link,
      mac: was,
      remote: address(to),
    });
    const remoteOf = (from: Snapshot): string | undefined => {
      const rows = rootOf(from).fdb;
      return rows.known ? rows.value.find((row) => row.mac === was)?.remote : undefined;
    };
    const moved = applyChanges(snapshot, [remote('192.0.2.1')]);
    expect(remoteOf(moved)).toBe('192.0.2.1');
    expect(remoteOf(applyChanges(moved, [remote('192.168.1.13')]))).toBe(remoteOf(snapshot));
  });

  it('a link is raised', () => {
    const down = makeWorld({ nodes: 2 });
    for (const link of down.nodes[1]!.links) if (link.name === 'eth0') link.flags = 'NO-CARRIER,BROADCAST';
    const before = readWorld(down);
    const after = applyChanges(before, [{ kind: 'set-link-up', namespace, link: 'eth0' }]);
    const flagsOf = (from: Snapshot): readonly string[] => {
      const { links } = rootOf(from);
      return (links.known ? links.value.find((link) => link.name === 'eth0')?.flags : undefined) ?? [];
    };
    expect(flagsOf(before)).toEqual(['NO-CARRIER', 'BROADCAST']);
    expect(flagsOf(after)).toEqual(['BROADCAST', 'UP', 'LOWER_UP']);
  });

  it('an end of the overlay moves, and every other node’s entry with it', () => {
    const mac = draft.nodes[1]!.vtepMac;
    const move = (local: string, lower: string): Change => ({
      kind: 'move-vtep',
      namespace,
      link: 'flannel.1',
      mac,
      local: address(local),
      lower,
    });
    const remoteOf = (from: Snapshot): string | undefined => {
      const { fdb } = rootOf(from, 'node-1');
      return fdb.known ? fdb.value.find((row) => row.mac === mac)?.remote : undefined;
    };
    const moved = applyChanges(snapshot, [move('192.0.2.7', 'eth1')]);
    expect(remoteOf(moved)).toBe('192.0.2.7');
    expect(remoteOf(applyChanges(moved, [move('192.168.1.12', 'eth0')]))).toBe('192.168.1.12');
  });
});

describe('the tailnet', () => {
  it('stops accepting: every subnet route of others leaves, their own addresses stay', () => {
    const after = applyChanges(snapshot, [{ kind: 'stop-accepting-routes', namespace }]);
    const gone = routesOf(snapshot).filter((line) => !routesOf(after).includes(line));
    expect(gone).toEqual(['10.42.0.0/16 dev ts0 table 52', '192.168.77.0/24 dev ts0 table 52']);
  });

  it('withdraws: only these prefixes leave, from routes and from what the peer may carry', () => {
    const change: Change = { kind: 'withdraw-routes', device: 'gateway', prefixes: [prefix('10.42.0.0/16')] };
    const after = applyChanges(snapshot, [change]);
    const gone = routesOf(snapshot).filter((line) => !routesOf(after).includes(line));
    expect(gone).toEqual(['10.42.0.0/16 dev ts0 table 52']);
    const { status } = after.nodes.get('node-2')!.tailscale;
    const peer = status.known ? status.value.peers[0] : undefined;
    expect(peer?.allowedIps.map((own) => own.length)).toEqual([32, 24]);
  });
});

it('a missing fact stays missing', () => {
  const world = makeWorld({ nodes: 2 });
  world.nodes[1]!.without.add('ip-route-4').add('sysctl');
  const after = applyChanges(readWorld(world), [
    { kind: 'remove-route', namespace, route: findRoute('10.42.3.0/24 via 10.42.3.0 dev flannel.1 onlink') },
    { kind: 'set-sysctl', namespace, key: 'net.ipv4.ip_forward', value: '1' },
  ]);
  expect(rootOf(after).routes[4].known).toBe(false);
  expect(rootOf(after).sysctls.known).toBe(false);
});
