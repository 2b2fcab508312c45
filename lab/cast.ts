// Who lives in the lab: the swimming-school application of three parts, the cluster's DNS, and a plain web server on
// every node, so that each node has at least two pods and one Service has an endpoint everywhere. In go the nodes, out
// come pods and Services with their addresses. With fewer than three nodes the last ones share.
import { deriveSuffix } from './derived-names.ts';
import type {
  PlannedNode,
  PlannedPod,
  PlannedPort,
  PlannedService,
  PlannedServicePort,
  PodProgram,
} from './planned.ts';

interface Role {
  readonly namespace: string;
  readonly workload: string;
  readonly kind: PlannedPod['owner']['kind'];
  readonly program: PodProgram;
  readonly lastOctet: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  readonly container: string;
  readonly ports: readonly PlannedPort[];
  readonly readiness?: { readonly port: number; readonly path: string };
}

const http = (port: number): PlannedPort => ({ name: 'http', port, protocol: 'tcp' });

const coredns: Role = {
  namespace: 'kube-system',
  workload: 'coredns',
  kind: 'Deployment',
  program: 'dns',
  lastOctet: 3,
  labels: { 'k8s-app': 'kube-dns' },
  image: 'rancher/mirrored-coredns-coredns:1.14.7',
  container: 'coredns',
  ports: [
    { name: 'dns', port: 53, protocol: 'udp' },
    { name: 'dns-tcp', port: 53, protocol: 'tcp' },
    { name: 'metrics', port: 9153, protocol: 'tcp' },
  ],
  readiness: { port: 8181, path: '/ready' },
};

const frontend: Role = {
  namespace: 'swimto',
  workload: 'frontend',
  kind: 'Deployment',
  program: 'web',
  lastOctet: 5,
  labels: { app: 'frontend' },
  image: 'registry.invalid/swimto/frontend:1.4.0',
  container: 'frontend',
  ports: [http(8080)],
  readiness: { port: 8080, path: '/' },
};

const api: Role = {
  namespace: 'swimto',
  workload: 'api',
  kind: 'Deployment',
  program: 'api',
  lastOctet: 7,
  labels: { app: 'api' },
  image: 'registry.invalid/swimto/api:1.4.0',
  container: 'api',
  ports: [http(8000)],
  readiness: { port: 8000, path: '/health' },
};

const postgres: Role = {
  namespace: 'swimto',
  workload: 'postgres',
  kind: 'StatefulSet',
  program: 'database',
  lastOctet: 17,
  labels: { app: 'postgres' },
  image: 'docker.io/library/postgres:16',
  container: 'postgres',
  ports: [{ name: 'postgres', port: 5432, protocol: 'tcp' }],
};

const plainServer = (node: string, app: string, lastOctet: number): Role => ({
  namespace: 'default',
  workload: `${app}-${node}`,
  kind: 'Pod',
  program: 'web',
  lastOctet,
  labels: { app },
  image: 'registry.invalid/web:1',
  container: app,
  ports: [http(8080)],
  readiness: { port: 8080, path: '/' },
});

export function castPods(nodes: readonly PlannedNode[]): PlannedPod[] {
  const nodeAt = (index: number): PlannedNode | undefined => nodes[Math.min(index, nodes.length) - 1];
  const pods: PlannedPod[] = [];
  const place = (role: Role, node: PlannedNode | undefined): void => {
    if (node !== undefined) pods.push(castPod(role, node));
  };
  place(coredns, nodeAt(1));
  place(frontend, nodeAt(1));
  place(api, nodeAt(2));
  place(postgres, nodeAt(3));
  for (const node of nodes) {
    place(plainServer(node.name, 'web', 21), node);
    if (node.index > 3) place(plainServer(node.name, 'echo', 22), node);
  }
  return pods;
}

function castPod(role: Role, node: PlannedNode): PlannedPod {
  const { workload, lastOctet, kind, ...rest } = role;
  const hash = deriveSuffix(`${role.namespace}/${workload}`, 10);
  return {
    ...rest,
    name: podName(workload, kind, hash),
    node: node.name,
    address: node.vtepAddress.replace(/\d+$/, String(lastOctet)),
    owner: { kind, name: workload, hash },
    labels: kind === 'Deployment' ? { ...role.labels, 'pod-template-hash': hash } : role.labels,
  };
}

function podName(workload: string, kind: Role['kind'], hash: string): string {
  if (kind === 'Pod') return workload;
  return kind === 'StatefulSet'
    ? `${workload}-0`
    : `${workload}-${hash}-${deriveSuffix(`pod ${workload}`, 5)}`;
}

/** By Service. They lie in the range that the API server gives out by default. */
export const nodePorts = { cluster: 30_080, local: 30_081 } as const;

/**
 * The Services, with ClusterIPs at fixed places of the service CIDR: within its first 256, so that a /24 will do. Those of
 * the web servers differ only in how they are reached, one of each way that kube-proxy has rules of its own for.
 */
export function castServices(
  nodes: readonly PlannedNode[],
  addressAtOffset: (offset: number) => string,
): PlannedService[] {
  const service = (
    key: string,
    offset: number,
    selector: Readonly<Record<string, string>> | undefined,
    ports: readonly PlannedServicePort[],
    more: Partial<PlannedService> = {},
  ): PlannedService => {
    const [namespace = '', name = ''] = key.split('/');
    const base = { namespace, name, clusterIp: addressAtOffset(offset), ports, ...more };
    return selector === undefined ? base : { ...base, selector };
  };
  const tcp = (name: string, port: number, targetPort: number): PlannedServicePort => ({
    name,
    port,
    protocol: 'tcp',
    targetPort,
  });
  return [
    service('default/kubernetes', 1, undefined, [tcp('https', 443, 6443)]),
    service('kube-system/kube-dns', 10, coredns.labels, [
      { name: 'dns', port: 53, protocol: 'udp', targetPort: 53 },
      tcp('dns-tcp', 53, 53),
      tcp('metrics', 9153, 9153),
    ]),
    service('swimto/postgres-service', 88, postgres.labels, [tcp('postgres', 5432, 5432)]),
    service('swimto/api', 112, api.labels, [tcp('http', 8000, 8000)]),
    service('swimto/frontend', 60, frontend.labels, [tcp('http', 80, 8080)]),
    service('swimto/postgres', 0, postgres.labels, [tcp('postgres', 5432, 5432)], { clusterIp: 'None' }),
    service('default/web', 200, { app: 'web' }, [tcp('http', 80, 8080)]),
    service(
      'default/web-nodeport',
      201,
      { app: 'web' },
      [{ ...tcp('http', 8088, 8080), nodePort: nodePorts.cluster }],
      { externalPolicy: 'Cluster', externalIps: nodes.slice(0, 1).map((node) => node.lanAddress) },
    ),
    service(
      'default/web-local',
      202,
      { app: 'web' },
      [{ ...tcp('http', 80, 8080), nodePort: nodePorts.local }],
      {
        externalPolicy: 'Local',
      },
    ),
    service('default/web-sticky', 203, { app: 'web' }, [tcp('http', 80, 8080)], { affinitySeconds: 10_800 }),
  ];
}
