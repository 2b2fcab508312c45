// The Kubernetes collector against a fake API server on loopback: what it asks for, and what every kind of trouble costs.
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ManifestItem } from '../../src/core/snapshot/manifest.ts';
import { collectCluster } from '../../src/io/collect/kubernetes.ts';
import type { ClusterOptions, CollectedCluster } from '../../src/io/collect/kubernetes.ts';
import { makeCertificate, sendStatus, startFakeServer, writeKubeconfig } from './fake-api-server.ts';
import type { Certificate, FakeCluster, FakeServer, KubeconfigParts, Trouble } from './fake-api-server.ts';
import { crashingPod, pod, smallCluster } from './fake-cluster.ts';

let home = '';
let certificate: Certificate;
const servers: FakeServer[] = [];

beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'waylaid-kubernetes-'));
  certificate = makeCertificate();
});
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

async function start(cluster: FakeCluster): Promise<FakeServer> {
  const server = await startFakeServer(cluster, certificate);
  servers.push(server);
  return server;
}

let counter = 0;
function kubeconfig(parts: KubeconfigParts): string {
  counter++;
  return writeKubeconfig(join(home, `config-${counter}`), parts);
}

async function collect(
  cluster: FakeCluster,
  options: Partial<ClusterOptions> = {},
  parts: Partial<KubeconfigParts> = {},
): Promise<CollectedCluster & { server: FakeServer }> {
  const server = await start(cluster);
  const config = kubeconfig({ server: server.url, ca: certificate.cert, ...parts });
  return { ...(await collectCluster({ kubeconfig: config, timeoutMs: 5000, ...options })), server };
}

interface Listed {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Readonly<Record<string, unknown>>;
}

function listIn(result: CollectedCluster, name: string): Listed[] {
  const bytes = result.files.get(`cluster/resources/${name}.json`);
  const list = JSON.parse(Buffer.from(bytes ?? '{"items":[]}').toString()) as {
    kind: string;
    items: Listed[];
  };
  expect(bytes === undefined || list.kind === 'List').toBe(true);
  return list.items;
}

function namesIn(result: CollectedCluster, name: string): unknown[] {
  return listIn(result, name).map((object) => object.metadata['name']);
}

function itemOf(result: CollectedCluster, path: string): ManifestItem | undefined {
  return result.items.find((item) => item.path === path);
}

function onList(plural: string, trouble: Trouble): Trouble {
  return (request, response) => request.path.endsWith(`/${plural}`) && trouble(request, response);
}

describe('a cluster', () => {
  test('is collected as lists, Secrets that configure pods, and logs', async () => {
    const result = await collect(smallCluster());
    expect([...result.files.keys()]).toEqual([
      'cluster/logs/kube-system/dns-1/main.log',
      'cluster/logs/swimto/api/main.log',
      'cluster/logs/swimto/api/main.previous.log',
      'cluster/resources/configmaps.json',
      'cluster/resources/daemonsets.apps.json',
      'cluster/resources/deployments.apps.json',
      'cluster/resources/endpoints.json',
      'cluster/resources/events.json',
      'cluster/resources/gateways.gateway.networking.k8s.io.json',
      'cluster/resources/middlewares.traefik.io.json',
      'cluster/resources/namespaces.json',
      'cluster/resources/nodes.json',
      'cluster/resources/novelties.traefik.io.json',
      'cluster/resources/pods.json',
      'cluster/resources/replicasets.apps.json',
      'cluster/resources/secrets.json',
      'cluster/resources/services.json',
      'cluster/resources/statefulsets.apps.json',
      'cluster/resources/tcproutes.gateway.networking.k8s.io.json',
      'cluster/version.json',
    ]);
    expect(result.name).toBe('homelab');
    expect(listIn(result, 'pods')[0]).toMatchObject({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', labels: {} },
    });
    expect(listIn(result, 'pods')[0]?.metadata).not.toHaveProperty('managedFields');
    expect(listIn(result, 'tcproutes.gateway.networking.k8s.io')[0]?.apiVersion).toBe(
      'gateway.networking.k8s.io/v1beta1',
    );
    expect(listIn(result, 'namespaces')).toEqual([]);
    expect(namesIn(result, 'secrets')).toEqual(['api-env', 'mounted', 'projected']);
    expect(Buffer.from(result.files.get('cluster/logs/swimto/api/main.previous.log') ?? '').toString()).toBe(
      'could not connect\n',
    );
    expect(result.server.requests.some((request) => request.path.includes('unrelated'))).toBe(false);
    expect(result.server.requests.some((request) => request.path.endsWith('/secrets'))).toBe(false);
  });

  test('has an item for every file, and for every kind and Secret that is not there', async () => {
    const result = await collect(smallCluster());
    for (const path of result.files.keys()) expect(itemOf(result, path), path).not.toHaveProperty('problem');
    expect(itemOf(result, 'cluster/resources/pods.json')).toMatchObject({
      exit: 0,
      argv: ['kubectl', 'get', 'pods', '-A', '-o', 'json'],
    });
    expect(itemOf(result, 'cluster/resources/ingresses.networking.k8s.io.json')?.problem).toBe('absent');
    expect(itemOf(result, 'cluster/resources/ingressroutes.traefik.io.json')?.problem).toBe('absent');
    expect(itemOf(result, 'cluster/resources/secrets/swimto/gone.json')?.problem).toBe('absent');
    expect(itemOf(result, 'cluster/resources/secrets.json')?.detail).toContain('3 of 4');
    expect(result.items.map((item) => item.path)).toEqual(result.items.map((item) => item.path).toSorted());
  });

  test('gives the same bytes twice', async () => {
    const [first, second] = [await collect(smallCluster()), await collect(smallCluster())];
    expect([...second.files]).toEqual([...first.files]);
  });
});

