// What becomes of a received packet, and which missing setting makes that unknown.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { namespaceFrom } from '../../../test/oracle/written-namespace.ts';
import type { WrittenFile } from '../../../test/oracle/written-namespace.ts';
import { classifyInput } from './source-validation.ts';
import type { InputAnswer } from './source-validation.ts';
import type { RouteQuery } from './lookup.ts';

const settings: Readonly<Record<string, number>> = {
  'all.rp_filter': 0,
  'cni0.rp_filter': 1,
  'flannel/1.rp_filter': 0,
  'eth0.rp_filter': 2,
  'all.accept_local': 0,
  'cni0.accept_local': 0,
  'flannel/1.accept_local': 0,
  'eth0.accept_local': 0,
  'all.src_valid_mark': 0,
  'cni0.src_valid_mark': 0,
  'eth0.src_valid_mark': 0,
  'all.route_localnet': 0,
  'cni0.route_localnet': 0,
  'cni0.forwarding': 1,
  'flannel/1.forwarding': 1,
  'eth0.forwarding': 0,
  'all.bc_forwarding': 0,
};

const rules = `
  0: from all lookup local
  5270: from all fwmark 0x1 lookup 52
  32766: from all lookup main
  32767: from all lookup default`;

const routes = `
  unicast 10.42.1.0/24 dev cni0 proto kernel scope link src 10.42.1.1
  unicast 10.42.2.0/24 via 10.42.2.0 dev flannel.1 proto boot scope global onlink
  unicast 10.42.3.0/24 dev eth0 table 52 proto boot scope link
  unreachable 10.42.9.0/24 proto boot scope global
  local 10.42.1.1 dev cni0 table local proto kernel scope host src 10.42.1.1
  broadcast 10.42.1.255 dev cni0 table local proto kernel scope link src 10.42.1.1
  local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1`;

const addresses = `
  3: cni0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UP group default
  \tinet 10.42.1.1/24 brd 10.42.1.255 scope global cni0`;

interface Case {
  readonly to?: string;
  readonly from?: string;
  readonly by?: string;
  readonly mark?: number;
  readonly change?: Readonly<Record<string, number | undefined>>;
}

function queryOf({ to = '10.42.2.17', from = '10.42.1.7', by = 'cni0', mark = 0 }: Case): RouteQuery {
  const parse = (text: string): Address => parseAddress(text) as Address;
  return { to: parse(to), from: parse(from), inputLink: by, mark, tos: 0, ipProtocol: 6 };
}

function receive(input: Case): InputAnswer {
  const values = Object.entries({ ...settings, ...input.change }).filter(([, value]) => value !== undefined);
  const files: Partial<Record<WrittenFile, string>> = {
    'ip-rule-4.txt': rules,
    'ip-route-4.txt': routes,
    'ip-addr.txt': addresses,
    'sysctl.txt': values.map(([key, value]) => `net.ipv4.conf.${key} = ${value ?? ''}`).join('\n'),
  };
  return classifyInput(namespaceFrom(files), queryOf(input));
}

function brief(answer: InputAnswer): string {
  switch (answer.kind) {
    case 'rejected':
      return answer.reason;
    case 'failed':
      return answer.answer.kind === 'error' ? answer.answer.error : 'unknown';
    case 'not-forwarding':
      return `${answer.key} = ${answer.sysctl.value}`;
    case 'unknown':
      return `unknown: ${answer.question}`;
    default:
      return answer.kind;
  }
}

