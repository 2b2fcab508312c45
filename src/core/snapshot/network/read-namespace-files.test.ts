// The smaller files of a network namespace: settings, sockets, resolver, hosts, links, neighbours, forwarding entries.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { makeFile, makeJsonFile } from '../../../../test/evidence/make-file.ts';
import type { Reading } from '../syntax/reading.ts';
import { mergeBridgePorts, readBridgeLinksJson } from './read-bridge-links.ts';
import { readAddressesText } from './read-addresses.ts';
import { readFdbJson, readFdbText } from './read-fdb.ts';
import { readHosts } from './read-hosts.ts';
import { readLinksJson, readLinksText } from './read-links.ts';
import { readNeighborsText } from './read-neighbors.ts';
import { readResolver } from './read-resolver.ts';
import { readSockets } from './read-sockets.ts';
import { readSysctls } from './read-sysctls.ts';

function valueOf<T>(reading: Reading<T>): T {
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

describe('sysctl', () => {
  test('keys of devices with dots are the same from procps and from busybox', () => {
    const procps = valueOf(readSysctls(makeFile('s', 'net.ipv4.conf.flannel/1.rp_filter = 2\n')));
    const busybox = valueOf(readSysctls(makeFile('s', 'net.ipv4.conf.flannel.1.rp_filter = 2\n')));
    const key = 'net.ipv4.conf.flannel/1.rp_filter';
    expect(procps.get(key)).toEqual({ evidence: { path: 's', at: 'L1' }, value: '2' });
    expect(busybox.get(key)?.value).toBe('2');
  });

  test('a line that was cut is not read, and one that is no setting is passed over', () => {
    const settings = valueOf(
      readSysctls(
        makeFile('s', 'net.ipv4.ip_forward = 1\nsysctl: permission denied\nnet.ipv4.tcp_mtu_probing = 1'),
      ),
    );
    expect([...settings.keys()]).toEqual(['net.ipv4.ip_forward']);
  });

  test('values may be empty, or have spaces and tabs in them', () => {
    const text = 'net.ipv4.tcp_rmem = 4096\t131072\t6291456\nnet.ipv4.ip_local_reserved_ports = \n';
    const settings = valueOf(readSysctls(makeFile('s', text)));
    expect(settings.get('net.ipv4.tcp_rmem')?.value).toBe('4096\t131072\t6291456');
    expect(settings.get('net.ipv4.ip_local_reserved_ports')?.value).toBe('');
  });

  test('lines are read alike whether all of them are ordinary or not', () => {
    const word = fc.constantFrom(
      'net.ipv4.conf.a.b',
      'net/ipv4/x',
      'k',
      ' = ',
      '=',
      ' ',
      '\t',
      '\r',
      '1',
      'é',
      '',
    );
    const lines = fc.array(
      fc.array(word, { maxLength: 5 }).map((words) => words.join('')),
      { maxLength: 4 },
    );
    fc.assert(
      fc.property(lines, (some) => {
        const text = some.map((line) => `${line}\n`).join('');
        const [alone, beside] = [text, `${text}what is this\n`].map((all) =>
          readSysctls(makeFile('s', `k = v\n${all}`)),
        );
        expect(alone).toEqual(beside);
      }),
      { numRuns: 500 },
    );
  });

  test('a machine with hundreds of thousands of settings is read', () => {
    const text = Array.from(
      { length: 400_000 },
      (_, index) => `net.ipv4.conf.veth${index}.rp_filter = 0\n`,
    ).join('');
    expect(valueOf(readSysctls(makeFile('s', text))).size).toBe(400_000);
  });

  test('a file without a setting is not understood', () => {
    expect(readSysctls(makeFile('s', 'what is this\n')).isUnderstood).toBe(false);
  });
});

describe('ss', () => {
  const read = (line: string): unknown => valueOf(readSockets(makeFile('ss', `${line}\n`)))[0];
  test.each([
    [
      'tcp LISTEN 0 511 0.0.0.0:8000 0.0.0.0:* users:(("node",pid=2291,fd=19))',
      {
        protocol: 'tcp',
        state: 'LISTEN',
        address: '0.0.0.0',
        isWildcard: false,
        port: 8000,
        process: 'node',
      },
    ],
    ['tcp LISTEN 0 4096 *:6443 *:*', { protocol: 'tcp', state: 'LISTEN', isWildcard: true, port: 6443 }],
    [
      'udp UNCONN 0 0 [fd7a::3]:41641 [::]:*',
      { protocol: 'udp', state: 'UNCONN', address: 'fd7a::3', isWildcard: false, port: 41641 },
    ],
    [
      'udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:*',
      { protocol: 'udp', state: 'UNCONN', address: '127.0.0.53', link: 'lo', isWildcard: false, port: 53 },
    ],
    [
      'udp UNCONN 0 0 [fe80::1]%eth0:546 [::]:*',
      { protocol: 'udp', state: 'UNCONN', address: 'fe80::1', link: 'eth0', isWildcard: false, port: 546 },
    ],
    [
      'tcp LISTEN 0 128 :::22 :::*',
      { protocol: 'tcp', state: 'LISTEN', address: '::', isWildcard: false, port: 22 },
    ],
    [
      'tcp LISTEN 0 128 0.0.0.0%eth0:22 0.0.0.0:* users:(("s p",pid=1,fd=2),("b",pid=2,fd=3))',
      {
        protocol: 'tcp',
        state: 'LISTEN',
        address: '0.0.0.0',
        link: 'eth0',
        isWildcard: false,
        port: 22,
        process: 's p',
      },
    ],
  ])('%s', (line, expected) => {
    expect(read(line)).toEqual({ evidence: { path: 'ss', at: 'L1' }, ...expected });
  });

  test('the heading and other kinds of socket are left out', () => {
    const text =
      'Netid State Recv-Q Send-Q Local Peer\nu_str LISTEN 0 4096 /run/x 123 * 0\nraw UNCONN 0 0 *:icmp *:*\n';
    expect(valueOf(readSockets(makeFile('ss', text)))).toEqual([]);
  });

  test.each(['tcp LISTEN 0 0 nonsense 0.0.0.0:*', 'bash: ss: command not found'])(
    '%s is not understood',
    (line) => {
      expect(readSockets(makeFile('ss', `${line}\n`)).isUnderstood).toBe(false);
    },
  );
});

describe('resolv.conf and hosts', () => {
  test('the last search or domain wins and options add up', () => {
    const text =
      '# made by hand\nsearch a.example b.example\nnameserver 10.43.0.10\nnameserver fe80::1%eth0\nnameserver bogus\n' +
      'options ndots:5\noptions edns0 trust-ad\ndomain c.example\nsearch swimto.svc.cluster.local svc.cluster.local';
    expect(valueOf(readResolver(makeFile('resolv.conf', text)))).toEqual({
      nameservers: ['10.43.0.10', 'fe80::1'],
      search: ['swimto.svc.cluster.local', 'svc.cluster.local'],
      options: ['ndots:5', 'edns0', 'trust-ad'],
    });
  });

  test('a name has all its addresses, without regard to case', () => {
    const text =
      '127.0.0.1 localhost\n::1 LocalHost ip6-loopback # both\n# 10.0.0.1 gone\n10.0.0.9\n127.0.0.1 localhost\n';
    const hosts = valueOf(readHosts(makeFile('hosts', text)));
    expect(Object.fromEntries(hosts)).toEqual({ localhost: ['127.0.0.1', '::1'], 'ip6-loopback': ['::1'] });
  });

  test('what is no text is not understood', () => {
    expect(readResolver(makeFile('resolv.conf', new Uint8Array([0x6e, 0xff, 0xfe, 0x0a])))).toEqual({
      isUnderstood: false,
      detail: 'not text at line 1',
    });
  });
});

describe('links', () => {
  test('a peer elsewhere is an index; a device without a kind is physical only where -d was given', () => {
    const rows = [
      {
        ifindex: 2,
        ifname: 'eth0',
        link_index: 7,
        link_netnsid: 0,
        flags: ['UP'],
        mtu: 1450,
        linkinfo: { info_kind: 'veth' },
      },
      {
        ifindex: 3,
        ifname: 'enp1s0',
        flags: [],
        promiscuity: 0,
        link_type: 'ether',
        address: '02:00:00:00:00:0A',
      },
      { ifindex: 4, ifname: 'enp2s0', flags: [], link_type: 'ether' },
      { ifindex: 5, ifname: 'lo', flags: [], link_type: 'loopback' },
    ];
    const links = valueOf(readLinksJson(makeJsonFile('l', rows)));
    expect(links[0]).toMatchObject({ kind: 'veth', peerIndex: 7, peerNamespaceId: 0, mtuBytes: 1450 });
    expect(links[0]?.lower).toBeUndefined();
    expect(links.map((link) => link.kind)).toEqual(['veth', 'physical', 'unknown', 'loopback']);
    expect(links[1]?.mac).toBe('02:00:00:00:00:0a');
  });

  test('what stands between a link and its kind is not the kind', () => {
    const text =
      '2: eth0@if7: <BROADCAST,UP> mtu 1500 qdisc mq state UP mode DEFAULT group default qlen 1000\n' +
      '    link/ether 02:00:00:00:00:01 brd ff:ff:ff:ff:ff:ff link-netns blue promiscuity 0 allmulti 0 minmtu 68 \n' +
      '    alias uplink to the rack\n    altname enp3s0\n    altname macvlan\n    veth addrgenmode eui64 \n' +
      '3: eth1: <BROADCAST> mtu 1500 qdisc mq master br0 state UP mode DEFAULT group default qlen 1000\n' +
      '    link/ether 02:00:00:00:00:02 brd ff:ff:ff:ff:ff:ff promiscuity 0 \n' +
      '    bridge_slave state blocking hairpin off isolated on \n    vf 0     link/ether 00:00:00:00:00:00\n';
    const links = valueOf(readLinksText(makeFile('l', text)));
    expect(links[0]).toMatchObject({ name: 'eth0', kind: 'veth', peerIndex: 7 });
    expect(links[1]).toMatchObject({
      kind: 'physical',
      master: 'br0',
      isHairpin: false,
      isForwarding: false,
      isIsolated: true,
    });
  });

  test('the state that the bridge tells wins over the one that the link tells, and the rest stays', () => {
    const links = valueOf(
      readLinksJson(
        makeJsonFile('l', [
          {
            ifindex: 2,
            ifname: 'v',
            flags: [],
            linkinfo: {
              info_kind: 'veth',
              info_slave_kind: 'bridge',
              info_slave_data: { state: 'disabled', hairpin: true, isolated: false },
            },
          },
          { ifindex: 3, ifname: 'w', flags: [], linkinfo: { info_kind: 'veth' } },
        ]),
      ),
    );
    const ports = valueOf(
      readBridgeLinksJson(
        makeJsonFile('b', [{ ifindex: 2, ifname: 'v', link: 'wrong', state: 'forwarding' }]),
      ),
    );
    const [first, second] = mergeBridgePorts(links, ports);
    expect(first).toMatchObject({ isHairpin: true, isForwarding: true, isIsolated: false });
    expect(first?.lower).toBeUndefined();
    expect(second?.isForwarding).toBeUndefined();
  });

  test('VXLAN over IPv6, with a remote and without learning', () => {
    const row = {
      ifindex: 9,
      ifname: 'vx',
      flags: [],
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 7, local6: 'fd00::1', remote6: 'fd00::2', link: 'eth0', port: 4789, learning: true },
      },
    };
    expect(valueOf(readLinksJson(makeJsonFile('l', [row])))[0]?.vxlan).toEqual({
      vni: 7,
      local: 'fd00::1',
      remote: 'fd00::2',
      lower: 'eth0',
      port: 4789,
      learning: true,
    });
  });
});

