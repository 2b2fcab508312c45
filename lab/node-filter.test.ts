// The rules that the lab writes for a cluster, against what the real kube-proxy, network policy controller and flannel wrote
// for that very cluster: line by line, as iptables-save and nft print them. The names that hash a time are left open.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { renderIptablesUpdate } from './kube-proxy-iptables.ts';
import { restoreCommand } from './kube-proxy.ts';
import { renderNftablesProxy } from './kube-proxy-nftables.ts';
import { renderTables, renderTables6 } from './node-filter.ts';
import { planLab } from './plan.ts';
import type { LabPlan, PlannedNode, PlannedPod, PlannedService, ProxyMode } from './planned.ts';
import { proxyNode } from './proxy-node.ts';
import { proxiedPorts } from './service-endpoints.ts';
import type { ProxiedPort } from './service-endpoints.ts';

const fixture = (name: string): string =>
  readFileSync(new URL(`../test/fixtures/node-filter/${name}`, import.meta.url), 'utf8');

interface PodWords {
  readonly key: string;
  readonly node: string;
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
}

function podOf({ key, ...rest }: PodWords): PlannedPod {
  const [namespace = '', name = ''] = key.split('/');
  const owner = { kind: 'Pod', name, hash: '' } as const;
  return { namespace, name, owner, program: 'web', image: '', container: name, ports: [], ...rest };
}

const podWords: readonly PodWords[] = [
  { key: 'kube-system/coredns', node: 'n1', address: '10.42.0.10', labels: { 'k8s-app': 'kube-dns' } },
  { key: 'kube-system/traefik', node: 'n1', address: '10.42.0.20', labels: { app: 'traefik' } },
  { key: 'apps/front', node: 'n1', address: '10.42.0.30', labels: { role: 'frontend' } },
  { key: 'apps/other', node: 'n2', address: '10.42.1.31', labels: { role: 'other' } },
  { key: 'apps/web-a', node: 'n2', address: '10.42.1.11', labels: { app: 'web' } },
  { key: 'apps/web-b', node: 'n3', address: '10.42.3.12', labels: { app: 'web' } },
  { key: 'apps/front3', node: 'n3', address: '10.42.3.32', labels: { role: 'frontend' } },
];
const pods = podWords.map(podOf);

const http = { name: 'http', port: 80, protocol: 'tcp', targetPort: 8000 } as const;
const web = { namespace: 'apps', selector: { app: 'web' } };
const services: readonly PlannedService[] = [
  {
    namespace: 'apps',
    name: 'empty',
    clusterIp: '10.43.185.94',
    selector: { app: 'nothing-has-this' },
    ports: [{ ...http, nodePort: 30_082 }],
    externalPolicy: 'Cluster',
  },
  { ...web, name: 'web', clusterIp: '10.43.247.232', ports: [http] },
  { ...web, name: 'web-headless', clusterIp: 'None', ports: [{ ...http, port: 8000 }] },
  {
    ...web,
    name: 'web-local',
    clusterIp: '10.43.80.202',
    ports: [{ ...http, nodePort: 30_081 }],
    externalPolicy: 'Local',
  },
  {
    ...web,
    name: 'web-np',
    clusterIp: '10.43.137.235',
    ports: [{ ...http, nodePort: 30_080 }],
    externalPolicy: 'Cluster',
  },
  { ...web, name: 'web-sticky', clusterIp: '10.43.18.145', ports: [http], affinitySeconds: 10_800 },
  {
    namespace: 'default',
    name: 'kubernetes',
    clusterIp: '10.43.0.1',
    ports: [{ name: 'https', port: 443, protocol: 'tcp', targetPort: 6443 }],
  },
  {
    namespace: 'kube-system',
    name: 'kube-dns',
    clusterIp: '10.43.0.10',
    selector: { 'k8s-app': 'kube-dns' },
    ports: [
      { name: 'dns', port: 53, protocol: 'udp', targetPort: 53 },
      { name: 'dns-tcp', port: 53, protocol: 'tcp', targetPort: 53 },
      { name: 'metrics', port: 9153, protocol: 'tcp', targetPort: 9153 },
    ],
  },
  {
    namespace: 'kube-system',
    name: 'traefik',
    clusterIp: '10.43.60.29',
    selector: { app: 'traefik' },
    ports: [
      { name: 'web', port: 80, protocol: 'tcp', targetPort: 8000, nodePort: 31_234 },
      { name: 'websecure', port: 443, protocol: 'tcp', targetPort: 8443, nodePort: 31_083 },
    ],
    externalPolicy: 'Cluster',
  },
];

