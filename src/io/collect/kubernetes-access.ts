// Finds the kubeconfig and makes of it what a request needs: the server, TLS options, headers.
// In: the flags that kubectl has too. Out: access, or one sentence why there is none. The only file that imports
// @kubernetes/client-node, by name, so that the bundler can leave most of it out, and itself only imported when a cluster is
// asked. Its typed models are not used: they drop fields that they do not know.
import { KubeConfig } from '@kubernetes/client-node';
import type { RequestOptions } from 'node:https';
import { findKubeconfigs, inClusterName } from './kubeconfig-files.ts';

export interface AccessOptions {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly as?: string;
  readonly timeoutMs: number;
}

export interface KubeAccess {
  /** Without a slash at its end; may hold a path (Rancher's proxies do). */
  readonly server: string;
  readonly contextName: string;
  readonly proxyUrl?: string;
  readonly tls: TlsOptions;
  readonly headers: Readonly<Record<string, string>>;
}

export interface TlsOptions {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly passphrase?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

export type AccessResult =
  | { readonly ok: true; readonly access: KubeAccess }
  | { readonly ok: false; readonly isAbsent: boolean; readonly why: string };

/** Asks credential plugins anew each time, so calling it again after a refusal gets fresh credentials. */
export async function loadKubeAccess(options: AccessOptions): Promise<AccessResult> {
  const found = findKubeconfigs(options.kubeconfig);
  if (!found.ok) return { ok: false, isAbsent: found.isAbsent, why: found.why };
  let config: KubeConfig;
  try {
    config = readConfigs(found.files);
  } catch (error) {
    return { ok: false, isAbsent: false, why: `The kubeconfig cannot be used: ${firstLine(error)}.` };
  }
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const name = config.getCurrentContext();
  const cluster = name ? config.getCurrentCluster() : null;
  if (cluster === null) {
    const known = config.getContexts().map((context) => context.name);
    const why = name ? `has no context "${name}" with a cluster` : 'names no current context';
    const choice = known.length === 0 ? '' : ` (it has ${known.slice(0, 5).join(', ')})`;
    return { ok: false, isAbsent: false, why: `The kubeconfig ${found.label} ${why}${choice}.` };
  }
  try {
    const request = await prepareRequest(config, options);
    const access: KubeAccess = { server: cluster.server, contextName: name, ...request };
    return { ok: true, access: cluster.proxyUrl ? { ...access, proxyUrl: cluster.proxyUrl } : access };
  } catch (error) {
    const why = `The credentials of context "${name}" cannot be had: ${firstLine(error)}.`;
    return { ok: false, isAbsent: false, why };
  }
}

/** As kubectl merges several files: the first to name a thing wins. (client-node's own merge throws on a second.) */
function readConfigs(files: readonly string[]): KubeConfig {
  const merged = new KubeConfig();
  merged.loadFromOptions({ clusters: [], users: [], contexts: [], currentContext: '' });
  for (const file of files) {
    const config = new KubeConfig();
    if (file === inClusterName) config.loadFromCluster();
    else config.loadFromFile(file);
    // YAML has both null and nothing for a missing list, and client-node's types have neither.
    for (const cluster of config.clusters)
      if (merged.getCluster(cluster.name) === null) merged.addCluster(cluster);
    for (const user of config.users) if (merged.getUser(user.name) === null) merged.addUser(user);
    for (const context of config.contexts) {
      if (merged.getContextObject(context.name) === null) merged.addContext(context);
    }
    if (!merged.getCurrentContext()) merged.setCurrentContext(config.getCurrentContext());
  }
  return merged;
}

async function prepareRequest(
  config: KubeConfig,
  options: AccessOptions,
): Promise<Pick<KubeAccess, 'tls' | 'headers'>> {
  allowPlainHttp(config);
  boundPlugins(config, options.timeoutMs);
  const request: RequestOptions = {};
  await config.applyToHTTPSOptions(request);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers ?? {})) {
    if (typeof value === 'string') headers[name] = value.trim();
  }
  if (typeof request.auth === 'string') {
    headers['Authorization'] = `Basic ${Buffer.from(request.auth).toString('base64')}`;
  }
  if (options.as !== undefined) headers['Impersonate-User'] = options.as;
  return { headers, tls: tlsOf(request, config) };
}

function tlsOf(request: RequestOptions, config: KubeConfig): TlsOptions {
  const cluster = config.getCurrentCluster();
  const pick = (value: unknown): string | Buffer | undefined =>
    typeof value === 'string' || Buffer.isBuffer(value) ? value : undefined;
  // client-node 1.4.0 leaves the CA out for a context without a user.
  const ca = pick(request.ca) ?? (cluster?.caData ? Buffer.from(cluster.caData, 'base64') : undefined);
  const cert = pick(request.cert);
  const key = pick(request.key);
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(request.passphrase === undefined ? {} : { passphrase: request.passphrase }),
    ...(cluster?.tlsServerName ? { servername: cluster.tlsServerName } : {}),
    ...(cluster?.skipTLSVerify === true ? { rejectUnauthorized: false } : {}),
  };
}

/** client-node 1.4.0 refuses `http://` servers unless TLS is not verified; `kubectl proxy` is one. */
function allowPlainHttp(config: KubeConfig): void {
  config.clusters = config.clusters.map((cluster) =>
    cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
}

/** A credential plugin that waits for a person (a browser login) would hang for ever; client-node sets it no limit. */
function boundPlugins(config: KubeConfig, timeoutMs: number): void {
  const authenticators: unknown = Reflect.get(config, 'authenticators');
  if (!Array.isArray(authenticators)) return;
  for (const authenticator of authenticators as unknown[]) {
    if (typeof authenticator !== 'object' || authenticator === null) continue;
    const run: unknown = Reflect.get(authenticator, 'execFn');
    if (typeof run !== 'function') continue;
    const bounded = (command: string, args: unknown, spawnOptions: object): unknown =>
      Reflect.apply(run, undefined, [command, args ?? [], { ...spawnOptions, timeout: timeoutMs }]);
    Reflect.set(authenticator, 'execFn', bounded);
  }
}

function firstLine(error: unknown): string {
  if (error instanceof Error && 'syscall' in error && 'code' in error && error.code === 'ENOENT') {
    const isPlugin = String(error.syscall).startsWith('spawn');
    const what = 'path' in error ? String(error.path) : 'a file';
    return isPlugin ? `the program ${what} is not installed` : `there is no file ${what}`;
  }
  const text = error instanceof Error ? error.message : String(error);
  const line =
    text.split('\n').find((part) => part.trim() !== '') ?? 'the credential plugin ended without a word';
  return line.trim().replace(/\.$/, '').slice(0, 300);
}
