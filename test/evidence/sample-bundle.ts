// A small bundle with a file of every kind that is read, and a walk over the facts of a snapshot by name.
import { readFileSync } from 'node:fs';
import type { Known } from '../../src/core/fact/known.ts';
import type { BundleFile } from '../../src/core/snapshot/bundle-file.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import { makeFile, makeJsonFile } from './make-file.ts';

function recorded(path: string): Uint8Array {
  return readFileSync(new URL(`../fixtures/${path}`, import.meta.url));
}

const namespaceFiles = [
  'ip-link.json',
  'ip-addr.json',
  'ip-rule-4.json',
  'ip-rule-6.txt',
  'ip-route-4.json',
  'ip-route-6.txt',
  'ip-neigh.json',
  'bridge-fdb.txt',
  'bridge-link.json',
  'sysctl.txt',
  'ss.txt',
];

export function sampleFiles(): readonly BundleFile[] {
  const list = (kind: string, items: readonly object[]): object => ({ kind, apiVersion: 'v1', items });
  return [
    makeJsonFile('waylaid.json', {
      format: 'waylaid-evidence/1',
      cluster: { name: 'homelab' },
      items: [
        { path: 'nodes/n3/', problem: 'unreachable', detail: 'ssh could not connect' },
        { path: 'cluster/resources/secrets.json', problem: 'forbidden' },
      ],
    }),
    ...namespaceFiles.map((name) => makeFile(`nodes/n1/${name}`, recorded(`namespace/${name}`))),
    makeFile('nodes/n1/resolv.conf', 'nameserver 10.43.0.10\n'),
    makeFile('nodes/n1/hosts', '127.0.0.1 localhost\n'),
    makeFile('nodes/n1/rt_tables', '52 tailscale\n77 vpn\n'),
    makeFile('nodes/n1/subnet.env', 'FLANNEL_NETWORK=10.42.0.0/16\nFLANNEL_SUBNET=10.42.1.1/24\n'),
    makeFile('nodes/n1/os-release', 'ID=debian\n'),
    makeFile('nodes/n1/uname.txt', 'Linux n1 6.18.0\n'),
    makeFile('nodes/n1/cmdline/k3s.txt', '/usr/local/bin/k3s agent\n'),
    makeFile('nodes/n1/journal/k3s.log', 'one\ntwo\n'),
    makeFile('nodes/n1/tailscaled.log', 'three\n'),
    makeFile('nodes/n1/tailscale-status.json', recorded('tailscale/status.json')),
    makeFile('nodes/n1/tailscale-prefs.json', recorded('tailscale/prefs.json')),
    makeFile('nodes/n1/tailscale-netmap.json', recorded('tailscale/netmap.json')),
    makeFile(
      'nodes/n1/pods/swimto_api-7d9/ip-route-4.txt',
      'default via 10.42.1.1 dev eth0 proto static table vpn \n',
    ),
    makeFile('nodes/n1/pods/netns_4026/ip-rule-4.txt', '0:\tfrom all lookup local proto kernel\n'),
    makeFile('nodes/n2/ip-rule-4.txt', '0:\tfrom all lookup local\n5270:\tfrom all lookup tailscale\n'),
    makeFile('hosts/nas/ip-route-4.txt', 'default via 192.0.2.1 dev eth0 proto static \n'),
    makeJsonFile('cluster/version.json', { gitVersion: 'v1.36.3+k3s1' }),
    makeJsonFile(
      'cluster/resources/nodes.json',
      list('NodeList', [
        { metadata: { name: 'n1' }, spec: { podCIDR: '10.42.1.0/24' } },
        { metadata: { name: 'n2' } },
      ]),
    ),
    makeJsonFile(
      'cluster/resources/pods.json',
      list('PodList', [
        { metadata: { name: 'api-7d9', namespace: 'swimto' }, status: { podIP: '10.42.1.7' } },
      ]),
    ),
    makeJsonFile(
      'cluster/resources/services.json',
      list('List', [{ kind: 'Service', metadata: { name: 's', namespace: 'swimto' } }]),
    ),
    makeJsonFile('cluster/resources/endpointslices.discovery.k8s.io.json', list('EndpointSliceList', [])),
    makeFile('cluster/logs/swimto/api-7d9/api.log', 'Temporary failure in name resolution\n'),
    makeFile('cluster/logs/swimto/api-7d9/api.previous.log', 'before\n'),
    makeFile('tailnet/policy.hujson', '{ "acls": [], /* none */ }'),
    makeJsonFile('tailnet/devices.json', { devices: [] }),
    makeFile(
      'probes.jsonl',
      '{"id":"p1","from":{"node":"n1"},"to":{"ip":"10.42.2.17","port":5432},"stage":"connect","outcome":"timeout"}\n',
    ),
  ];
}

/** Every fact by where it stands in the snapshot: `nodes.n1.root.rules.4`. */
export function factsOf(snapshot: Snapshot): ReadonlyMap<string, Known<unknown>> {
  const facts = new Map<string, Known<unknown>>();
  const visit = (name: string, value: unknown): void => {
    if (isFact(value)) facts.set(name, value);
    else if (value instanceof Map) for (const [key, entry] of value) visit(`${name}.${String(key)}`, entry);
    else if (Array.isArray(value)) for (const [key, entry] of value.entries()) visit(`${name}.${key}`, entry);
    else if (typeof value === 'object' && value !== null) {
      for (const [key, entry] of Object.entries(value)) visit(`${name}.${key}`, entry);
    }
  };
  const { manifest, nodes, hosts, cluster, tailnet } = snapshot;
  for (const [key, entry] of Object.entries({ manifest, nodes, hosts, cluster, tailnet })) visit(key, entry);
  return facts;
}

function isFact(value: unknown): value is Known<unknown> {
  return typeof value === 'object' && value !== null && 'known' in value;
}