const policy = {
  namespace: 'apps',
  name: 'web-only-from-frontend',
  selector: { app: 'web' },
  ingress: [
    {
      peers: [
        { namespace: 'apps', labels: { role: 'frontend' } },
        { cidr: '192.168.50.0/24', except: ['192.168.50.13'] },
      ],
      ports: [{ protocol: 'tcp', port: 8000 }],
    },
  ],
} as const;

function recordedPlan(proxy: ProxyMode): LabPlan {
  const name = 'recorded';
  const prefixes = { clusterCidr: '10.42.0.0/16', serviceCidr: '10.43.0.0/16' };
  const plan = planLab({ name, nodeCount: 3, ...prefixes, proxy, faults: [] });
  const nodes = plan.nodes.map((node) => ({ ...node, name: node.name.replace('node-', 'n') }));
  return { ...plan, nodes, pods, services, policies: proxy === 'iptables' ? [policy] : [] };
}

function portsOf(plan: LabPlan): ProxiedPort[] {
  return proxiedPorts(plan, () => true);
}

const nodeAt = (plan: LabPlan, name: string): PlannedNode => plan.nodes.find((node) => node.name === name)!;

/** Built-in chains are not declared by who only adds to them; hashes of a time and of a version are left open. */
function linesOf(text: string): string[] {
  let table = '';
  return text
    .replaceAll(/KUBE-(POD-FW|NWPLCY|SRC|DST)-[A-Z2-7]{16}/g, 'KUBE-$1-…')
    .split('\n')
    .flatMap((line) => {
      if (line.startsWith('*')) table = line;
      return line === '' || /^(\*|COMMIT|:(INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING) )/.test(line)
        ? []
        : [`${table} ${line}`];
    })
    .sort();
}

/** The rules of each chain in their order; kube-proxy writes Services in a random one. */
function chainsOf(text: string): Readonly<Record<string, readonly string[]>> {
  const chains: Record<string, string[]> = {};
  for (const line of text.replaceAll(/KUBE-(POD-FW|NWPLCY|SRC|DST)-[A-Z2-7]{16}/g, 'KUBE-$1-…').split('\n')) {
    const chain = /^-A (\S+)/.exec(line)?.[1];
    if (chain !== undefined && !/^KUBE-(SERVICES|NODEPORTS|POD-FW|ROUTER|EXTERNAL)/.test(chain))
      chains[chain] = [...(chains[chain] ?? []), line];
  }
  return chains;
}

describe('the packet filter of a node', () => {
  it.each(['n1', 'n2'])('is what the real programs wrote, kube-proxy in iptables mode (%s)', (name) => {
    const plan = recordedPlan('iptables');
    const text = renderTables(plan, nodeAt(plan, name), portsOf(plan));
    const recorded = fixture(`${name}-iptables-save.txt`);
    expect(recorded.split('\n').length).toBeGreaterThan(200);
    expect(linesOf(text)).toEqual(linesOf(recorded));
    expect(chainsOf(text)).toEqual(chainsOf(recorded));
  });

  it.each(['n1', 'n2'])('is what the others wrote beside kube-proxy in nftables mode (%s)', (name) => {
    const plan = recordedPlan('nftables');
    const text = renderTables(plan, nodeAt(plan, name), portsOf(plan));
    const recorded = fixture(`${name}-nftables-mode-iptables-save.txt`);
    expect(linesOf(text)).toEqual(linesOf(recorded));
    expect(chainsOf(text)).toEqual(chainsOf(recorded));
  });

  it('is the same for IPv6, where the cluster has no Services', () => {
    const text = renderTables6(recordedPlan('iptables'));
    const recorded = fixture('n2-ip6tables-save.txt');
    expect(linesOf(text)).toEqual(linesOf(recorded));
    expect(chainsOf(text)).toEqual(chainsOf(recorded));
  });
});

