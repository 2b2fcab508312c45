// A pod that asks a Service whose endpoint is on its own bridge: with br_netfilter on, the bridge carries the translated
// frame on itself, and back to the same port only in hairpin mode. Each case was first seen on the kernel (test/oracle).
import { describe, expect, it } from 'vitest';
import { makeFile, makeJsonFile, snapshotOf } from '../../../test/evidence/make-file.ts';
import { buildNetwork } from '../model/build-network.ts';
import { parseAddress } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import type { BundleFile } from '../snapshot/bundle-file.ts';
import type { Journey } from './flow.ts';
import { traceFlow } from './trace-flow.ts';

const flags = ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'];
const rules = '0: from all lookup local\n32766: from all lookup main\n32767: from all lookup default\n';

interface Bridge {
  readonly isFiltering: boolean;
  readonly isHairpin: boolean;
  readonly forward: string;
}

function makePort(number: number, isHairpin: boolean): object {
  const slave = { info_kind: 'veth', info_slave_kind: 'bridge', info_slave_data: { hairpin: isHairpin } };
  const own = { ifindex: 2 + number, ifname: `v${number}`, link_index: 2, link_netnsid: number };
  return { ...own, flags, master: 'cni0', address: `02:00:00:00:01:0${number}`, linkinfo: slave };
}

function makePod(number: number): BundleFile[] {
  const folder = `nodes/n/pods/t_p${number}`;
  const own = { ifindex: 2, ifname: 'eth0', link_index: 2 + number, link_netnsid: 0, flags };
  const link = { ...own, address: `02:00:00:00:02:0${number}`, linkinfo: { info_kind: 'veth' } };
  const address = { family: 'inet', local: `10.42.0.${10 + number}`, prefixlen: 24, scope: 'global' };
  return [
    makeJsonFile(`${folder}/ip-link.json`, [link]),
    makeJsonFile(`${folder}/ip-addr.json`, [{ ...link, addr_info: [address] }]),
    makeFile(`${folder}/ip-rule-4.txt`, rules),
    makeFile(
      `${folder}/ip-route-4.txt`,
      `default via 10.42.0.1 dev eth0\n10.42.0.0/24 dev eth0 scope link\nlocal 10.42.0.${10 + number} dev eth0 table local\n`,
    ),
    makeFile(`${folder}/ss.txt`, 'tcp LISTEN 0 511 0.0.0.0:8080 0.0.0.0:*\n'),
  ];
}

function askService({ isFiltering, isHairpin, forward }: Bridge): readonly Journey[] {
  const bridge = {
    ifindex: 2,
    ifname: 'cni0',
    flags,
    address: '02:00:00:00:00:01',
    linkinfo: { info_kind: 'bridge' },
  };
  const address = { family: 'inet', local: '10.42.0.1', prefixlen: 24, scope: 'global' };
  const save = `*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
-A PREROUTING -d 10.43.0.10/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.42.0.11:8080
-A POSTROUTING -s 10.42.0.11/32 -d 10.42.0.11/32 -j MASQUERADE
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
${forward}COMMIT
`;
  const files = [
    makeJsonFile('nodes/n/ip-link.json', [bridge, makePort(1, isHairpin), makePort(2, isHairpin)]),
    makeJsonFile('nodes/n/ip-addr.json', [{ ...bridge, addr_info: [address] }]),
    makeFile('nodes/n/ip-rule-4.txt', rules),
    makeFile(
      'nodes/n/ip-route-4.txt',
      '10.42.0.0/24 dev cni0 scope link src 10.42.0.1\nlocal 10.42.0.1 dev cni0 table local\n',
    ),
    makeFile(
      'nodes/n/sysctl.txt',
      `net.bridge.bridge-nf-call-iptables = ${isFiltering ? 1 : 0}\nnet.ipv4.ip_forward = 1\nnet.ipv4.conf.all.forwarding = 1\nnet.ipv4.conf.cni0.forwarding = 1\nnet.ipv4.conf.all.rp_filter = 0\nnet.ipv4.conf.cni0.rp_filter = 0\n`,
    ),
    makeFile('nodes/n/iptables-nft-save.txt', save),
    makeFile('nodes/n/iptables-legacy-save.txt', ''),
    makeJsonFile('nodes/n/nft.json', { nftables: [] }),
    makeFile('nodes/n/ipset.txt', ''),
    ...makePod(1),
    ...makePod(2),
  ];
  const network = buildNetwork(snapshotOf(files));
  const to = parseAddress('10.43.0.10') as Address;
  return ['pod/t/p1', 'pod/t/p2'].flatMap(
    (from) => traceFlow(network, { from, to, protocol: 'tcp', port: 80 }).journeys,
  );
}

function endsOf(journeys: readonly Journey[]): string[] {
  return journeys.map(({ end }) =>
    end.kind === 'delivered' ? end.to : end.kind === 'lost' ? end.why : end.kind,
  );
}

const dropBridged = '-A FORWARD -m physdev --physdev-is-bridged -j DROP\n';

describe('a Service behind the bridge of its client', () => {
  it('sends a pod back to itself only in hairpin mode, where the bridge is filtered', () => {
    const ends = (isFiltering: boolean, isHairpin: boolean): string[] =>
      endsOf(askService({ isFiltering, isHairpin, forward: '' }));
    expect(ends(true, false)).toEqual(['no-hairpin', 'pod/t/p1']);
    expect(ends(true, true)).toEqual(['pod/t/p1', 'pod/t/p1']);
    expect(ends(false, false)).toEqual(['pod/t/p1', 'pod/t/p1']);
  });

  it('passes FORWARD as a bridged packet', () => {
    const ends = (isFiltering: boolean): string[] =>
      endsOf(askService({ isFiltering, isHairpin: true, forward: dropBridged }));
    expect(ends(true)).toEqual(['filtered', 'filtered']);
    expect(ends(false)).toEqual(['pod/t/p1', 'pod/t/p1']);
  });
});
