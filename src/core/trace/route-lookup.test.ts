// What a lookup says of rules and tables that it cannot or could not see, and how it names its steps.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { defaultRules, namespaceFrom } from '../../../test/oracle/written-namespace.ts';
import type { RouteAnswer, RouteQuery } from './lookup.ts';
import { lookupRoute } from './route-lookup.ts';

function ask(to: string, more: Partial<RouteQuery> = {}): RouteQuery {
  return { to: parseAddress(to) as Address, mark: 0, tos: 0, ipProtocol: 6, ...more };
}

function brief(answer: RouteAnswer): string {
  if (answer.kind === 'unknown') return `unknown: ${answer.opaque ?? answer.missing?.path ?? ''}`;
  if (answer.kind === 'error') return answer.error;
  return answer.nexthops.map((nexthop) => `${nexthop.gateway ?? '-'} ${nexthop.link ?? '-'}`).join(', ');
}

const tailscaleRules = `
  0: from all lookup local
  5210: from all fwmark 0x80000/0xff0000 lookup main
  5230: from all fwmark 0x80000/0xff0000 lookup default
  5250: from all fwmark 0x80000/0xff0000 unreachable
  5270: from all lookup 52
  32766: from all lookup main
  32767: from all lookup default`;

const routes = `
  unicast 10.42.0.0/16 dev tailscale0 table 52 proto boot scope global
  unicast default via 192.0.2.1 dev eth0 proto boot scope global
  unicast 10.42.2.0/24 via 10.42.2.0 dev flannel.1 proto boot scope global onlink
  local 192.0.2.10 dev eth0 table local proto kernel scope host src 192.0.2.10`;

