// What the cluster's API server says: its version, the objects that a diagnosis reads, logs.
// In: the flags of kubectl. Out: files of the bundle and an item of the manifest for each, also for those that could not be had.
// Nothing here fails as a whole: without a kubeconfig, or with a server that does not answer, the result is one item that says
// so in a sentence. Only giving up (the signal) throws.
import pLimit from 'p-limit';
import type { ManifestItem } from '../../core/snapshot/manifest.ts';
import type { AccessOptions, KubeAccess } from './kubernetes-access.ts';
import { parseBody, textOf } from './kubernetes-body.ts';
import { discoverResources, listCommand } from './kubernetes-discovery.ts';
import type { KubeResource } from './kubernetes-discovery.ts';
import { listObjects } from './kubernetes-list.ts';
import { collectLogs } from './kubernetes-logs.ts';
import { digestPod } from './kubernetes-pods.ts';
import type { PodDigest } from './kubernetes-pods.ts';
import { openDispatcher } from './kubernetes-proxy.ts';
import { openApi } from './kubernetes-request.ts';
import type { KubeApi } from './kubernetes-request.ts';
import { collectSecrets, secretsPath } from './kubernetes-secrets.ts';

export interface ClusterOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  /** The user to impersonate, as kubectl's `--as`. */
  readonly as?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (text: string) => void;
  /** For each request. */
  readonly timeoutMs?: number;
}

export interface CollectedCluster {
  /** The kubeconfig's name for it. */
  readonly name?: string;
  readonly files: Map<string, Uint8Array>;
  readonly items: ManifestItem[];
}

const defaultTimeoutMs = 15_000;
const parallelRequests = 4;

export async function collectCluster(options: ClusterOptions): Promise<CollectedCluster> {
  options.signal?.throwIfAborted();
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const wanted: AccessOptions = {
    ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
    ...(options.context === undefined ? {} : { context: options.context }),
    ...(options.as === undefined ? {} : { as: options.as }),
    timeoutMs,
  };
  // The Kubernetes client is the largest thing that is ever loaded; most commands do without.
  const { loadKubeAccess } = await import('./kubernetes-access.ts');
  const loaded = await loadKubeAccess(wanted);
  if (!loaded.ok)
    return nothing({ problem: loaded.isAbsent ? 'absent' : 'failed', detail: loaded.why }, options);
  const opened = openDispatcher(loaded.access, timeoutMs);
  if (!opened.ok) return nothing({ problem: 'failed', detail: opened.why }, options);
  let access: KubeAccess = loaded.access;
  let renewing: Promise<void> | undefined;
  const renew = async (): Promise<void> => {
    const renewed = await loadKubeAccess(wanted);
    if (renewed.ok) access = renewed.access;
    renewing = undefined;
  };
  // Requests that are refused at the same time share one renewal: it may start a program or ask an identity provider.
  const headers = async (isRefused: boolean): Promise<KubeAccess['headers']> => {
    if (isRefused) await (renewing ??= renew());
    return access.headers;
  };
  const signal = options.signal === undefined ? {} : { signal: options.signal };
  const api = openApi({
    server: access.server,
    dispatcher: opened.dispatcher,
    timeoutMs,
    headers,
    ...signal,
  });
  try {
    return await collectFrom(api, access, options);
  } finally {
    await opened.dispatcher.destroy();
  }
}