describe('long lists', () => {
  const many = (count: number, bytes = 10): FakeCluster => {
    const cluster = smallCluster();
    const objects = Array.from({ length: count }, (_, index) => ({
      metadata: { namespace: 'a', name: `c${index}`, note: 'x'.repeat(bytes) },
    }));
    return {
      ...cluster,
      groups: {
        ...cluster.groups,
        'api/v1': { ...cluster.groups['api/v1'], configmaps: { kind: 'ConfigMap', objects } },
      },
    };
  };

  test('come in pages, one object a line', async () => {
    const result = await collect(many(1234));
    expect(namesIn(result, 'configmaps')).toEqual(Array.from({ length: 1234 }, (_, index) => `c${index}`));
    const pages = result.server.requests.filter((request) => request.path === '/api/v1/configmaps');
    expect(pages.map((page) => page.query.get('continue'))).toEqual([null, '500', '1000']);
    expect(
      Buffer.from(result.files.get('cluster/resources/configmaps.json') ?? '')
        .toString()
        .split('\n'),
    ).toHaveLength(1234 + 3);
  });

  test('that expire on the way are read again from the beginning', async () => {
    let expirations = 0;
    const trouble = onList('configmaps', (request, response) => {
      if (request.query.get('continue') !== '1000' || expirations > 0) return false;
      expirations++;
      return sendStatus(response, 410, 'The provided continue parameter is too old');
    });
    const result = await collect({ ...many(1234), trouble });
    expect(namesIn(result, 'configmaps')).toEqual(Array.from({ length: 1234 }, (_, index) => `c${index}`));
    expect(expirations).toBe(1);
  });

  test('that always expire are read in one piece', async () => {
    const trouble = onList(
      'configmaps',
      (request, response) => request.query.has('continue') && sendStatus(response, 410, 'too old'),
    );
    const result = await collect({ ...many(1234), trouble });
    expect(namesIn(result, 'configmaps')).toHaveLength(1234);
    expect(
      result.server.requests
        .filter((request) => request.path === '/api/v1/configmaps')
        .at(-1)
        ?.query.has('limit'),
    ).toBe(false);
  });

  test('of large objects come in smaller pages', async () => {
    const result = await collect(many(23, 3_000_000), { timeoutMs: 30_000 });
    expect(namesIn(result, 'configmaps')).toHaveLength(23);
    const limits = result.server.requests
      .filter((request) => request.path === '/api/v1/configmaps')
      .map((page) => page.query.get('limit'));
    expect(limits.slice(0, 3)).toEqual(['500', '100', '20']);
  });

  test('whose pages never end are left', async () => {
    const trouble = onList('configmaps', (_request, response) => {
      response.end(JSON.stringify({ kind: 'ConfigMapList', metadata: { continue: 'x' }, items: [] }));
      return true;
    });
    const result = await collect({ ...many(1), trouble }, { timeoutMs: 60_000 });
    expect(itemOf(result, 'cluster/resources/configmaps.json')?.problem).toBe('truncated');
  }, 60_000);
});

