// The source address a sender gets, as inet_select_addr and ipv6_dev_get_saddr choose it.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { namespaceFrom } from '../../../test/oracle/written-namespace.ts';
import type { WrittenFile } from '../../../test/oracle/written-namespace.ts';
import { lookupRoute } from './route-lookup.ts';
import { resolveConnect, resolveOutput } from './route-output.ts';
import { selectSource } from './source-address.ts';

const rules = `
  0: from all lookup local
  5270: from all lookup 52
  32766: from all lookup main
  32767: from all lookup default`;

const links = `
  1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
  2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
  3: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP mode DEFAULT group default
  4: eth1: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN mode DEFAULT group default qlen 1000`;

const addresses = `
  1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
  \tinet 127.0.0.1/8 scope host lo
  2: eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
  \tinet 192.0.2.10/24 brd 192.0.2.255 scope global eth0
  \tinet 192.0.2.11/24 scope global secondary eth0
  \tinet 198.51.100.10/24 scope global eth0
  \tinet6 2001:db8::10/64 scope global deprecated
  \tinet6 fd00:10::10/64 scope global
  \tinet6 fe80::10/64 scope link
  3: flannel.1: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default
  \tinet 10.42.1.0/32 scope global flannel.1`;

const routes = `
  unicast default via 192.0.2.1 dev eth0 proto boot scope global
  unicast 203.0.113.0/24 via 198.51.100.1 dev eth0 proto boot scope global
  unicast 10.42.2.0/24 via 10.42.2.0 dev flannel.1 proto boot scope global onlink
  unicast 10.99.0.0/16 dev eth0 proto boot scope link src 192.0.2.11
  local 192.0.2.10 dev eth0 table local proto kernel scope host src 192.0.2.10
  local 192.0.2.11 dev eth0 table local proto kernel scope host src 192.0.2.10
  local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1`;

const routes6 = `
  unicast default via fe80::1 dev eth0 proto ra scope global metric 100 pref medium
  unicast fe80::/64 dev eth0 proto kernel scope global metric 256 pref medium`;

const files: Partial<Record<WrittenFile, string>> = {
  'ip-rule-4.txt': rules,
  'ip-rule-6.txt': '0: from all lookup local\n32766: from all lookup main',
  'ip-link.txt': links,
  'ip-addr.txt': addresses,
  'ip-route-4.txt': routes,
  'ip-route-6.txt': routes6,
  'ip-neigh.txt': 'fe80::1 dev eth0 lladdr 02:00:00:00:00:01 router REACHABLE',
  'sysctl.txt': `net.ipv6.conf.all.forwarding = 0
    net.ipv4.conf.all.route_localnet = 0
    net.ipv4.conf.eth0.route_localnet = 0
    net.ipv4.conf.flannel/1.route_localnet = 0
    net.ipv6.conf.eth0.use_oif_addrs_only = 0`,
};

function sourceTowards(to: string, without?: WrittenFile): string | undefined {
  const kept = Object.entries(files).filter(([name]) => name !== without);
  const namespace = namespaceFrom(Object.fromEntries(kept));
  const query = { to: parseAddress(to) as Address, mark: 0, tos: 0, ipProtocol: 6 };
  const answer = lookupRoute(namespace, query);
  return answer.kind === 'route' ? selectSource(namespace, answer, query) : answer.kind;
}

describe('selectSource', () => {
  it("takes the device's first primary address, its gateway's subnet first", () => {
    expect(sourceTowards('8.8.8.8')).toBe('192.0.2.10');
    expect(sourceTowards('203.0.113.5')).toBe('198.51.100.10');
    expect(sourceTowards('10.42.2.17')).toBe('10.42.1.0');
  });

  it("takes the route's own choice, and the destination itself for an own address", () => {
    expect(sourceTowards('10.99.0.1')).toBe('192.0.2.11');
    expect(sourceTowards('127.0.0.9')).toBe('127.0.0.1');
    expect(sourceTowards('192.0.2.11')).toBe('192.0.2.10');
  });

  it('scores IPv6 addresses: scope, then not deprecated, then label', () => {
    expect(sourceTowards('2001:db8:1::1')).toBe('fd00:10::10');
    expect(sourceTowards('fe80::1')).toBe('fe80::10');
  });

  it('gives none where the addresses were not collected', () => {
    expect(sourceTowards('8.8.8.8', 'ip-addr.txt')).toBeUndefined();
    expect(sourceTowards('2001:db8:1::1', 'ip-addr.txt')).toBeUndefined();
  });
});

describe('resolveOutput', () => {
  const query = { mark: 0, tos: 0, ipProtocol: 6 };
  const to = (text: string): Address => parseAddress(text) as Address;

  it('sends on-link by the device a socket is bound to where no route leads there', () => {
    const namespace = namespaceFrom({ ...files, 'ip-route-4.txt': routes.replace(/.*default via.*\n/, '') });
    const answer = resolveOutput(namespace, { ...query, to: to('8.8.8.8'), outputLink: 'eth0' });
    expect(answer).toEqual({ kind: 'on-link', link: 'eth0', source: '192.0.2.10' });
    const down = resolveOutput(namespace, { ...query, to: to('8.8.8.8'), outputLink: 'eth1' });
    expect(down).toEqual({ kind: 'refused', error: 'net-unreachable', text: 'eth1 is down' });
  });

  it('refuses a source that is not an own address, and a loopback source on another device', () => {
    const namespace = namespaceFrom(files);
    const foreign = resolveOutput(namespace, { ...query, to: to('8.8.8.8'), from: to('203.0.113.9') });
    expect(foreign).toMatchObject({ kind: 'refused', error: 'net-unreachable' });
    const loopback = resolveOutput(namespace, { ...query, to: to('8.8.8.8'), from: to('127.0.0.5') });
    expect(loopback).toMatchObject({ kind: 'refused', error: 'invalid-argument' });
  });

  it('routes a connection by the source that was chosen for it, and a single packet without', () => {
    const bySource = rules.replace('5270: from all', '5270: from 192.0.2.10');
    const text = `${routes}
      unicast default dev flannel.1 table 52 proto boot scope link`;
    const namespace = namespaceFrom({ ...files, 'ip-rule-4.txt': bySource, 'ip-route-4.txt': text });
    const single = resolveOutput(namespace, { ...query, to: to('8.8.8.8') });
    expect(single.kind === 'route' && single.route.route.table).toBe('main');
    const connection = resolveConnect(namespace, { ...query, to: to('8.8.8.8') });
    expect(connection.kind === 'route' && connection.route.route.table).toBe('52');
  });

  it('takes 0.0.0.0 and :: for this namespace', () => {
    const namespace = namespaceFrom(files);
    const four = resolveOutput(namespace, { ...query, to: to('0.0.0.0') });
    expect(four).toEqual({ kind: 'this-host', address: '127.0.0.1' });
    const six = resolveOutput(namespace, { ...query, to: to('::') });
    expect(six).toEqual({ kind: 'this-host', address: '::1' });
  });
});