async function collectFrom(
  api: KubeApi,
  access: KubeAccess,
  options: ClusterOptions,
): Promise<CollectedCluster> {
  const say = (text: string): void => options.onProgress?.(`cluster: ${text}`);
  say(`asking ${access.server}`);
  const version = await collectVersion(api, access.server);
  if (version.isHopeless) return nothing(version.item, options);
  const limit = pLimit(parallelRequests);
  const discovery = await discoverResources(api, limit);
  const pods: PodDigest[] = [];
  const nowMs = Date.now();
  const keepPod = (pod: Parameters<typeof digestPod>[0]): void => void pods.push(digestPod(pod, nowMs));
  const lists = await Promise.all(
    discovery.resources.map((resource) =>
      limit(() => collectList(api, resource, resource.name === 'pods' ? keepPod : undefined)),
    ),
  );
  const objects = lists.reduce((sum, list) => sum + list.count, 0);
  say(`${objects} objects of ${lists.length} kinds`);
  const podsAnswer = lists.find((list) => list.item.path === 'cluster/resources/pods.json')?.item;
  const [secrets, logs] =
    podsAnswer?.problem === undefined
      ? await Promise.all([collectSecrets(api, limit, pods), collectLogs(api, limit, pods)])
      : [withoutPods(podsAnswer), { files: new Map<string, Uint8Array>(), items: [] }];
  say(`${logs.files.size} logs`);
  const files: [string, Uint8Array][] = [...logs.files];
  for (const { item, bytes } of [version, ...lists]) if (bytes !== undefined) files.push([item.path, bytes]);
  if (secrets.bytes !== undefined) files.push([secretsPath, secrets.bytes]);
  const items = [
    version.item,
    ...discovery.items,
    ...lists.map((list) => list.item),
    ...secrets.items,
    ...logs.items,
  ];
  return { name: access.contextName, files: new Map(files.sort(byPath)), items: items.sort(byItemPath) };
}

interface Collected {
  readonly item: ManifestItem;
  readonly bytes?: Uint8Array;
}

async function collectVersion(
  api: KubeApi,
  server: string,
): Promise<Collected & { readonly isHopeless: boolean }> {
  const started = startTiming();
  const answer = await api.get('/version', { maxBytes: 64 * 1024 });
  const head = { path: 'cluster/version.json', argv: ['kubectl', 'get', '--raw', '/version'] };
  if (!answer.ok) {
    const item = { ...head, problem: answer.problem, detail: answer.detail, ...started() };
    // A role may lack /version and allow the rest. Any other refusal comes from something that is no API server, or a broken
    // one, and its 404 for every list must not be read as "there is none".
    return { item, isHopeless: answer.status !== 403 };
  }
  if (textOf(parseBody(answer.bytes)?.['gitVersion']) !== undefined) {
    return { item: { ...head, exit: 0, ...started() }, bytes: answer.bytes, isHopeless: false };
  }
  const detail = `${server} answers, but not as a Kubernetes API server`;
  return { item: { ...head, problem: 'failed', detail, ...started() }, isHopeless: true };
}

async function collectList(
  api: KubeApi,
  resource: KubeResource,
  onObject: Parameters<typeof listObjects>[2],
): Promise<Collected & { readonly count: number }> {
  const started = startTiming();
  const list = await listObjects(api, resource, onObject);
  const head = { path: `cluster/resources/${resource.name}.json`, argv: listCommand(resource.name) };
  const outcome =
    list.problem === undefined ? { exit: 0 } : { problem: list.problem, detail: list.detail ?? '' };
  const item: ManifestItem = { ...head, ...outcome, ...started() };
  return list.bytes === undefined ? { item, count: 0 } : { item, bytes: list.bytes, count: list.count };
}

function startTiming(): () => { startedAt: string; durationMs: number } {
  const start = Date.now();
  const startedAt = `${new Date(start).toISOString().slice(0, 19)}Z`;
  return () => ({ startedAt, durationMs: Date.now() - start });
}

function withoutPods(pods: ManifestItem): { items: ManifestItem[]; bytes?: Buffer } {
  const detail = `which Secrets configure pods is not known: ${pods.detail ?? 'the pods could not be read'}`;
  const problem = pods.problem ?? 'failed';
  return { items: [{ path: secretsPath, argv: listCommand('secrets'), problem, detail }] };
}

/** One item for all of the cluster's part. */
function nothing(why: Pick<ManifestItem, 'problem' | 'detail'>, options: ClusterOptions): CollectedCluster {
  options.onProgress?.(`cluster: ${why.detail ?? 'not collected'}`);
  const item: ManifestItem = { path: 'cluster/', ...pickWhy(why) };
  return { files: new Map(), items: [item] };
}

function pickWhy(why: Pick<ManifestItem, 'problem' | 'detail'>): Pick<ManifestItem, 'problem' | 'detail'> {
  return { problem: why.problem ?? 'failed', detail: why.detail ?? '' };
}

function byPath([a]: [string, Uint8Array], [b]: [string, Uint8Array]): number {
  return a < b ? -1 : Number(a > b);
}

function byItemPath(a: ManifestItem, b: ManifestItem): number {
  return byPath([a.path, new Uint8Array()], [b.path, new Uint8Array()]);
}