describe('classifyInput', () => {
  it('forwards, delivers, and hears broadcasts', () => {
    expect(brief(receive({}))).toBe('forward');
    expect(brief(receive({ to: '10.42.1.1' }))).toBe('local');
    expect(brief(receive({ to: '10.42.1.255' }))).toBe('broadcast');
    expect(brief(receive({ to: '255.255.255.255', from: '0.0.0.0' }))).toBe('broadcast');
    expect(brief(receive({ to: '10.42.9.1' }))).toBe('host-unreachable');
    expect(brief(receive({ to: '198.51.100.1' }))).toBe('net-unreachable');
  });

  it('does not forward from a device whose own forwarding is off', () => {
    expect(brief(receive({ change: { 'cni0.forwarding': 0 } }))).toBe('net.ipv4.conf.cni0.forwarding = 0');
    expect(brief(receive({ to: '10.42.1.1', change: { 'cni0.forwarding': 0 } }))).toBe('local');
    expect(brief(receive({ change: { 'cni0.forwarding': undefined } }))).toBe('unknown: whether it forwards');
    expect(brief(receive({ to: '10.42.1.1', change: { 'cni0.forwarding': undefined } }))).toBe('local');
  });

  it('drops in strict mode what would be answered by another device, and cites setting, route and rule', () => {
    const answer = receive({ from: '10.42.2.9', to: '10.42.1.1' });
    expect(brief(answer)).toBe('reverse-path');
    if (answer.kind !== 'rejected') return;
    expect(answer.text).toBe(
      'net.ipv4.conf.cni0.rp_filter = 1: the way back to 10.42.2.9 leaves by flannel.1, not by cni0',
    );
    expect(answer.elements.map((element) => element.kind)).toEqual(['sysctl', 'route', 'rule']);
    expect(answer.evidence.map((each) => each.path)).toEqual([
      'nodes/n/sysctl.txt',
      'nodes/n/ip-route-4.txt',
      'nodes/n/ip-rule-4.txt',
    ]);
  });

  it('takes the larger of all and the device', () => {
    const foreign = { from: '10.42.2.9', to: '10.42.1.1' };
    expect(brief(receive({ ...foreign, change: { 'cni0.rp_filter': 0 } }))).toBe('local');
    expect(brief(receive({ ...foreign, change: { 'cni0.rp_filter': 0, 'all.rp_filter': 1 } }))).toBe(
      'reverse-path',
    );
    expect(brief(receive({ ...foreign, change: { 'all.rp_filter': 2 } }))).toBe('local');
  });

  it('drops without any route back in both modes, and not without rp_filter', () => {
    const lost = { from: '198.51.100.9', to: '10.42.1.1' };
    expect(brief(receive(lost))).toBe('reverse-path');
    expect(brief(receive({ ...lost, change: { 'all.rp_filter': 2 } }))).toBe('reverse-path');
    expect(brief(receive({ ...lost, change: { 'cni0.rp_filter': 0 } }))).toBe('local');
  });

  it('looks at the mark only with src_valid_mark', () => {
    const marked = { from: '10.42.3.9', to: '10.42.1.1', by: 'eth0', mark: 1 };
    const strict = { 'eth0.rp_filter': 1 };
    expect(brief(receive({ ...marked, change: strict }))).toBe('reverse-path');
    expect(brief(receive({ ...marked, change: { ...strict, 'all.src_valid_mark': 1 } }))).toBe('local');
    const unknown = { ...strict, 'all.src_valid_mark': undefined };
    expect(brief(receive({ ...marked, change: unknown }))).toBe('unknown: the src_valid_mark of eth0');
  });

  it('refuses its own address as a source unless accept_local is on', () => {
    const own = { from: '10.42.1.1', to: '10.42.2.17' };
    expect(brief(receive(own))).toBe('own-address');
    expect(brief(receive({ ...own, change: { 'all.accept_local': 1 } }))).toBe('forward');
  });

  it('refuses sources and destinations that cannot be', () => {
    expect(brief(receive({ from: '224.0.0.1' }))).toBe('martian-source');
    expect(brief(receive({ from: '127.0.0.1' }))).toBe('martian-source');
    expect(brief(receive({ to: '127.0.0.1' }))).toBe('martian-destination');
    expect(brief(receive({ to: '127.0.0.1', change: { 'cni0.route_localnet': 1 } }))).toBe('local');
    expect(brief(receive({ from: '10.42.1.255' }))).toBe('not-unicast');
  });

  it('is unknown without rp_filter only where strict and off would part', () => {
    const change = { 'cni0.rp_filter': undefined };
    expect(brief(receive({ change }))).toBe('forward');
    expect(brief(receive({ from: '10.42.2.9', to: '10.42.1.1', change }))).toBe(
      'unknown: the rp_filter of cni0',
    );
  });
});

describe('a way back that depends on the nexthop the kernel picks', () => {
  it('is unknown where one is refused and the other cannot be known', () => {
    // Seen on Linux 6.18: by cni0 (its own device, redirects on) the full check refuses the address of a local prefix; by
    // the other device only its own addresses are refused, as long as no rule was ever added.
    const multipath = `
  unicast 10.42.2.0/24 proto boot scope global
  \tnexthop via 10.42.1.9 dev cni0 weight 1
  \tnexthop via 10.42.2.0 dev flannel.1 weight 1 onlink
  local 10.42.7.0/24 dev lo table local proto kernel scope host src 10.42.7.1`;
    const values = { ...settings, 'cni0.rp_filter': 0, 'cni0.send_redirects': 1, 'all.send_redirects': 1 };
    const namespace = namespaceFrom({
      'ip-rule-4.txt': rules.replace(/ *5270.*\n/, ''),
      'ip-route-4.txt': multipath,
      'ip-addr.txt': addresses,
      'sysctl.txt': Object.entries(values)
        .map(([key, value]) => `net.ipv4.conf.${key} = ${value}`)
        .join('\n'),
    });
    expect(brief(classifyInput(namespace, queryOf({ from: '10.42.7.9' })))).toMatch(
      /^unknown: whether a rule/,
    );
  });
});

describe('IPv6 input', () => {
  const files: Partial<Record<WrittenFile, string>> = {
    'ip-rule-6.txt': '0: from all lookup local\n32766: from all lookup main',
    'ip-route-6.txt': `
      unicast fd00:42:1::/64 dev cni0 proto kernel scope global metric 256 pref medium
      unicast fd00:42:2::/64 dev flannel.1 proto boot scope global metric 1024 pref medium
      local fd00:42:1::1 dev cni0 table local proto kernel scope global metric 0 pref medium`,
    'ip-neigh.txt': 'fd00:42:1::7 dev cni0 lladdr 02:00:00:00:00:07 REACHABLE',
  };
  const receive6 = (forwarding: string, from = 'fd00:42:1::7'): string => {
    const namespace = namespaceFrom({ ...files, 'sysctl.txt': forwarding });
    return brief(classifyInput(namespace, queryOf({ to: 'fd00:42:2::9', from })));
  };

  it('has one switch for forwarding, and on new kernels one for each device', () => {
    expect(receive6('net.ipv6.conf.all.forwarding = 1')).toBe('forward');
    expect(receive6('net.ipv6.conf.all.forwarding = 0')).toBe('net.ipv6.conf.all.forwarding = 0');
    const forced = 'net.ipv6.conf.all.forwarding = 0\nnet.ipv6.conf.cni0.force_forwarding = 1';
    expect(receive6(forced)).toBe('forward');
  });

  it('does not check the way back, but sources that stay on their link', () => {
    expect(receive6('net.ipv6.conf.all.forwarding = 1', 'fd00:99::1')).toBe('forward');
    expect(receive6('net.ipv6.conf.all.forwarding = 1', 'fe80::7')).toBe('martian-source');
  });
});
