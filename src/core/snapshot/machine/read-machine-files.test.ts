// The files of a machine beside its namespaces': tables' names, settings, command lines, logs, Tailscale's own view.
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { makeFile, makeJsonFile } from '../../../../test/evidence/make-file.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Reading } from '../syntax/reading.ts';
import { readLog } from './read-log.ts';
import { readRtTables } from './read-rt-tables.ts';
import { readAssignments, readCommandLine, readFirstLine, readFlannelSubnet } from './read-settings.ts';
import { readTailscaleNetmap } from './read-tailscale-netmap.ts';
import { readTailscalePrefs } from './read-tailscale-prefs.ts';
import { readTailscaleStatus } from './read-tailscale-status.ts';

function valueOf<T>(reading: Reading<T>): T {
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

function recorded(name: string): Uint8Array {
  return readFileSync(new URL(`../../../../test/fixtures/tailscale/${name}`, import.meta.url));
}

test('rt_tables', () => {
  const text = '# reserved\n255\tlocal\n254 main # yes\n0x4d vpn\n# 12 off\nnonsense\n';
  expect(Object.fromEntries(valueOf(readRtTables(makeFile('rt_tables', text))))).toEqual({
    local: '255',
    main: '254',
    vpn: '77',
  });
});

describe('settings', () => {
  test('os-release is unquoted', () => {
    const text = 'NAME="Debian GNU/Linux"\nID=debian\n\n# no\nPRETTY=\'a b\'\n';
    expect(Object.fromEntries(valueOf(readAssignments(makeFile('os-release', text))))).toEqual({
      NAME: 'Debian GNU/Linux',
      ID: 'debian',
      PRETTY: 'a b',
    });
  });

  test("flannel's subnet, both families", () => {
    const text =
      'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\nFLANNEL_IPV6_NETWORK=fd42::/48\n' +
      'FLANNEL_IPV6_SUBNET=fd42:0:0:1::1/64\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n';
    const subnet = valueOf(readFlannelSubnet(makeFile('subnet.env', text)));
    expect(subnet).toMatchObject({ mtuBytes: 1450, isMasquerading: true });
    expect(
      [subnet.network, subnet.subnet, subnet.networkV6, subnet.subnetV6].map((prefix) =>
        formatPrefix(prefix!),
      ),
    ).toEqual(['10.42.0.0/16', '10.42.1.0/24', 'fd42::/48', 'fd42:0:0:1::/64']);
    expect(readFlannelSubnet(makeFile('subnet.env', 'X=1\n')).isUnderstood).toBe(false);
  });

  test.each([
    [
      '/usr/local/bin/k3s\0agent\0--flannel-iface=eth 0\0',
      ['/usr/local/bin/k3s', 'agent', '--flannel-iface=eth 0'],
    ],
    ['k3s\0server\0\nk3s\0agent\0\n', ['k3s', 'server']],
    ['k3s\nserver\n--node-ip\n10.0.0.1\n', ['k3s', 'server', '--node-ip', '10.0.0.1']],
    ['/usr/bin/kubelet --config /etc/k.yaml\n', ['/usr/bin/kubelet', '--config', '/etc/k.yaml']],
    ['k3s', ['k3s']],
  ])('command line %j', (text, words) => {
    expect(valueOf(readCommandLine(makeFile('cmdline/x.txt', text)))).toEqual(words);
  });

  test('uname is its first line', () => {
    expect(valueOf(readFirstLine(makeFile('uname.txt', '\nLinux n1 6.18.0 x86_64\n')))).toBe(
      'Linux n1 6.18.0 x86_64',
    );
  });
});

describe('logs', () => {
  test('only the newest lines are kept, under their own numbers', () => {
    const text = Array.from({ length: 12_345 }, (_, index) => `line ${index + 1}\n`).join('');
    const lines = valueOf(readLog(makeFile('x.log', text)));
    expect(lines).toHaveLength(5000);
    expect(lines[0]).toEqual({ evidence: { path: 'x.log', at: 'L7346' }, text: 'line 7346' });
    expect(lines.at(-1)).toEqual({ evidence: { path: 'x.log', at: 'L12345' }, text: 'line 12345' });
  });

  test.each([
    ['', []],
    ['a', ['a']],
    ['a\r\n\nb', ['a', '', 'b']],
    ['\n', ['']],
  ])('%j', (text, lines) => {
    expect(valueOf(readLog(makeFile('x.log', text))).map((line) => line.text)).toEqual(lines);
  });

  test('damaged bytes cost nothing but themselves', () => {
    const lines = valueOf(readLog(makeFile('x.log', new Uint8Array([0x61, 0xff, 0x0a, 0x62]))));
    expect(lines.map((line) => line.text)).toEqual(['a\uFFFD', 'b']);
  });
});

describe('tailscale (recorded from 1.102)', () => {
  test('status: who advertises what', () => {
    const status = valueOf(readTailscaleStatus(makeFile('tailscale-status.json', recorded('status.json'))));
    expect(status).toMatchObject({ backendState: 'Running', health: [], magicDnsSuffix: 'tail0000.ts.net' });
    expect(status.self?.hostName).toBe('n1');
    const router = status.peers.find((peer) => peer.primaryRoutes.length > 0);
    expect(router).toMatchObject({ hostName: 'n2', dnsName: 'n2.tail0000.ts.net', isOnline: true, tags: [] });
    expect(router?.primaryRoutes.map(formatPrefix)).toEqual(['10.42.0.0/16', '10.43.0.0/16']);
    expect(router?.allowedIps.map(formatPrefix)).toContain('100.64.0.1/32');
    expect(router?.evidence.at).toMatch(/^\/Peer\/nodekey:[0-9a-f]+$/);
  });

  test('prefs', () => {
    const prefs = valueOf(readTailscalePrefs(makeFile('tailscale-prefs.json', recorded('prefs.json'))));
    expect(prefs).toMatchObject({
      routeAll: true,
      advertiseRoutes: [],
      isShieldsUp: false,
      noSnat: false,
      noStatefulFiltering: true,
      wantRunning: true,
    });
    expect(prefs.exitNodeId).toBeUndefined();
  });

  test('netmap: the packet filter', () => {
    const netmap = valueOf(readTailscaleNetmap(makeFile('tailscale-netmap.json', recorded('netmap.json'))));
    expect(netmap.packetFilter).toHaveLength(1);
    const [rule] = netmap.packetFilter!;
    expect(rule?.sources.map(formatPrefix)).toEqual(['0.0.0.0/0', '::/0']);
    expect(rule?.destinations.map(({ net, ports }) => [formatPrefix(net), ports])).toEqual([
      ['0.0.0.0/0', { from: 0, to: 65535 }],
      ['::/0', { from: 0, to: 65535 }],
    ]);
    expect(rule?.ipProtocols).toEqual([6, 17, 1, 58]);
    expect(rule?.evidence.at).toBe('/PacketFilter/0');
  });
});

describe('tailscale, odd', () => {
  const netmap = (content: unknown): unknown => valueOf(readTailscaleNetmap(makeJsonFile('m', content)));
  test('a filter that is null lets nothing in; one that is not there is not known', () => {
    expect(netmap({ PacketFilter: null })).toEqual({ packetFilter: [] });
    expect(netmap({ Peers: [] })).toEqual({});
  });

  test('the filter as sent: ranges, everything, and sources that are no addresses', () => {
    const rules = [
      {
        SrcIPs: ['*', 'cap:x', '10.0.0.4-10.0.0.5'],
        DstPorts: [{ IP: '10.0.0.0/8', Ports: { First: 22, Last: 22 } }],
      },
    ];
    expect(netmap({ PacketFilterRules: rules })).toMatchObject({
      packetFilter: [
        {
          opaqueSources: ['cap:x'],
          sources: [
            { length: 0, family: 4 },
            { length: 0, family: 6 },
            { address: '10.0.0.4', length: 31 },
          ],
          destinations: [{ net: { address: '10.0.0.0', length: 8 }, ports: { from: 22, to: 22 } }],
          ipProtocols: [],
        },
      ],
    });
  });

  test('a destination that is not understood costs the whole file, for a filter short of a rule lets less in', () => {
    const rules = [{ SrcIPs: ['*'], DstPorts: [{ IP: 'somewhere', Ports: { First: 0, Last: 1 } }] }];
    expect(readTailscaleNetmap(makeJsonFile('m', { PacketFilterRules: rules }))).toEqual({
      isUnderstood: false,
      detail: 'not understood at /PacketFilterRules/0',
    });
  });

  test('the order of peers does not depend on their keys', () => {
    const peer = (name: string): object => ({ ID: name, HostName: name, DNSName: `${name}.t.ts.net.` });
    const read = (peers: object): unknown =>
      valueOf(readTailscaleStatus(makeJsonFile('s', { BackendState: 'Running', Peer: peers }))).peers.map(
        (one) => one.dnsName,
      );
    expect(read({ k1: peer('b'), k2: peer('a') })).toEqual(['a.t.ts.net', 'b.t.ts.net']);
    expect(read({ k0: peer('a'), k9: peer('b') })).toEqual(['a.t.ts.net', 'b.t.ts.net']);
  });

  test.each([{}, [], 'x', null])('%j is no status and no preferences', (content) => {
    expect(readTailscaleStatus(makeJsonFile('s', content)).isUnderstood).toBe(false);
    expect(readTailscalePrefs(makeJsonFile('s', content)).isUnderstood).toBe(false);
  });
});
