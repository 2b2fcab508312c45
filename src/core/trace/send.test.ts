// Which mark decides the route of what a machine sends: the one that the packet has when mangle's OUTPUT is done, and no
// later one. Each case was first seen on the kernel (test/oracle).
import { describe, expect, it } from 'vitest';
import { makeFile, snapshotOf } from '../../../test/evidence/make-file.ts';
import { buildNetwork } from '../model/build-network.ts';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { traceFlow } from './trace-flow.ts';

function wayOut(tables: string): string | undefined {
  const files = {
    'ip-link.txt': `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
2: eth0: <BROADCAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff
3: eth1: <BROADCAST,UP,LOWER_UP> mtu 1500
    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff
`,
    'ip-addr.txt':
      '2: eth0    inet 192.0.2.10/24 scope global eth0\n3: eth1    inet 198.51.100.10/24 scope global eth1\n',
    'ip-rule-4.txt': `0: from all lookup local
5000: from all fwmark 0x100/0x100 lookup 100
32766: from all lookup main
32767: from all lookup default
`,
    'ip-route-4.txt': `default via 192.0.2.1 dev eth0
default via 198.51.100.1 dev eth1 table 100
local 192.0.2.10 dev eth0 table local
`,
    'iptables-nft-save.txt': tables,
    'iptables-legacy-save.txt': '',
    'nft.json': '{"nftables":[]}',
    'ipset.txt': '',
  };
  const made = Object.entries(files).map(([name, text]) => makeFile(`nodes/n/${name}`, text));
  const network = buildNetwork(snapshotOf(made));
  const [from, to] = ['192.0.2.10', '203.0.113.5'].map((text) => parseAddress(text) as Address);
  const flow = { from: 'node/n', protocol: 'tcp', port: 80 } as const;
  const { journeys } = traceFlow(network, { ...flow, fromAddress: from!, to: to! });
  return journeys[0]?.hops.findLast((hop) => hop.step === 'wire')?.link;
}

const mangle = '*mangle\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j MARK --set-xmark 0x100/0xffffffff\nCOMMIT\n';
const filter = (mark: string): string =>
  `*filter\n:OUTPUT ACCEPT [0:0]\n-A OUTPUT -j MARK --set-xmark ${mark}/0xffffffff\nCOMMIT\n`;

describe('a local packet that OUTPUT marks', () => {
  it('is routed again by the mark of mangle', () => {
    expect(wayOut('')).toBe('eth0');
    expect(wayOut(mangle)).toBe('eth1');
  });

  it('keeps its route whatever mark comes later', () => {
    expect(wayOut(filter('0x100'))).toBe('eth0');
    expect(wayOut(mangle + filter('0x0'))).toBe('eth1');
  });
});

describe('a packet that a machine sends to itself', () => {
  it('finds its connection confirmed where it comes in', () => {
    const save = `*filter
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m conntrack --ctstatus CONFIRMED -j DROP
COMMIT
`;
    const files = {
      'ip-link.txt': '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\n    link/loopback 00:00:00:00:00:00\n',
      'ip-addr.txt': '1: lo    inet 127.0.0.1/8 scope host lo\n',
      'ip-rule-4.txt': '0: from all lookup local\n32766: from all lookup main\n',
      'ip-route-4.txt': 'local 127.0.0.0/8 dev lo table local scope host src 127.0.0.1\n',
      'iptables-nft-save.txt': save,
      'iptables-legacy-save.txt': '',
      'nft.json': '{"nftables":[]}',
      'ipset.txt': '',
    };
    const made = Object.entries(files).map(([name, text]) => makeFile(`nodes/n/${name}`, text));
    const network = buildNetwork(snapshotOf(made));
    const to = parseAddress('127.0.0.1') as Address;
    const { journeys } = traceFlow(network, { from: 'node/n', to, protocol: 'tcp', port: 80 });
    expect(journeys.map(({ end }) => (end.kind === 'lost' ? end.why : end.kind))).toEqual(['filtered']);
  });
});