describe('trouble with one kind', () => {
  test.each<[string, Trouble, string, string]>([
    [
      '403',
      (_q, response) => sendStatus(response, 403, 'services is forbidden: User "u" cannot list'),
      'forbidden',
      'User "u" cannot list',
    ],
    ['404', (_q, response) => sendStatus(response, 404, 'page not found'), 'absent', 'page not found'],
    ['500', (_q, response) => sendStatus(response, 500, 'etcd is slow'), 'failed', 'etcd is slow'],
    [
      'a page in HTML',
      (_q, response) => {
        response.end('<html>');
        return true;
      },
      'failed',
      'did not answer with a list',
    ],
    [
      'an object that is no list',
      (_q, response) => {
        response.end('{"kind":"X"}');
        return true;
      },
      'failed',
      'did not answer with a list',
    ],
    [
      'a connection that breaks',
      (_q, response) => {
        response.socket?.destroy();
        return true;
      },
      'unreachable',
      'it closed the connection',
    ],
    [
      'a body that breaks off',
      (_q, response) => {
        response.writeHead(200, { 'content-length': '99' });
        response.write('{"it');
        setTimeout(() => response.socket?.destroy(), 20);
        return true;
      },
      'unreachable',
      'it closed the connection',
    ],
    ['no answer', () => true, 'timed-out', 'did not answer within 0.5 s'],
    [
      'half an answer',
      (_q, response) => {
        response.writeHead(200);
        response.write('{"items":[');
        return true;
      },
      'timed-out',
      'did not answer within',
    ],
  ])('%s costs that kind only', async (_name, trouble, problem, words) => {
    const result = await collect(smallCluster(onList('services', trouble)), { timeoutMs: 500 });
    expect(itemOf(result, 'cluster/resources/services.json')).toMatchObject({ problem });
    expect(itemOf(result, 'cluster/resources/services.json')?.detail).toContain(words);
    expect(result.files.has('cluster/resources/services.json')).toBe(false);
    expect(namesIn(result, 'nodes')).toEqual(['n1', 'n2']);
    expect(namesIn(result, 'secrets')).toHaveLength(3);
  });

  test('429 is asked again after the pause that the server wants', async () => {
    let refusals = 0;
    const trouble = onList('services', (_request, response) => {
      if (refusals === 3) return false;
      refusals++;
      return sendStatus(response, 429, 'too many requests', refusals === 3 ? {} : { 'retry-after': '0' });
    });
    const result = await collect(smallCluster(trouble));
    expect(namesIn(result, 'services')).toEqual(['web']);
    expect(refusals).toBe(3);
  });

  test('429 without end is told', async () => {
    const trouble = onList('services', (_request, response) =>
      sendStatus(response, 429, 'too many', { 'retry-after': '0' }),
    );
    const result = await collect(smallCluster(trouble));
    expect(itemOf(result, 'cluster/resources/services.json')).toMatchObject({
      problem: 'failed',
      detail: 'too many',
    });
    expect(result.server.requests.filter((request) => request.path === '/api/v1/services')).toHaveLength(5);
  });

  test('a role that may not list pods gets no Secrets and no logs, and is told why', async () => {
    const result = await collect(
      smallCluster(onList('pods', (_q, response) => sendStatus(response, 403, 'pods is forbidden'))),
    );
    expect(itemOf(result, 'cluster/resources/secrets.json')).toMatchObject({ problem: 'forbidden' });
    expect(itemOf(result, 'cluster/resources/secrets.json')?.detail).toContain('pods is forbidden');
    expect([...result.files.keys()].some((path) => path.startsWith('cluster/logs/'))).toBe(false);
  });

  test('Secrets that may not be read are named one by one', async () => {
    const none = await collect(
      smallCluster(
        (request, response) => request.path.includes('/secrets/') && sendStatus(response, 403, 'no'),
      ),
    );
    expect(itemOf(none, 'cluster/resources/secrets.json')).toMatchObject({ problem: 'forbidden' });
    const one = await collect(
      smallCluster(
        (request, response) => request.path.endsWith('/secrets/mounted') && sendStatus(response, 403, 'no'),
      ),
    );
    expect(namesIn(one, 'secrets')).toEqual(['api-env', 'projected']);
    expect(itemOf(one, 'cluster/resources/secrets/swimto/mounted.json')).toMatchObject({
      problem: 'forbidden',
      detail: 'no',
    });
  });

  test('without discovery the usual versions are asked', async () => {
    const result = await collect(
      smallCluster(
        (request, response) =>
          (request.path === '/apis' || request.path === '/api/v1') && sendStatus(response, 403, 'no'),
      ),
    );
    expect(namesIn(result, 'deployments.apps')).toEqual(['web']);
    expect(listIn(result, 'deployments.apps')[0]).toMatchObject({
      kind: 'Deployment',
      apiVersion: 'apps/v1',
    });
    expect(namesIn(result, 'pods')).toHaveLength(3);
    expect(itemOf(result, 'cluster/resources/connectors.tailscale.com.json')?.problem).toBe('absent');
  });

  const faults: Readonly<Record<string, Trouble>> = {
    none: () => false,
    forbidden: (_q, response) => sendStatus(response, 403, 'no'),
    absent: (_q, response) => sendStatus(response, 404, 'no'),
    broken: (_q, response) => {
      response.end('{"items":[1,null,{"metadata":5},{}]}');
      return true;
    },
    reset: (_q, response) => {
      response.socket?.destroy();
      return true;
    },
    wrong: (_q, response) => {
      response.end('[]');
      return true;
    },
  };

  test('in any places at once never fails, and nothing that was wanted is left without a word', async () => {
    const places = [
      '/apis',
      '/api/v1',
      '/api/v1/pods',
      '/api/v1/nodes',
      '/apis/apps/v1',
      '/api/v1/namespaces/swimto/secrets/mounted',
      '/api/v1/namespaces/swimto/pods/api/log',
      '/apis/traefik.io/v1alpha1/middlewares',
    ];
    const assignment = fc.record(
      Object.fromEntries(places.map((place) => [place, fc.constantFrom(...Object.keys(faults))])),
    );
    await fc.assert(
      fc.asyncProperty(assignment, async (chosen) => {
        const trouble: Trouble = (request, response) =>
          faults[chosen[request.path] ?? 'none']?.(request, response) ?? false;
        const result = await collect(smallCluster(trouble));
        for (const name of ['pods', 'nodes', 'secrets', 'deployments.apps', 'middlewares.traefik.io']) {
          const path = `cluster/resources/${name}.json`;
          expect(result.files.has(path) || itemOf(result, path)?.problem !== undefined, path).toBe(true);
        }
        await result.server.close();
      }),
      { numRuns: 25 },
    );
  });
});

