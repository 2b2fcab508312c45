// A small cluster for the collector's tests: a healthy pod, one that crashes, DNS, a Secret that configures a pod and one that
// does not, one group of custom resources.
import type { FakeCluster, FakeObject, Trouble } from './fake-api-server.ts';

const restartedAt = new Date().toISOString();

export function pod(namespace: string, name: string, extra: Record<string, unknown> = {}): FakeObject {
  const ready = { conditions: [{ type: 'Ready', status: 'True' }], phase: 'Running' };
  const running = {
    name: 'main',
    restartCount: 0,
    state: { running: { startedAt: restartedAt } },
    lastState: {},
  };
  return {
    metadata: { namespace, name, managedFields: [{ manager: 'kubelet' }], labels: { app: name } },
    spec: { nodeName: 'n1', containers: [{ name: 'main', image: `ghcr.example/${name}:1` }] },
    status: { ...ready, containerStatuses: [running] },
    ...extra,
  };
}

export function crashingPod(namespace: string, name: string, nodeName = 'n1'): FakeObject {
  return pod(namespace, name, {
    spec: {
      nodeName,
      containers: [
        {
          name: 'main',
          image: 'ghcr.example/api:1',
          env: [{ name: 'DB', valueFrom: { secretKeyRef: { name: 'api-env', key: 'url' } } }],
          envFrom: [{ secretRef: { name: 'gone' } }],
        },
      ],
      volumes: [
        { name: 'a', secret: { secretName: 'mounted' } },
        {
          name: 'b',
          projected: { sources: [{ secret: { name: 'projected' } }, { serviceAccountToken: {} }] },
        },
      ],
    },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'False' }],
      containerStatuses: [
        {
          name: 'main',
          restartCount: 7,
          state: { waiting: { reason: 'CrashLoopBackOff' } },
          lastState: { terminated: { exitCode: 1, finishedAt: restartedAt } },
        },
      ],
    },
  });
}

function plain(namespace: string, name: string, extra: Record<string, unknown> = {}): FakeObject {
  return { metadata: { namespace, name }, ...extra };
}

export function smallCluster(trouble?: Trouble): FakeCluster {
  const dns = pod('kube-system', 'dns-1', {
    spec: {
      nodeName: 'n2',
      containers: [{ name: 'main', image: 'docker.io/rancher/mirrored-coredns-coredns:1.12@sha256:ab' }],
    },
  });
  const cluster: FakeCluster = {
    groups: {
      'api/v1': {
        nodes: { kind: 'Node', objects: [{ metadata: { name: 'n1' } }, { metadata: { name: 'n2' } }] },
        namespaces: { kind: 'Namespace', objects: [] },
        pods: { kind: 'Pod', objects: [pod('swimto', 'web'), crashingPod('swimto', 'api'), dns] },
        services: { kind: 'Service', objects: [plain('swimto', 'web')] },
        endpoints: { kind: 'Endpoints', objects: [] },
        configmaps: { kind: 'ConfigMap', objects: [plain('swimto', 'c', { data: { a: '1' } })] },
        events: { kind: 'Event', objects: [] },
        serviceaccounts: { kind: 'ServiceAccount', objects: [plain('swimto', 'default')] },
        secrets: {
          kind: 'Secret',
          objects: [
            plain('swimto', 'api-env', { data: { url: 'cG9zdGdyZXM6Ly91OnBAMTAuNDIuMS43L2E=' } }),
            plain('swimto', 'mounted'),
            plain('swimto', 'projected'),
            plain('swimto', 'unrelated', { data: { x: 'eA==' } }),
          ],
        },
      },
      'apis/apps/v1': {
        deployments: { kind: 'Deployment', objects: [plain('swimto', 'web')] },
        statefulsets: { kind: 'StatefulSet', objects: [] },
        daemonsets: { kind: 'DaemonSet', objects: [] },
        replicasets: { kind: 'ReplicaSet', objects: [] },
      },
      'apis/traefik.io/v1alpha1': {
        middlewares: { kind: 'Middleware', objects: [plain('swimto', 'strip')] },
        novelties: { kind: 'Novelty', objects: [plain('swimto', 'new')] },
      },
      'apis/gateway.networking.k8s.io/v1': { gateways: { kind: 'Gateway', objects: [] } },
      'apis/gateway.networking.k8s.io/v1beta1': {
        gateways: { kind: 'Gateway', objects: [] },
        tcproutes: { kind: 'TCPRoute', objects: [plain('swimto', 't')] },
      },
      'apis/metrics.example/v1': { secrets: { kind: 'Trap', objects: [] } },
    },
    logs: {
      'swimto/api/main/previous': 'could not connect\n',
      'swimto/api/main': 'starting\n',
      'kube-system/dns-1/main': 'plugin/errors\n',
    },
  };
  return trouble === undefined ? cluster : { ...cluster, trouble };
}