describe('lookupRoute', () => {
  it("lets table 52 win over main's longer prefix, and only for packets without Tailscale's mark", () => {
    const namespace = namespaceFrom({ 'ip-rule-4.txt': tailscaleRules, 'ip-route-4.txt': routes });
    const taken = lookupRoute(namespace, ask('10.42.2.17'));
    expect(brief(taken)).toBe('- tailscale0');
    expect(taken.kind === 'route' && taken.rule.priority).toBe(5270);
    expect(taken.steps.map((step) => `${step.rule.priority} ${step.outcome}`)).toEqual([
      '0 nothing-in-table',
      '5210 no-match',
      '5230 no-match',
      '5250 no-match',
      '5270 decided',
    ]);
    expect(brief(lookupRoute(namespace, ask('10.42.2.17', { mark: 0x80000 })))).toBe('10.42.2.0 flannel.1');
  });

  it('is unknown without rules, and says which file would tell', () => {
    const namespace = namespaceFrom({ 'ip-route-4.txt': routes });
    expect(brief(lookupRoute(namespace, ask('10.42.2.17')))).toMatch(/^unknown: nodes\/n\/ip-rule-4/);
  });

  it('is unknown without routes, unless a rule decides before any table is asked', () => {
    const rules = `
      0: from all to 10.42.0.0/16 prohibit
      32766: from all lookup main`;
    const namespace = namespaceFrom({ 'ip-rule-4.txt': rules });
    expect(brief(lookupRoute(namespace, ask('10.42.2.17')))).toBe('prohibited');
    expect(brief(lookupRoute(namespace, ask('10.43.0.1')))).toMatch(/^unknown: nodes\/n\/ip-route-4/);
  });

  it('is unknown only for flows that a rule it cannot read would decide', () => {
    const rules = `
      0: from all lookup local
      100: from all to 10.42.0.0/16 tun_id 5 lookup 52
      110: from all tun_id 6 lookup 77
      32766: from all lookup main`;
    const namespace = namespaceFrom({ 'ip-rule-4.txt': rules, 'ip-route-4.txt': routes });
    expect(brief(lookupRoute(namespace, ask('10.42.2.17')))).toMatch(/^unknown: rule 100 has selectors/);
    // 100 does not match, and 110 would find an empty table.
    expect(brief(lookupRoute(namespace, ask('198.51.100.7')))).toBe('192.0.2.1 eth0');
  });

  it('takes a detached device with `not` for every packet', () => {
    const rules = `
      0: from all lookup local
      100: not from all iif gone0 [detached] lookup 52
      32766: from all lookup main`;
    const namespace = namespaceFrom({ 'ip-rule-4.txt': rules, 'ip-route-4.txt': routes });
    expect(brief(lookupRoute(namespace, ask('10.42.2.17')))).toBe('- tailscale0');
  });

  it('passes over a goto to a priority that no rule has, and jumps to the first that has it', () => {
    const rules = `
      0: from all lookup local
      10: from all goto 6000 [unresolved]
      20: from all goto 5270
      30: from all blackhole
      5270: from all nop
      5270: from all lookup 52
      32766: from all lookup main`;
    const namespace = namespaceFrom({ 'ip-rule-4.txt': rules, 'ip-route-4.txt': routes });
    const answer = lookupRoute(namespace, ask('10.42.2.17'));
    expect(answer.steps.map((step) => `${step.rule.priority} ${step.outcome}`)).toEqual([
      '0 nothing-in-table',
      '10 skipped',
      '20 jumped',
      '5270 skipped',
      '5270 decided',
    ]);
  });

  it('ends the table at a throw, and everything at an unreachable', () => {
    const text = `
      throw 10.42.2.0/24 table 52 proto boot scope global
      unicast 10.42.0.0/16 dev tailscale0 table 52 proto boot scope global
      unreachable 10.42.9.0/24 table 52 proto boot scope global
      unicast default via 192.0.2.1 dev eth0 proto boot scope global`;
    const namespace = namespaceFrom({ 'ip-rule-4.txt': tailscaleRules, 'ip-route-4.txt': text });
    expect(brief(lookupRoute(namespace, ask('10.42.2.17')))).toBe('192.0.2.1 eth0');
    expect(brief(lookupRoute(namespace, ask('10.42.9.1')))).toBe('host-unreachable');
  });

  it('says that one merged local and main table would answer otherwise, for exactly those flows', () => {
    const text = `
      local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
      unicast 127.9.9.0/24 dev eth0 proto boot scope link
      unicast default via 192.0.2.1 dev eth0 proto boot scope global`;
    const before = namespaceFrom({ 'ip-rule-4.txt': defaultRules, 'ip-route-4.txt': text });
    expect(brief(lookupRoute(before, ask('127.9.9.9')))).toMatch(/^unknown: the local and main tables/);
    expect(brief(lookupRoute(before, ask('127.0.0.1')))).toBe('- lo');
    const after = namespaceFrom({ 'ip-rule-4.txt': tailscaleRules, 'ip-route-4.txt': text });
    expect(brief(lookupRoute(after, ask('127.9.9.9')))).toBe('- lo');
  });

  it('needs ignore_routes_with_linkdown only where a route without carrier would win', () => {
    const text = `
      unicast 10.42.2.0/24 dev flannel.1 proto boot scope link linkdown
      unicast default via 192.0.2.1 dev eth0 proto boot scope global`;
    const files = { 'ip-rule-4.txt': tailscaleRules, 'ip-route-4.txt': text };
    const blind = namespaceFrom(files);
    expect(brief(lookupRoute(blind, ask('10.42.2.17')))).toMatch(/^unknown: nodes\/n\/sysctl/);
    expect(brief(lookupRoute(blind, ask('10.42.9.17')))).toBe('192.0.2.1 eth0');
    const setting = (value: number): string =>
      `net.ipv4.conf.all.ignore_routes_with_linkdown = 0
       net.ipv4.conf.flannel/1.ignore_routes_with_linkdown = ${value}`;
    const used = namespaceFrom({ ...files, 'sysctl.txt': setting(0) });
    expect(brief(lookupRoute(used, ask('10.42.2.17')))).toBe('- flannel.1');
    const ignored = namespaceFrom({ ...files, 'sysctl.txt': setting(1) });
    expect(brief(lookupRoute(ignored, ask('10.42.2.17')))).toBe('192.0.2.1 eth0');
  });

  it('gives every live nexthop of a multipath route, and the first of the device a socket is bound to', () => {
    const text = `
      unicast 10.42.0.0/16 proto boot scope global
      \tnexthop via 192.0.2.1 dev eth0 weight 1
      \tnexthop via 192.0.2.2 dev eth0 weight 1 dead linkdown
      \tnexthop via 198.51.100.1 dev eth1 weight 2`;
    const namespace = namespaceFrom({ 'ip-rule-4.txt': tailscaleRules, 'ip-route-4.txt': text });
    expect(brief(lookupRoute(namespace, ask('10.42.2.17')))).toBe('192.0.2.1 eth0, 198.51.100.1 eth1');
    expect(brief(lookupRoute(namespace, ask('10.42.2.17', { outputLink: 'eth1' })))).toBe(
      '198.51.100.1 eth1',
    );
  });

  it('passes over an IPv6 gateway that is known not to answer while the host does not forward', () => {
    const files = {
      'ip-rule-6.txt': `
        0: from all lookup local
        32766: from all lookup main`,
      'ip-route-6.txt': `
        unicast default via fe80::1 dev eth0 proto ra scope global metric 100 pref medium
        unicast default via fe80::2 dev eth0 proto ra scope global metric 200 pref medium`,
    };
    const query = ask('2001:db8::1');
    const failed = { ...files, 'ip-neigh.txt': 'fe80::1 dev eth0 router FAILED' };
    const host = namespaceFrom({ ...failed, 'sysctl.txt': 'net.ipv6.conf.all.forwarding = 0' });
    expect(brief(lookupRoute(host, query))).toBe('fe80::2 eth0');
    const router = namespaceFrom({ ...failed, 'sysctl.txt': 'net.ipv6.conf.all.forwarding = 1' });
    expect(brief(lookupRoute(router, query))).toBe('fe80::1 eth0');
    expect(brief(lookupRoute(namespaceFrom(failed), query))).toMatch(/^unknown/);
    expect(brief(lookupRoute(namespaceFrom(files), query))).toMatch(/^unknown: nodes\/n\/ip-neigh/);
  });
});