describe('logs', () => {
  const withPods = (
    pods: ReturnType<typeof pod>[],
    logs: Record<string, string>,
    trouble?: Trouble,
  ): FakeCluster => {
    const cluster = smallCluster(trouble);
    return {
      ...cluster,
      logs,
      groups: {
        ...cluster.groups,
        'api/v1': { ...cluster.groups['api/v1'], pods: { kind: 'Pod', objects: pods } },
      },
    };
  };

  test('are the newest lines, cut at a line’s beginning', async () => {
    const text = Array.from({ length: 50_000 }, (_, index) => `line ${index} ${'x'.repeat(80)}\n`).join('');
    const result = await collect(
      withPods([crashingPod('a', 'p')], { 'a/p/main': text, 'a/p/main/previous': 'before\n' }),
    );
    const kept = Buffer.from(result.files.get('cluster/logs/a/p/main.log') ?? '').toString();
    expect(kept.length).toBeLessThanOrEqual(2 * 1024 ** 2);
    expect(kept.startsWith('line ')).toBe(true);
    expect(text.endsWith(kept)).toBe(true);
    expect(
      result.server.requests.find((request) => request.path.endsWith('/log'))?.query.get('tailLines'),
    ).toBe('500');
  });

  test('of containers that never started, of pods that are done or well are not asked for', async () => {
    const waiting = pod('a', 'waiting', {
      status: {
        phase: 'Pending',
        containerStatuses: [
          {
            name: 'main',
            restartCount: 0,
            state: { waiting: { reason: 'ImagePullBackOff' } },
            lastState: {},
          },
        ],
      },
    });
    const done = pod('a', 'done', {
      status: { phase: 'Succeeded', conditions: [{ type: 'Ready', status: 'False' }] },
    });
    const old = pod('a', 'old', {
      status: {
        phase: 'Running',
        conditions: [{ type: 'Ready', status: 'True' }],
        containerStatuses: [
          {
            name: 'main',
            restartCount: 3,
            state: { running: { startedAt: 'x' } },
            lastState: { terminated: { exitCode: 1, finishedAt: '2020-01-01T00:00:00Z' } },
          },
        ],
      },
    });
    const result = await collect(withPods([waiting, done, old, pod('a', 'well')], {}));
    expect(result.server.requests.filter((request) => request.path.endsWith('/log'))).toEqual([]);
  });

  test('that are not there are absent, in the server’s words', async () => {
    const result = await collect(withPods([crashingPod('a', 'p')], { 'a/p/main': 'x\n' }));
    expect(itemOf(result, 'cluster/logs/a/p/main.previous.log')).toMatchObject({ problem: 'absent' });
  });

  test('of a node that does not answer are given up after two, those of others are not', async () => {
    const pods = [
      ...Array.from({ length: 12 }, (_, index) => crashingPod('a', `p${index}`, 'dead')),
      crashingPod('b', 'q', 'alive'),
    ];
    const trouble: Trouble = (request, response) =>
      request.path.includes('/namespaces/a/pods') &&
      sendStatus(response, 500, 'dial tcp 192.0.2.7:10250: i/o timeout');
    const result = await collect(withPods(pods, { 'b/q/main': 'alive\n' }, trouble));
    expect(result.files.has('cluster/logs/b/q/main.log')).toBe(true);
    expect(itemOf(result, 'cluster/logs/a/p0/main.log')?.detail).toContain('i/o timeout');
    expect(itemOf(result, 'cluster/logs/a/p9/main.log')?.detail).toContain('was not asked again');
    expect(
      result.server.requests.filter((request) => request.path.includes('/namespaces/a/pods/')).length,
    ).toBeLessThan(8);
  });

  test('of more pods than are worth the time are left out, and that is told', async () => {
    const pods = Array.from({ length: 70 }, (_, index) => crashingPod('a', `p${index}`, `n${index}`));
    const result = await collect(withPods(pods, {}));
    expect(itemOf(result, 'cluster/logs/')).toMatchObject({
      problem: 'truncated',
      detail: 'the logs of 10 more pods were not asked for',
    });
  });
});

