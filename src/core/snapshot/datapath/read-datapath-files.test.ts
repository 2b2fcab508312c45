// The readers of IPVS's table and of what Cilium's agent prints. The forms are those of ipvsadm 1.31, of Linux 6.12's
// /proc/net/ip_vs and of cilium-dbg 1.14 to 1.18 (see the readers); the addresses are made up.
import { expect, test } from 'vitest';
import { makeFile, makeJsonFile } from '../../../../test/evidence/make-file.ts';
import type { Reading } from '../syntax/reading.ts';
import { readCiliumBalancing, readCiliumServices } from './read-cilium-balancing.ts';
import { readCiliumEndpoints } from './read-cilium-endpoints.ts';
import { readCiliumIpcache } from './read-cilium-ipcache.ts';
import { readCiliumPolicies } from './read-cilium-policy.ts';
import { readCiliumStatus } from './read-cilium-status.ts';
import { readIpvsProc, readIpvsSave } from './read-ipvs.ts';

function valueOf<T>(reading: Reading<T>): T {
  if (!reading.isUnderstood) throw new Error(reading.detail);
  return reading.value;
}

const saved = [
  '-A -t 10.43.0.1:443 -s rr',
  '-a -t 10.43.0.1:443 -r 192.168.1.11:6443 -m -w 1',
  '-A -u 10.43.0.10:53 -s rr -p 10800',
  '-a -u 10.43.0.10:53 -r 10.42.1.4:53 -m -w 1',
  '-a -u 10.43.0.10:53 -r 10.42.2.4:53 -m -w 0',
  '-A -t [fd00:43::a]:53 -s rr',
  '-a -t [fd00:43::a]:53 -r [fd00:42::4]:53 -m -w 1',
  '-A -t 10.43.7.7:80 -s rr',
  '-A -f 7 -s rr',
  '-a -f 7 -r 10.42.2.9:0 -g -w 1 --tun-type ipip',
  '',
].join('\n');

test('ipvsadm: virtual servers with their real servers, weights, and those that go by a mark', () => {
  const table = valueOf(readIpvsSave(makeFile('nodes/n1/ipvsadm.txt', saved)));
  expect(table.virtualServers.map((row) => [row.protocol, row.address, row.port, row.isPersistent])).toEqual([
    ['tcp', '10.43.0.1', 443, false],
    ['udp', '10.43.0.10', 53, true],
    ['tcp', 'fd00:43::a', 53, false],
    ['tcp', '10.43.7.7', 80, false],
  ]);
  expect(table.virtualServers[1]?.realServers.map((row) => [row.address, row.port, row.weight])).toEqual([
    ['10.42.1.4', 53, 1],
    ['10.42.2.4', 53, 0],
  ]);
  expect(table.virtualServers[3]?.realServers).toEqual([]);
  expect(table.virtualServers[0]?.realServers[0]).toMatchObject({
    forwarding: 'masquerade',
    evidence: { at: 'L2', quote: '-a -t 10.43.0.1:443 -r 192.168.1.11:6443 -m -w 1' },
  });
  expect(table.marks.map((row) => row.mark)).toEqual([7]);
});

const proc = `IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A2B0001:01BB rr 
  -> C0A8010B:192B      Masq    1      0          0         
UDP  0A2B000A:0035 rr persistent 10800 FFFFFFFF
  -> 0A2A0104:0035      Masq    1      0          12        
  -> 0A2A0204:0035      Masq    0      0          12        
TCP  [fd00:0043:0000:0000:0000:0000:0000:000a]:0035 rr 
  -> [fd00:0042:0000:0000:0000:0000:0000:0004]:0035      Masq    1      0          0         
TCP  0A2B0707:0050 rr 
FWM  00000007 rr 
  -> 0A2A0209:0000      Route   1      0          0         
`;

test('/proc/net/ip_vs says the same as ipvsadm', () => {
  const bare = (reading: Reading<ReturnType<typeof valueOf<unknown>>>): unknown =>
    JSON.parse(
      JSON.stringify(valueOf(reading), (key, value: unknown) => (key === 'evidence' ? undefined : value)),
    );
  expect(bare(readIpvsProc(makeFile('nodes/n1/ip_vs.txt', proc)))).toEqual(
    bare(readIpvsSave(makeFile('nodes/n1/ipvsadm.txt', saved))),
  );
});

test.each([
  ['a real server of nobody', '-a -t 10.43.0.1:443 -r 192.168.1.11:6443 -m -w 1\n'],
  ['an unknown line', '-A -t 10.43.0.1:443 -s rr\n-Z\n'],
  ['a name for an address', '-A -t kubernetes:https -s rr\n'],
  ['a cut line', '-A -t 10.43.0.1:443 -s rr\n-a -t 10.43.0.1:443 -r 192.16'],
])('ipvsadm: %s is not understood', (_, text) => {
  expect(readIpvsSave(makeFile('nodes/n1/ipvsadm.txt', text)).isUnderstood).toBe(false);
});

