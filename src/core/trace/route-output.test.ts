// How a packet is routed again that OUTPUT changed: its source is kept, and 127.0.0.1 leaves by no other device.
import { describe, expect, it } from 'vitest';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { defaultRules, namespaceFrom } from '../../../test/oracle/written-namespace.ts';
import { resolveAgain } from './route-output.ts';

function routeFrom(source: string, routeLocalnet: 0 | 1): string {
  const namespace = namespaceFrom({
    'ip-rule-4.txt': defaultRules,
    'ip-route-4.txt': `
      unicast 10.42.2.0/24 via 192.0.2.1 dev eth0 proto boot scope global
      local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1`,
    'ip-link.txt': `
      1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
          link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
      2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000
          link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff`,
    'sysctl.txt': `
      net.ipv4.conf.all.route_localnet = ${routeLocalnet}
      net.ipv4.conf.eth0.route_localnet = 0`,
  });
  const [to, from] = [parseAddress('10.42.2.5') as Address, parseAddress(source) as Address];
  return resolveAgain(namespace, { to, from, mark: 0, tos: 0, ipProtocol: 6 }).kind;
}

describe('resolveAgain', () => {
  it('lets a packet of 127.0.0.1 leave by eth0 only where route_localnet says so', () => {
    expect(routeFrom('127.0.0.1', 0)).toBe('refused');
    expect(routeFrom('127.0.0.1', 1)).toBe('route');
  });

  it('asks of no other source whether it is an address of its own', () => {
    expect(routeFrom('203.0.113.9', 0)).toBe('route');
  });
});
