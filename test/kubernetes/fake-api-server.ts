// A kube-apiserver on loopback for the collector's tests: discovery, lists in pages, single objects, logs, and on request every
// kind of trouble. Its certificate is made by openssl for each test run.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createPlainServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface KubeRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

/** Answers a request itself, or leaves it to the server by returning false. */
export type Trouble = (request: KubeRequest, response: ServerResponse) => boolean;

export interface FakeObject {
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [key: string]: unknown };
  readonly [key: string]: unknown;
}

export interface FakeCluster {
  /** By `apis/<group>/<version>` or `api/v1`, then by plural: the kind and the objects. */
  readonly groups: Readonly<
    Record<
      string,
      Readonly<Record<string, { readonly kind: string; readonly objects: readonly FakeObject[] }>>
    >
  >;
  /** By `<namespace>/<pod>/<container>`, with `/previous` behind it for the run before. */
  readonly logs?: Readonly<Record<string, string>>;
  readonly trouble?: Trouble;
}

export interface FakeServer {
  readonly url: string;
  readonly requests: KubeRequest[];
  readonly close: () => Promise<void>;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

export function makeCertificate(): Certificate {
  const folder = mkdtempSync(join(tmpdir(), 'waylaid-certificate-'));
  try {
    const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
    const subject = ['-subj', '/CN=fake', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', ['req', '-x509', ...curve, ...subject, '-keyout', keyFile, '-out', certFile], {
      stdio: 'ignore',
    });
    return { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Without a certificate it speaks plain HTTP, as `kubectl proxy` does. */
export async function startFakeServer(cluster: FakeCluster, certificate?: Certificate): Promise<FakeServer> {
  const requests: KubeRequest[] = [];
  const sockets = new Set<Socket>();
  const answer = (message: IncomingMessage, response: ServerResponse): void => {
    const url = new URL(message.url ?? '/', 'http://fake');
    const request = { path: url.pathname, query: url.searchParams, headers: message.headers };
    requests.push(request);
    if (cluster.trouble?.(request, response) !== true) serve(cluster, request, response);
  };
  const server = certificate === undefined ? createPlainServer(answer) : createServer(certificate, answer);
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, requests, close };
}

export function sendStatus(
  response: ServerResponse,
  code: number,
  message: string,
  headers: Record<string, string> = {},
): true {
  response.writeHead(code, { 'content-type': 'application/json', ...headers });
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, code }));
  return true;
}

function sendJson(response: ServerResponse, body: unknown): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

function serve(cluster: FakeCluster, { path, query }: KubeRequest, response: ServerResponse): void {
  if (path === '/version') {
    sendJson(response, { major: '1', minor: '36', gitVersion: 'v1.36.3+k3s1' });
    return;
  }
  if (path === '/apis') {
    sendJson(response, listGroups(cluster));
    return;
  }
  const log = /^\/api\/v1\/namespaces\/([^/]+)\/pods\/([^/]+)\/log$/.exec(path);
  if (log !== null) {
    serveLog(cluster, `${log[1] ?? ''}/${log[2] ?? ''}/${query.get('container') ?? ''}`, query, response);
    return;
  }
  for (const [groupVersion, kinds] of Object.entries(cluster.groups)) {
    if (path === `/${groupVersion}`) {
      sendJson(response, listKinds(kinds));
      return;
    }
    for (const [plural, { kind, objects }] of Object.entries(kinds)) {
      if (path === `/${groupVersion}/${plural}`) {
        servePage(kind, objects, query, response);
        return;
      }
      const one = /\/namespaces\/([^/]+)\/([^/]+)\/([^/]+)$/.exec(path);
      if (one?.[2] !== plural) continue;
      const found = objects.find(({ metadata }) => metadata.namespace === one[1] && metadata.name === one[3]);
      if (found !== undefined) {
        sendJson(response, { kind, apiVersion: 'v1', ...found });
        return;
      }
    }
  }
  sendStatus(response, 404, `the server could not find the requested resource ${path}`);
}

function listGroups(cluster: FakeCluster): unknown {
  const names = Object.keys(cluster.groups).filter((name) => name.startsWith('apis/'));
  const groups = [...new Set(names.map((name) => name.split('/')[1] ?? ''))].map((name) => {
    const versions = names
      .filter((full) => full.split('/')[1] === name)
      .map((full) => ({ version: full.split('/')[2] }));
    return { name, versions, preferredVersion: versions[0] };
  });
  return { kind: 'APIGroupList', groups };
}

function listKinds(kinds: FakeCluster['groups'][string]): unknown {
  const resources = Object.entries(kinds).flatMap(([name, { kind }]) => [
    { name, kind, namespaced: true, verbs: ['get', 'list', 'watch'] },
    { name: `${name}/status`, kind, namespaced: true, verbs: ['get'] },
  ]);
  return { kind: 'APIResourceList', resources };
}

/** As the API server does: objects without kind, a continue token while there is more. */
function servePage(
  kind: string,
  objects: readonly FakeObject[],
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const limit = Number(query.get('limit') ?? 0) || objects.length;
  const start = Number(query.get('continue') ?? 0);
  const items = objects.slice(start, start + limit);
  const metadata = start + limit < objects.length ? { continue: String(start + limit) } : {};
  sendJson(response, {
    kind: `${kind}List`,
    apiVersion: 'v1',
    metadata,
    items: objects.length === 0 ? null : items,
  });
}

function serveLog(
  cluster: FakeCluster,
  name: string,
  query: URLSearchParams,
  response: ServerResponse,
): void {
  const text = cluster.logs?.[query.get('previous') === 'true' ? `${name}/previous` : name];
  if (text === undefined) {
    sendStatus(response, 400, `container in ${name} is waiting to start`);
    return;
  }
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.end(text);
}

export interface KubeconfigParts {
  readonly server: string;
  readonly ca?: string;
  readonly user?: Readonly<Record<string, unknown>>;
  readonly cluster?: Readonly<Record<string, unknown>>;
}

/** Writes a kubeconfig (JSON is YAML too) and gives its path. */
export function writeKubeconfig(path: string, { server, ca, user, cluster }: KubeconfigParts): string {
  const authority =
    ca === undefined ? {} : { 'certificate-authority-data': Buffer.from(ca).toString('base64') };
  writeFileSync(
    path,
    JSON.stringify({
      'current-context': 'homelab',
      clusters: [{ name: 'c', cluster: { server, ...authority, ...cluster } }],
      users: [{ name: 'u', user: user ?? { token: 'token-1' } }],
      contexts: [{ name: 'homelab', context: { cluster: 'c', user: 'u' } }],
    }),
  );
  return path;
}