test('Cilium: the map of frontends, in the form with a key for each slot', () => {
  const frontends = valueOf(
    readCiliumBalancing(
      makeJsonFile('nodes/n1/cilium-bpf-lb-list.json', {
        '10.43.0.10:53/UDP (0)': ['0.0.0.0:0 (5) (0) [ClusterIP, non-routable] '],
        '10.43.0.10:53/UDP (1)': ['10.42.1.4:53/UDP (5) (1)'],
        '10.43.0.10:53/UDP (2)': ['backend 42 not found'],
        '10.43.0.10:0/ANY (0)': ['0.0.0.0:0 (0) (0) [ClusterIP, non-routable]'],
        '192.168.1.11:30080/TCP/i (0)': [
          '0.0.0.0:0 (7) (0) [NodePort, Local, two-scopes, l7-load-balancer] (L7LB Proxy Port: 19500)',
        ],
        '[fd00:43::a]:53/UDP (1)': ['[fd00:42::4]:53/UDP (9) (1)'],
      }),
    ),
  );
  const found = (address: string, port: number): unknown =>
    frontends.find((row) => row.address === address && row.port === port);
  expect(found('10.43.0.10', 53)).toMatchObject({
    protocol: 'udp',
    type: 'ClusterIP',
    flags: ['non-routable'],
    backends: [{ address: '10.42.1.4', port: 53 }],
    lostBackends: [42],
    evidence: { at: '/10.43.0.10:53~1UDP (0)' },
  });
  expect(found('10.43.0.10', 0)).not.toHaveProperty('protocol');
  expect(found('192.168.1.11', 30080)).toMatchObject({
    type: 'NodePort',
    isInternalScope: true,
    flags: ['Local', 'two-scopes', 'l7-load-balancer'],
  });
  expect(found('fd00:43::a', 53)).toMatchObject({ backends: [{ address: 'fd00:42::4', port: 53 }] });
});

test('Cilium: the map of frontends, in the form without protocols', () => {
  const frontends = valueOf(
    readCiliumBalancing(
      makeJsonFile('nodes/n1/cilium-bpf-lb-list.json', {
        '10.43.0.1:443': ['0.0.0.0:0 (1) [ClusterIP, non-routable]', '192.168.1.11:6443 (1)'],
      }),
    ),
  );
  expect(frontends).toMatchObject([{ port: 443, backends: [{ address: '192.168.1.11', port: 6443 }] }]);
  expect(frontends[0]).not.toHaveProperty('protocol');
});

test('Cilium: a frontend that is not understood costs the file', () => {
  const files = [{ 'kube-dns': [] }, { '10.43.0.1:443/TCP (1)': ['something else'] }];
  for (const content of files)
    expect(readCiliumBalancing(makeJsonFile('a.json', content)).isUnderstood).toBe(false);
});

test("Cilium: the agent's list of services knows the states of backends", () => {
  const row = (realized: unknown): unknown => ({ spec: {}, status: { realized } });
  const services = valueOf(
    readCiliumServices(
      makeJsonFile('nodes/n1/cilium-service-list.json', [
        row({
          id: 7,
          'frontend-address': { ip: '10.43.0.10', port: 53, protocol: 'UDP', scope: 'external' },
          flags: { type: 'ClusterIP', name: 'kube-dns', namespace: 'kube-system' },
          'backend-addresses': [
            { ip: '10.42.1.4', port: 53, protocol: 'UDP', state: 'active', weight: 100 },
            { ip: '10.42.2.4', port: 53, protocol: 'UDP', state: 'quarantined' },
          ],
        }),
      ]),
    ),
  );
  expect(services).toMatchObject([
    {
      protocol: 'udp',
      type: 'ClusterIP',
      backends: [
        { address: '10.42.1.4', state: 'active' },
        { address: '10.42.2.4', state: 'quarantined' },
      ],
    },
  ]);
});

