// A recorded cluster (test/fixtures/netfilter) as a bundle, and what connecting gave in it. In: the recording's name. Out: the
// bundle's files, and the probes. The recording names its files differently; what they hold is unaltered.
import type { BundleFile } from '../../src/core/snapshot/bundle-file.ts';
import { readBundleFiles } from '../../src/io/store/read-bundle.ts';
import { makeFile } from '../evidence/make-file.ts';

export interface RecordedProbe {
  /** `pod/NAMESPACE/NAME` or `node/NAME`. */
  readonly from: string;
  /** As the recording calls the target. */
  readonly target: string;
  readonly address: string;
  readonly port: number;
  readonly outcome: 'ok' | 'refused' | 'timeout';
  readonly line: string;
}

export interface RecordedCluster {
  readonly files: readonly BundleFile[];
  readonly probes: readonly RecordedProbe[];
}

/** What a file of a namespace is called in a bundle. */
const names: Readonly<Record<string, readonly string[]>> = {
  'link.json': ['ip-link.json'],
  'addr.json': ['ip-addr.json'],
  'rule.json': ['ip-rule-4.json'],
  'rule6.json': ['ip-rule-6.json'],
  'route.json': ['ip-route-4.json'],
  'route6.json': ['ip-route-6.json'],
  'neigh.json': ['ip-neigh.json'],
  'fdb.json': ['bridge-fdb.json'],
  'iptables-nft-save.txt': ['iptables-nft-save.txt', 'iptables-save.txt'],
  'ip6tables-nft-save.txt': ['ip6tables-nft-save.txt', 'ip6tables-save.txt'],
};

const resources: Readonly<Record<string, string>> = {
  'endpointslices.json': 'endpointslices.discovery.k8s.io.json',
  'networkpolicies.json': 'networkpolicies.networking.k8s.io.json',
};

interface PodRow {
  readonly metadata: { readonly namespace: string; readonly name: string };
  readonly spec: { readonly nodeName: string };
}

export async function readRecordedCluster(name: string): Promise<RecordedCluster> {
  const archive = new URL(`../fixtures/netfilter/${name}.tar.gz`, import.meta.url).pathname;
  const found = new Map<string, string>();
  await readBundleFiles(archive, (file) => found.set(file.path, file.text()));
  const text = (path: string): string => {
    const content = found.get(path);
    if (content === undefined) throw new Error(`${path} is not in the recording ${name}`);
    return content;
  };
  const { items } = JSON.parse(text('kube/pods.json')) as { items: readonly PodRow[] };
  const files = [...found].flatMap(([path, content]) =>
    placeFile(path, items).map((target) => makeFile(target, content)),
  );
  const rules = items.map((pod) => makeFile(`${folderOf(pod)}/ip-rule-4.txt`, defaultRules));
  const manifest = {
    format: 'waylaid-evidence/1',
    collectedAt: '2026-11-22T16:20:00Z',
    collectedBy: 'by hand',
  };
  return {
    files: [makeFile('waylaid.json', JSON.stringify(manifest)), ...rules, ...files],
    probes: readProbes(text('probes.txt'), items),
  };
}

function placeFile(path: string, pods: readonly PodRow[]): readonly string[] {
  const [kind = '', second = '', file = ''] = path.split('/');
  if (kind === 'kube') return [`cluster/resources/${resources[second] ?? second}`];
  if (kind === 'nodes') return (names[file] ?? [file]).map((own) => `nodes/${second}/${own}`);
  if (kind !== 'pods') return [];
  const pod = pods.find(({ metadata }) => metadata.name === second);
  if (pod === undefined) return [];
  // `ip -j addr` shows the devices too, and nobody asked a pod for them apart.
  const own = file === 'addr.json' ? ['ip-addr.json', 'ip-link.json'] : (names[file] ?? [file]);
  return own.map((each) => `${folderOf(pod)}/${each}`);
}

function folderOf({ spec, metadata }: PodRow): string {
  return `nodes/${spec.nodeName}/pods/${metadata.namespace}_${metadata.name}`;
}

/** Nobody asked the pods for their rules; they had those that every namespace begins with. */
const defaultRules = `0:\tfrom all lookup local
32766:\tfrom all lookup main
32767:\tfrom all lookup default
`;

const probeLine = /^(pod|node):(\S+)\s+-> (\S+)\s+(\d+\.\d+\.\d+\.\d+):(\d+)\s+(OK|TIMEOUT|rc7)/;

function readProbes(text: string, pods: readonly PodRow[]): readonly RecordedProbe[] {
  return text.split('\n').flatMap((line) => {
    const found = probeLine.exec(line);
    if (found === null) return [];
    const [, kind, name = '', target = '', address = '', port, word] = found;
    const namespace = pods.find(({ metadata }) => metadata.name === name)?.metadata.namespace ?? '';
    return [
      {
        from: kind === 'node' ? `node/${name}` : `pod/${namespace}/${name}`,
        target,
        address,
        port: Number(port),
        outcome: word === 'OK' ? 'ok' : word === 'TIMEOUT' ? 'timeout' : 'refused',
        line,
      } as const,
    ];
  });
}