/** Each declaration on one line, the elements of sets in one order, in the order of their text. */
function declarationsOf(text: string): string[] {
  const flat = text.replaceAll(/elements = \{([^}]*)\}/g, (_, list: string) => {
    const elements = list.split(',').map((element) => element.trim());
    return `elements = { ${elements.sort().join(', ')} }`;
  });
  const declarations: string[] = [];
  let table = '';
  for (const line of flat.replaceAll('timeout 10800s', 'timeout 3h').split('\n')) {
    table = /^table (\S+)/.exec(line)?.[1] ?? table;
    if (/^\t(set|map|chain) /.test(line)) declarations.push(table);
    if (/^\t\t/.test(line) || /^\t(set|map|chain) /.test(line))
      declarations.push(`${declarations.pop() ?? ''}\n${line}`);
  }
  return declarations.sort();
}

describe('rules that count in objects which the kernel may not have', () => {
  it('are written without their counters where it has not', () => {
    const plan = recordedPlan('iptables');
    const input = renderTables(plan, nodeAt(plan, 'n2'), portsOf(plan));
    expect(input).toContain('-m nfacct --nfacct-name');
    const fed = execFileSync('sh', ['-c', restoreCommand('cat')], { input, encoding: 'utf8' });
    expect(fed).not.toContain('nfacct');
    expect(fed).toContain('-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP\n');
    expect(fed.split('\n')).toHaveLength(input.split('\n').length);
  });
});

describe('kube-proxy in nftables mode', () => {
  it.each(['n1', 'n2'])('has the tables of the real one (%s)', (name) => {
    const plan = recordedPlan('nftables');
    const text = renderNftablesProxy(portsOf(plan), proxyNode(plan, nodeAt(plan, name)));
    expect(declarationsOf(text)).toEqual(declarationsOf(fixture(`${name}-nft-kube-proxy.txt`)));
  });
});

describe('kube-proxy in iptables mode, when endpoints change', () => {
  const plan = recordedPlan('iptables');
  const before = portsOf(plan);
  const after = before.map((port) => (port.service === 'kube-dns' ? { ...port, endpoints: [] } : port));
  const text = renderIptablesUpdate(before, after, proxyNode(plan, nodeAt(plan, 'n2')));

  it('deletes the chains of an endpoint that went away, and no others', () => {
    expect(text).toContain('-X KUBE-SVC-TCOU7JCQXEZGVUNU\n-X KUBE-SEP-NHUUJSM4VHFH4H3V\n');
    expect([...text.matchAll(/^-X /gm)]).toHaveLength(6);
  });

  it('refuses the port that nobody serves any more', () => {
    expect(text).toContain('kube-system/kube-dns:dns has no endpoints" -m udp --dport 53 -j REJECT');
    expect(text).not.toMatch(/-A KUBE-SERVICES -d 10\.43\.0\.10\/32 .* -j KUBE-SVC/);
  });

  it('draws among several endpoints so that each has the same chance', () => {
    const three = before
      .filter((port) => port.service === 'web')
      .map((port) => ({
        ...port,
        endpoints: [1, 2, 3].map((n) => ({ address: `10.42.1.${n}`, port: 1, node: 'n2' })),
      }));
    const drawn = renderIptablesUpdate([], three, proxyNode(plan, nodeAt(plan, 'n2')));
    expect([...drawn.matchAll(/--probability (\S+)/g)].map((match) => match[1])).toEqual([
      '0.33333333333',
      '0.50000000000',
    ]);
  });
});
