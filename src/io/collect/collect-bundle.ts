// One evidence bundle from everywhere: machines (this one, over SSH, in the lab) and the cluster's objects, at the same
// time. In: what to ask. Out: the bundle's files with their manifest, secrets replaced unless asked otherwise, and a summary
// for people. Whatever cannot be had is an item of the manifest; only giving up (the signal) throws.
import type { ManifestItem } from '../../core/snapshot/manifest.ts';
import { redactFiles } from '../../core/snapshot/redact-files.ts';
import { collectCluster } from './kubernetes.ts';
import { collectMachines } from './collect-machines.ts';
import type { MachineResult } from './collect-machines.ts';
import { formatManifest } from './manifest-text.ts';
import { mergeMachines } from './merge-machines.ts';
import { placeMachine, readClusterNodes } from './place-machine.ts';
import type { MachineSource } from './source.ts';

export type ClusterSource =
  | { readonly kind: 'none' }
  | { readonly kind: 'kubeconfig'; readonly kubeconfig?: string; readonly context?: string }
  /** Objects that somebody has already: the lab's. */
  | { readonly kind: 'recorded'; readonly name: string; readonly files: ReadonlyMap<string, Uint8Array> };

export interface CollectOptions {
  readonly version: string;
  readonly machines: readonly MachineSource[];
  readonly cluster: ClusterSource;
  readonly isRedacted: boolean;
  /** For each machine. */
  readonly timeoutMs?: number;
  readonly concurrency?: number;
  readonly maxPods?: number;
  readonly signal?: AbortSignal;
}

export interface CollectedBundle {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly summary: CollectSummary;
}

export interface CollectSummary {
  readonly machines: readonly MachineSummary[];
  readonly clusterFileCount: number;
  /** Why objects are missing, one sentence each. */
  readonly clusterLosses: readonly string[];
  readonly isRedacted: boolean;
}

export interface MachineSummary {
  readonly label: string;
  readonly name: string;
  readonly kind: 'node' | 'host';
  readonly fileCount: number;
  readonly podCount: number;
  /** One sentence each, without the machine's name: why there is nothing, or what is missing that root would have had. */
  readonly losses: readonly string[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const textCodec = {
  decode: (bytes: Uint8Array): string => decoder.decode(bytes),
  encode: (text: string): Uint8Array => encoder.encode(text),
};

interface ClusterPart {
  readonly name?: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly items: readonly ManifestItem[];
}

export async function collectBundle(
  options: CollectOptions,
  report: (line: string) => void = () => undefined,
): Promise<CollectedBundle> {
  const collectedAt = `${new Date().toISOString().slice(0, 19)}Z`;
  const [results, cluster] = await Promise.all([
    collectMachines(options.machines, {
      ...options,
      onProgress: ({ source, state, result }) => report(describeProgress(source, state, result)),
    }),
    collectClusterPart(options, report),
  ]);
  const nodes = readClusterNodes(cluster.files.get('cluster/resources/nodes.json'));
  const merged = mergeMachines(results.map((result) => placeMachine(result, nodes)));
  const manifest = formatManifest(
    {
      collectedAt,
      collectedBy: `waylaid ${options.version}`,
      isRedacted: options.isRedacted,
      ...(cluster.name === undefined ? {} : { clusterName: cluster.name }),
    },
    [...cluster.items, ...merged.items],
  );
  const files = new Map([['waylaid.json', encoder.encode(manifest)], ...cluster.files, ...merged.files]);
  return {
    files: options.isRedacted ? redactFiles(files, textCodec) : files,
    summary: {
      machines: merged.results.map(summarise),
      clusterFileCount: cluster.files.size,
      clusterLosses: cluster.items.flatMap((item) => describeLoss(item)),
      isRedacted: options.isRedacted,
    },
  };
}

async function collectClusterPart(
  { cluster, signal }: CollectOptions,
  report: (line: string) => void,
): Promise<ClusterPart> {
  if (cluster.kind === 'none') return { files: new Map(), items: [] };
  if (cluster.kind === 'recorded') return { name: cluster.name, files: cluster.files, items: [] };
  return collectCluster({
    ...(cluster.kubeconfig === undefined ? {} : { kubeconfig: cluster.kubeconfig }),
    ...(cluster.context === undefined ? {} : { context: cluster.context }),
    ...(signal === undefined ? {} : { signal }),
    onProgress: report,
  });
}

function describeProgress(
  source: MachineSource,
  state: 'started' | 'finished',
  result: MachineResult | undefined,
): string {
  if (state === 'started' || result === undefined) return `${source.label}: asked`;
  if (result.files.size === 0) return `${source.label}: ${result.failure?.detail ?? 'nothing came'}`;
  return `${source.label}: ${result.files.size} files as ${source.kind} ${result.name}`;
}

/** A resource that the cluster does not have (`absent`) is no loss; having no cluster at all is worth a word. */
function describeLoss({ path, problem, detail }: ManifestItem): string[] {
  if (problem === undefined || (problem === 'absent' && path !== 'cluster/')) return [];
  const name = path.replace(/^cluster\/(?:resources\/)?/, '').replace(/\.json$/, '');
  const what = detail ?? problem;
  return [name === '' ? what : `${name}: ${what}`];
}

function summarise(result: MachineResult): MachineSummary {
  const podsFolder = `${result.source.kind}s/${result.name}/pods/`;
  const pods = new Set<string>();
  for (const path of result.files.keys()) {
    if (path.startsWith(podsFolder)) pods.add(path.slice(podsFolder.length).split('/', 1)[0] ?? '');
  }
  const aboutPods = result.items.filter((item) => item.path === podsFolder && item.detail !== undefined);
  const losses = [result.failure, ...aboutPods].flatMap((loss) => loss?.detail ?? []);
  return {
    label: result.source.label,
    name: result.name,
    kind: result.source.kind,
    fileCount: result.files.size,
    podCount: pods.size,
    losses,
  };
}
