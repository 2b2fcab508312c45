// From a draft to the files of a bundle, and to a snapshot through the real reader. Local and connected routes, and the
// rules every namespace starts with, are written as the kernel would have them.
import { makeFile, snapshotOf } from '../evidence/make-file.ts';
import { clusterFilter, emptyFilter, formatFilter } from './filter-draft.ts';
import type { FilterDraft } from './filter-draft.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import { judgeSnapshot } from '../../src/core/pipeline.ts';
import type { Judgement } from '../../src/core/pipeline.ts';
import { address4, parseRange4 } from './addresses.ts';
import type { World, WorldLink, WorldNamespace, WorldNode, WorldPod, WorldService } from './world.ts';

export function writeWorld(world: World): ReadonlyMap<string, string> {
  const files = new Map<string, string>([['waylaid.json', JSON.stringify({ format: 'waylaid-evidence/1' })]]);
  for (const node of world.nodes) {
    if (!node.isCollected) continue;
    writeMachine(files, `nodes/${node.name}`, node);
    writeFilters(files, `nodes/${node.name}`, node, (family) => clusterFilter(world, node, family));
  }
  for (const host of world.hosts) {
    writeMachine(files, `hosts/${host.name}`, host);
    writeFilters(files, `hosts/${host.name}`, host, emptyFilter);
  }
  for (const pod of world.pods) {
    if (pod.network === undefined || !pod.node.isCollected) continue;
    writeNamespace(files, `nodes/${pod.node.name}/pods/${pod.namespace}_${pod.name}`, pod.network);
  }
  writeList(files, 'nodes', world.nodes.map(nodeObject));
  writeList(files, 'pods', world.pods.map(podObject));
  writeList(files, 'services', world.services.map(serviceObject));
  writeList(files, 'endpointslices.discovery.k8s.io', world.services.map(sliceObject));
  for (const [path, lines] of world.logs) files.set(`cluster/logs/${path}`, `${lines.join('\n')}\n`);
  for (const [path, text] of world.files) files.set(path, text);
  return files;
}

export function readWorld(world: World): Snapshot {
  return snapshotOf([...writeWorld(world)].map(([path, text]) => makeFile(path, text)));
}

export function judgeWorld(world: World): Judgement {
  return judgeSnapshot(readWorld(world));
}

function writeMachine(files: Map<string, string>, folder: string, node: WorldNode): void {
  writeNamespace(files, folder, node, node.without);
  for (const [name, text] of node.files) files.set(`${folder}/${name}`, text);
}

/** Beside what iptables wrote, which nft shows too, nobody has tables of his own. */
const emptyRuleset = JSON.stringify({
  nftables: [{ metainfo: { version: '1.0.6', json_schema_version: 1 } }],
});

function writeFilters(
  files: Map<string, string>,
  folder: string,
  node: WorldNode,
  draftOf: (family: 4 | 6) => FilterDraft,
): void {
  for (const [name, family] of [
    ['iptables-save', 4],
    ['ip6tables-save', 6],
  ] as const) {
    if (node.without.has(name) || node.files.has(`${name}.txt`)) continue;
    const draft = draftOf(family);
    if (family === 4) for (const edit of node.filterEdits) edit(draft);
    files.set(`${folder}/${name}.txt`, formatFilter(draft));
  }
  if (!node.without.has('nft')) files.set(`${folder}/nft.json`, emptyRuleset);
}

function writeNamespace(
  files: Map<string, string>,
  folder: string,
  own: WorldNamespace,
  without: ReadonlySet<string> = new Set(),
): void {
  const put = (name: string, lines: readonly string[]): void => {
    if (!without.has(name)) files.set(`${folder}/${name}.txt`, `${lines.join('\n')}\n`);
  };
  put(
    'ip-link',
    own.links.flatMap((link, index) => linkLines(link, index + 1)),
  );
  put(
    'ip-addr',
    own.links.flatMap((link, index) => [...linkLines(link, index + 1), ...addressLines(own, link)]),
  );
  put('ip-rule-4', ruleLines(own.rules4, ['local', 'main', 'default']));
  put('ip-rule-6', ruleLines(own.rules6, ['local', 'main']));
  put('ip-route-4', [...own.routes4, ...kernelRoutes4(own)]);
  put('ip-route-6', [...own.routes6, ...kernelRoutes6(own)]);
  if (own.neighbors.length > 0) put('ip-neigh', own.neighbors);
  else if (!without.has('ip-neigh')) files.set(`${folder}/ip-neigh.json`, '[]');
  if (own.fdb.length > 0) put('bridge-fdb', own.fdb);
  else if (!without.has('bridge-fdb')) files.set(`${folder}/bridge-fdb.json`, '[]');
  put(
    'sysctl',
    [...own.sysctls].map(([key, value]) => `${key} = ${value}`),
  );
}

function linkLines(link: WorldLink, index: number): readonly string[] {
  const other = link.other === undefined ? '' : `@${link.other}`;
  const master = link.master === undefined ? '' : ` master ${link.master}`;
  const state = link.flags.includes('LOWER_UP') ? 'UP' : 'DOWN';
  const head = `${index}: ${link.name}${other}: <${link.flags}> mtu 1500 qdisc noqueue${master} state ${state} mode DEFAULT group default qlen 1000`;
  const address =
    link.mac === undefined
      ? '    link/none  promiscuity 0'
      : `    link/${link.isLoopback === true ? 'loopback' : 'ether'} ${link.mac} brd ff:ff:ff:ff:ff:ff promiscuity 0`;
  const port =
    link.master === undefined
      ? []
      : ['    bridge_slave state forwarding priority 32 hairpin on isolated off'];
  return [head, address, ...(link.kind === undefined ? [] : [`    ${link.kind}`]), ...port];
}