test('Cilium: endpoints with their device, identity and enforcement', () => {
  const endpoints = valueOf(
    readCiliumEndpoints(
      makeJsonFile('nodes/n1/cilium-endpoint-list.json', [
        {
          id: 33,
          status: {
            'external-identifiers': {
              'k8s-namespace': 'shop',
              'k8s-pod-name': 'api-1',
              'pod-name': 'shop/api-1',
            },
            identity: { id: 24121, labels: ['k8s:app=api'] },
            networking: {
              addressing: [{ ipv4: '10.0.1.20', ipv6: 'fd00::20' }],
              'interface-name': 'lxcf9e134da9662',
            },
            policy: { realized: { 'policy-enabled': 'ingress' } },
            state: 'ready',
          },
        },
        { id: 342, status: { identity: { id: 1 }, networking: { addressing: [{}] }, state: 'ready' } },
      ]),
    ),
  );
  expect(endpoints).toMatchObject([
    {
      id: 33,
      identity: 24121,
      pod: 'shop/api-1',
      addresses: ['10.0.1.20', 'fd00::20'],
      link: 'lxcf9e134da9662',
      enforcement: 'ingress',
    },
    { id: 342, identity: 1, addresses: [] },
  ]);
});

test('Cilium: policy entries, with ports in network byte order and as prefixes', () => {
  const entry = (more: object, key: object): unknown => ({
    ProxyPortNetwork: 0,
    Flags: 0,
    AuthType: 0,
    Packets: 0,
    Bytes: 0,
    ...more,
    Key: { Prefixlen: 40, Identity: 0, TrafficDirection: 0, Nexthdr: 0, DestPortNetwork: 0, ...key },
  });
  const [map] = valueOf(
    readCiliumPolicies(
      makeJsonFile('nodes/n1/cilium-bpf-policy.json', [
        {
          EndpointID: '33',
          Path: '/sys/fs/bpf/tc/globals/cilium_policy_v2_00033',
          Content: [
            entry({}, { Identity: 1 }),
            // 8080 is 0x1f90; the machine that prints it holds the bytes the other way round.
            entry({}, { Prefixlen: 64, Identity: 24121, Nexthdr: 6, DestPortNetwork: 0x901f }),
            // 1024-2047: the upper six bits of the port.
            entry({ Flags: 1 }, { Prefixlen: 54, TrafficDirection: 1, Nexthdr: 6, DestPortNetwork: 0x0004 }),
            entry({ ProxyPortNetwork: 0x901f }, { Prefixlen: 48, Nexthdr: 17 }),
          ],
        },
      ]),
    ),
  );
  expect(map?.endpoint).toBe(33);
  expect(map?.entries).toMatchObject([
    { identity: 1, direction: 'ingress', protocol: 0, ports: { from: 0, to: 65535 }, isDeny: false },
    { identity: 24121, protocol: 6, ports: { from: 8080, to: 8080 } },
    { direction: 'egress', ports: { from: 1024, to: 2047 }, isDeny: true },
    { protocol: 17, ports: { from: 0, to: 65535 }, proxyPort: 8080 },
  ]);
});

test('Cilium: identities of addresses, with the tunnel where there is one', () => {
  const entries = valueOf(
    readCiliumIpcache(
      makeJsonFile('nodes/n1/cilium-bpf-ipcache.json', {
        '0.0.0.0/0': ['identity=2 encryptkey=0 tunnelendpoint=0.0.0.0 flags=<none>'],
        '10.0.1.20/32': ['identity=24121 encryptkey=0 tunnelendpoint=192.168.1.12 flags=hastunnel'],
        '10.0.2.9/32': ['identity=9 encryptkey=0 tunnelendpoint=192.168.1.13 nodeid=38780'],
        '10.9.0.1/32@2': ['identity=131074 encryptkey=0 tunnelendpoint=192.168.9.1 flags=hastunnel'],
      }),
    ),
  );
  expect(entries.map((row) => [row.prefix.address, row.identity, row.tunnelEndpoint])).toEqual([
    ['0.0.0.0', 2, undefined],
    ['10.0.1.20', 24121, '192.168.1.12'],
    ['10.0.2.9', 9, '192.168.1.13'],
  ]);
});

test.each([
  ['True', true],
  ['Strict', true],
  ['False', false],
  ['Disabled', false],
  ['Partial', undefined],
])('Cilium: the mode %s of replacing kube-proxy', (mode, expected) => {
  const status = valueOf(
    readCiliumStatus(
      makeJsonFile('nodes/n1/cilium-status.json', {
        cilium: { state: 'Ok', msg: '1.16.1 (v1.16.1-68cb1b1)' },
        'kube-proxy-replacement': {
          mode,
          devices: ['eth0'],
          deviceList: [{ name: 'eth0', ip: ['192.168.1.11'] }],
          features: { socketLB: { enabled: true }, bpfSocketLBHostnsOnly: true },
        },
      }),
    ),
  );
  expect(status.isKubeProxyReplaced).toBe(expected);
  expect(status).toMatchObject({ version: '1.16.1', socketBalancing: 'host-only', devices: ['eth0'] });
});