test('addresses of iproute2 6.8 and newer, with metric and origin, and a label like a flag', () => {
  const text =
    '1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000\n' +
    '    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n' +
    '    inet 10.0.0.4/24 metric 100 brd 10.0.0.255 scope global dynamic noprefixroute proto kernel_lo deprecated\n' +
    '       valid_lft 1000sec preferred_lft 0sec\n' +
    '    inet6 fd00::9/64 scope global temporary dynamic \n       valid_lft 1sec preferred_lft 1sec\n';
  const [first, second] = valueOf(readAddressesText(makeFile('a', text)));
  expect(first).toMatchObject({
    link: 'lo',
    broadcast: '10.0.0.255',
    isSecondary: false,
    flags: ['noprefixroute', 'dynamic'],
  });
  expect(second).toMatchObject({
    address: 'fd00::9',
    flags: ['temporary', 'dynamic'],
    evidence: { at: 'L5' },
  });
});

test('neighbours and forwarding entries of devices named like keys', () => {
  const neighbors = valueOf(
    readNeighborsText(
      makeFile('n', '10.0.0.1 dev lladdr lladdr 02:00:00:00:00:0A PERMANENT proto static \n'),
    ),
  );
  expect(neighbors[0]).toMatchObject({ link: 'lladdr', mac: '02:00:00:00:00:0a', states: ['PERMANENT'] });
  const entries = valueOf(
    readFdbText(makeFile('f', '02:00:00:00:00:0a dev dst dst 192.0.2.1 via ifindex 7 self \n')),
  );
  expect(entries[0]).toMatchObject({ link: 'dst', remote: '192.0.2.1', flags: ['self'], state: '' });
  expect(entries[0]?.via).toBeUndefined();
  const bad = readFdbJson(makeJsonFile('f', [{ mac: '02:00:00:00:00:0a', ifname: 'x', dst: '192.0.2' }]));
  expect(bad).toEqual({ isUnderstood: false, detail: 'not understood at /0' });
});