function addressLines(own: WorldNamespace, link: WorldLink): readonly string[] {
  return own.addresses
    .filter((row) => row.link === link.name)
    .map(({ address }) => {
      const scope = link.isLoopback === true ? 'host' : 'global';
      return address.includes(':')
        ? `    inet6 ${address} scope ${scope} `
        : `    inet ${address} scope ${scope} ${link.name}`;
    });
}

function ruleLines(extra: readonly string[], tables: readonly string[]): readonly string[] {
  const own = tables.map((table, index) => `${index === 0 ? 0 : 32765 + index}:\tfrom all lookup ${table}`);
  const priority = (line: string): number => Number.parseInt(line, 10);
  return [...own, ...extra].sort((a, b) => priority(a) - priority(b));
}

function kernelRoutes4(own: WorldNamespace): readonly string[] {
  const rows = own.addresses.filter((row) => !row.address.includes(':'));
  return rows.flatMap((row) => {
    const range = parseRange4(row.address);
    const ip = address4(range, 0);
    const local = `local ${ip} dev ${row.link} table local proto kernel scope host src ${ip}`;
    if (row.link === 'lo')
      return [`local 127.0.0.0/8 dev lo table local proto kernel scope host src ${ip}`, local];
    if (range.length === 32 || row.isHostOnly === true || !isUp(own, row.link)) return [local];
    const size = 2 ** (32 - range.length);
    const network = { base: Math.floor(range.base / size) * size, length: range.length };
    const connected = `${address4(network, 0)}/${range.length} dev ${row.link} proto kernel scope link src ${ip}`;
    const broadcast = `broadcast ${address4(network, size - 1)} dev ${row.link} table local proto kernel scope link src ${ip}`;
    return [connected, local, broadcast];
  });
}

function isUp(own: WorldNamespace, link: string): boolean {
  return own.links.some((row) => row.name === link && row.flags.split(',').includes('UP'));
}

function kernelRoutes6(own: WorldNamespace): readonly string[] {
  const rows = own.addresses.filter((row) => row.address.includes(':'));
  const loopback =
    rows.length === 0 ? [] : ['local ::1 dev lo table local proto kernel metric 0 pref medium'];
  return [
    ...loopback,
    ...rows.flatMap((row) => {
      const [ip = '', length = '128'] = row.address.split('/');
      const local = `local ${ip} dev ${row.link} table local proto kernel metric 0 pref medium`;
      // Only lengths of 64 and 128 come up here; the network's part is what stands before the last `::`.
      const network = `${ip.slice(0, ip.lastIndexOf('::'))}::/${length}`;
      return [
        `${length === '128' ? ip : network} dev ${row.link} proto kernel metric 256 pref medium`,
        local,
      ];
    }),
  ];
}

function writeList(files: Map<string, string>, plural: string, items: readonly unknown[]): void {
  files.set(`cluster/resources/${plural}.json`, JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
}

function nodeObject(node: WorldNode): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: node.name, annotations: node.annotations },
    spec: { podCIDR: node.podCidrs[0], podCIDRs: node.podCidrs },
    status: {
      addresses: node.internalIps.map((address) => ({ type: 'InternalIP', address })),
      conditions: [{ type: 'Ready', status: node.isReady ? 'True' : 'Unknown' }],
      nodeInfo: { kubeletVersion: 'v1.33.1+k3s1' },
    },
  };
}

function podObject(pod: WorldPod): unknown {
  const state =
    pod.waitingReason === undefined
      ? { running: { startedAt: '2026-01-20T10:00:00Z' } }
      : { waiting: { reason: pod.waitingReason } };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: pod.name, namespace: pod.namespace, labels: pod.labels },
    spec: {
      nodeName: pod.node.name,
      ...(pod.isHostNetwork ? { hostNetwork: true } : {}),
      containers: [{ name: 'main', ports: [{ containerPort: pod.port, protocol: pod.protocol }] }],
    },
    status: {
      phase: pod.phase,
      podIP: pod.ips[0],
      podIPs: pod.ips.map((ip) => ({ ip })),
      conditions: [{ type: 'Ready', status: pod.isReady ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: 'main',
          ready: pod.isReady,
          restartCount: pod.restarts,
          state,
          ...(pod.lastExit === undefined ? {} : { lastState: { terminated: pod.lastExit } }),
        },
      ],
    },
  };
}

function serviceObject(service: WorldService): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: service.name, namespace: service.namespace },
    spec: {
      type: 'ClusterIP',
      clusterIP: service.ips[0],
      clusterIPs: service.ips,
      ports: [{ port: service.port, protocol: service.protocol }],
      ...(service.selector === undefined ? {} : { selector: service.selector }),
    },
  };
}

function sliceObject(service: WorldService): unknown {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `${service.name}-1`,
      namespace: service.namespace,
      labels: { 'kubernetes.io/service-name': service.name },
    },
    ports: [{ port: service.endpoints[0]?.port ?? service.port, protocol: service.protocol }],
    endpoints: service.endpoints.map(({ address }) => ({
      addresses: [address],
      conditions: { ready: true },
    })),
  };
}