describe('no cluster', () => {
  const expectOneItem = (result: CollectedCluster, problem: string, words: string): void => {
    expect(result.files.size).toBe(0);
    expect(result.items).toMatchObject([{ path: 'cluster/', problem }]);
    expect(result.items[0]?.detail).toContain(words);
    expect(result.items[0]?.detail).not.toContain('\n');
  };

  test('a certificate of another authority', async () => {
    const server = await start(smallCluster());
    const config = kubeconfig({ server: server.url, ca: makeCertificate().cert });
    expectOneItem(
      await collectCluster({ kubeconfig: config, timeoutMs: 3000 }),
      'unreachable',
      'certificate is signed by',
    );
  });

  test('a certificate for other names', async () => {
    const server = await start(smallCluster());
    const config = kubeconfig({
      server: server.url,
      ca: certificate.cert,
      cluster: { 'tls-server-name': 'other.example' },
    });
    expectOneItem(
      await collectCluster({ kubeconfig: config, timeoutMs: 3000 }),
      'unreachable',
      'certificate is for other names',
    );
  });

  test('a port that does not speak TLS, one that says nothing, one that is closed', async () => {
    const sockets: Socket[] = [];
    const talker = createServer((socket) => sockets.push(socket.end('SSH-2.0-x\r\n')));
    const silent = createServer((socket) => sockets.push(socket));
    for (const one of [talker, silent]) {
      await new Promise<void>((resolve) => one.listen(0, '127.0.0.1', resolve));
    }
    const urlOf = (one: typeof talker): string => `https://127.0.0.1:${(one.address() as AddressInfo).port}`;
    const [talkerUrl, silentUrl] = [urlOf(talker), urlOf(silent)];
    const ask = (server: string): Promise<CollectedCluster> =>
      collectCluster({ kubeconfig: kubeconfig({ server }), timeoutMs: 400 });
    expectOneItem(await ask(talkerUrl), 'unreachable', 'does not speak TLS');
    expectOneItem(await ask(silentUrl), 'timed-out', 'did not answer within 0.4 s');
    for (const socket of sockets) socket.destroy();
    for (const one of [talker, silent]) await new Promise((resolve) => one.close(resolve));
    expectOneItem(await ask(talkerUrl), 'unreachable', 'the connection is refused');
  });

  test('a server that is none of Kubernetes', async () => {
    const page: Trouble = (_request, response) => {
      response.end('<html>welcome</html>');
      return true;
    };
    expectOneItem(await collect(smallCluster(page)), 'failed', 'not as a Kubernetes API server');
    expectOneItem(
      await collect(smallCluster((_q, response) => sendStatus(response, 404, 'default backend - 404'))),
      'absent',
      'default backend',
    );
  });

  test('a server that stops answering is not asked forty times', async () => {
    const result = await collect(
      smallCluster((request) => request.path !== '/version'),
      { timeoutMs: 200 },
    );
    expect(result.server.requests.length).toBeLessThan(15);
    expect(itemOf(result, 'cluster/resources/nodes.json')).toMatchObject({ problem: 'timed-out' });
    expect(itemOf(result, 'cluster/resources/secrets.json')).toMatchObject({ problem: 'timed-out' });
  });

  test('kubeconfigs that cannot be used', async () => {
    const file = (text: string): string => {
      const path = join(home, `odd-${++counter}`);
      writeFileSync(path, text);
      return path;
    };
    const ask = (path: string, context?: string): Promise<CollectedCluster> =>
      collectCluster({ kubeconfig: path, ...(context === undefined ? {} : { context }), timeoutMs: 1000 });
    expectOneItem(await ask('/no/such/file'), 'failed', 'There is no kubeconfig /no/such/file');
    expectOneItem(await ask(file('')), 'failed', 'The kubeconfig cannot be used');
    expectOneItem(await ask(file('a: [b')), 'failed', 'The kubeconfig cannot be used');
    expectOneItem(
      await ask(file('{"clusters":[],"contexts":[],"users":[]}')),
      'failed',
      'names no current context',
    );
    expectOneItem(
      await ask(kubeconfig({ server: 'https://127.0.0.1:1' }), 'other'),
      'failed',
      'has no context "other" with a cluster (it has homelab)',
    );
    expectOneItem(
      await ask(
        kubeconfig({ server: 'https://127.0.0.1:1', cluster: { 'proxy-url': 'socks5://u:p@127.0.0.1:1' } }),
      ),
      'failed',
      'The proxy socks5://127.0.0.1:1 is not an HTTP proxy',
    );
    expectOneItem(
      await ask(
        kubeconfig({
          server: 'https://127.0.0.1:1',
          user: { 'client-key': '/no/key', 'client-certificate': '/no/cert' },
        }),
      ),
      'failed',
      'there is no file /no/',
    );
    expectOneItem(
      await ask(
        kubeconfig({
          server: 'https://127.0.0.1:1',
          user: {
            exec: { command: 'no-such-plugin', args: [], apiVersion: 'client.authentication.k8s.io/v1' },
          },
        }),
      ),
      'failed',
      'the program no-such-plugin is not installed',
    );
  });

  test('giving up is the one thing that throws', async () => {
    const server = await start(smallCluster((request) => request.path === '/api/v1/nodes'));
    const config = kubeconfig({ server: server.url, ca: certificate.cert });
    const giveUp = new AbortController();
    const collecting = collectCluster({ kubeconfig: config, signal: giveUp.signal });
    setTimeout(() => giveUp.abort(), 300);
    await expect(collecting).rejects.toThrow('abort');
  });
});

