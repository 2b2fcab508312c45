// The connection pool to one API server: straight, or through an HTTP proxy where the kubeconfig or the environment names one.
// In: the access and a timeout. Out: an undici dispatcher, or one sentence. One agent for all requests: a new one each time
// would mean a TLS handshake each time.
import { Agent, ProxyAgent } from 'undici';
import type { Dispatcher } from 'undici';
import { parseAddress } from '../../core/net/address.ts';
import { parsePrefix, prefixContains } from '../../core/net/prefix.ts';
import type { KubeAccess } from './kubernetes-access.ts';

export type DispatcherResult =
  { readonly ok: true; readonly dispatcher: Dispatcher } | { readonly ok: false; readonly why: string };

export function openDispatcher(access: KubeAccess, timeoutMs: number): DispatcherResult {
  const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
  const tls = { ...access.tls, timeout: timeoutMs };
  const proxy = access.proxyUrl ?? proxyFromEnvironment(new URL(access.server), process.env);
  if (proxy === undefined) return { ok: true, dispatcher: new Agent({ ...limits, connect: tls }) };
  if (!/^https?:\/\//i.test(proxy)) {
    return {
      ok: false,
      why: `The proxy ${withoutPassword(proxy)} is not an HTTP proxy; waylaid can use those only.`,
    };
  }
  return { ok: true, dispatcher: new ProxyAgent({ ...limits, uri: proxy, requestTls: tls }) };
}

/** As kubectl decides (Go's http.ProxyFromEnvironment): loopback never goes through a proxy, NO_PROXY may hold prefixes. */
export function proxyFromEnvironment(
  server: URL,
  environment: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const kind = server.protocol === 'https:' ? 'https_proxy' : 'http_proxy';
  const proxy = environment[kind.toUpperCase()] ?? environment[kind];
  if (proxy === undefined || proxy === '') return undefined;
  const host = server.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  if (host === 'localhost' || host.startsWith('127.') || host === '::1') return undefined;
  const exceptions = (environment['NO_PROXY'] ?? environment['no_proxy'] ?? '').split(/[\s,]+/);
  if (exceptions.some((exception) => isException(exception.toLowerCase(), host, server.port)))
    return undefined;
  return proxy.includes('://') ? proxy : `http://${proxy}`;
}

function isException(exception: string, host: string, port: string): boolean {
  if (exception === '') return false;
  if (exception === '*') return true;
  const address = parseAddress(host);
  const prefix = parsePrefix(exception);
  if (address !== undefined && prefix !== undefined) return prefixContains(prefix, address);
  const [, name = exception, onlyPort] = /^(.+?)(?::(\d+))?$/.exec(exception) ?? [];
  if (onlyPort !== undefined && onlyPort !== port) return false;
  const bare = name.replace(/^\*?\./, '');
  return host.endsWith(`.${bare}`) || (host === bare && !name.startsWith('.'));
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}