describe('credentials', () => {
  const onlyToken =
    (token: string): Trouble =>
    (request, response) =>
      request.headers.authorization !== `Bearer ${token}` && sendStatus(response, 401, 'Unauthorized');

  /** A credential plugin that gives token-1, then token-2, … */
  function plugin(): Record<string, unknown> {
    const path = join(home, `plugin-${++counter}`);
    const credential =
      '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"expirationTimestamp":"2099-01-01T00:00:00Z","token":"token-%s"}}';
    writeFileSync(
      path,
      `#!/bin/sh\nn=$(cat ${path}.n 2>/dev/null || echo 0)\nn=$((n+1))\necho $n > ${path}.n\nprintf '${credential}' $n\n`,
    );
    chmodSync(path, 0o755);
    return {
      exec: { command: path, apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never' },
    };
  }

  test('that expire on the way are renewed', async () => {
    let good = 'token-1';
    let count = 0;
    const trouble: Trouble = (request, response) => {
      if (++count === 8) good = 'token-2';
      return onlyToken(good)(request, response);
    };
    const result = await collect(smallCluster(trouble), {}, { user: plugin() });
    expect(good).toBe('token-2');
    expect(namesIn(result, 'pods')).toHaveLength(3);
    expect(result.items.filter((item) => item.problem !== undefined && item.problem !== 'absent')).toEqual(
      [],
    );
  });

  test('that are not accepted are one item', async () => {
    const result = await collect(smallCluster(onlyToken('another')));
    expect(result.items).toMatchObject([{ path: 'cluster/', problem: 'forbidden' }]);
    expect(result.items[0]?.detail).toContain('does not accept the credentials (401)');
    expect(result.server.requests).toHaveLength(2);
  });

  test('a plugin that never ends is stopped', async () => {
    const path = join(home, 'hanging-plugin');
    writeFileSync(path, '#!/bin/sh\nexec sleep 60\n');
    chmodSync(path, 0o755);
    const user = { exec: { command: path, apiVersion: 'client.authentication.k8s.io/v1' } };
    const result = await collect(smallCluster(), { timeoutMs: 300 }, { user });
    expect(result.items[0]).toMatchObject({ path: 'cluster/', problem: 'failed' });
  });

  test('of a password, and the user to impersonate, are sent', async () => {
    const result = await collect(
      smallCluster(),
      { as: 'system:serviceaccount:a:b' },
      { user: { username: 'u', password: 'p' } },
    );
    expect(result.server.requests[0]?.headers).toMatchObject({
      authorization: `Basic ${Buffer.from('u:p').toString('base64')}`,
      'impersonate-user': 'system:serviceaccount:a:b',
    });
  });

  test('are not needed by kubectl proxy, and a path in the server’s address is kept', async () => {
    const cluster = smallCluster();
    const plain = await startFakeServer({
      ...cluster,
      groups: Object.fromEntries(Object.entries(cluster.groups)),
    });
    servers.push(plain);
    const result = await collectCluster({
      kubeconfig: kubeconfig({ server: plain.url, user: {} }),
      timeoutMs: 3000,
    });
    expect(namesIn(result, 'nodes')).toEqual(['n1', 'n2']);
    await collectCluster({
      kubeconfig: kubeconfig({ server: `${plain.url}/k8s/clusters/c-1/`, user: {} }),
      timeoutMs: 3000,
    });
    expect(plain.requests.at(-1)?.path).toBe('/k8s/clusters/c-1/version');
  });
});

describe('a proxy', () => {
  test('of the kubeconfig is used', async () => {
    const server = await start(smallCluster());
    const { createServer: createProxy } = await import('node:http');
    const { connect } = await import('node:net');
    const asked: string[] = [];
    const sockets = new Set<{ destroy: () => void }>();
    const proxy = createProxy();
    proxy.on('connect', (request, client) => {
      asked.push(request.url ?? '');
      const upstream = connect(Number(new URL(server.url).port), '127.0.0.1', () => {
        client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        upstream.pipe(client);
        client.pipe(upstream);
      });
      for (const socket of [client, upstream]) {
        sockets.add(socket);
        socket.on('error', () => undefined);
      }
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const config = kubeconfig({
      server: server.url,
      ca: certificate.cert,
      cluster: { 'proxy-url': proxyUrl },
    });
    const result = await collectCluster({ kubeconfig: config, timeoutMs: 3000 });
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => proxy.close(resolve));
    expect(namesIn(result, 'nodes')).toEqual(['n1', 'n2']);
    expect(asked[0]).toBe(new URL(server.url).host);
  });
});
