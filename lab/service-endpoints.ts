// What a kube-proxy is told: each port of each Service with the endpoints that are ready and everything that decides how
// a packet gets to one of them. In go the plan and who is ready, out come the ports in the order of the plan. A headless
// Service has none, since no packet ever goes to it.
import { apiServerPort } from './plan.ts';
import type { LabPlan, PlannedPod, PlannedPort, PlannedService } from './planned.ts';

export interface ProxiedEndpoint {
  readonly address: string;
  readonly port: number;
  /** Where it runs; a Local policy keeps to this node's. Nobody says it of the API server. */
  readonly node?: string;
}

export interface ProxiedPort {
  readonly namespace: string;
  readonly service: string;
  readonly clusterIp: string;
  readonly port: PlannedPort;
  readonly nodePort?: number;
  readonly externalIps: readonly string[];
  readonly isExternalLocal: boolean;
  readonly affinitySeconds?: number;
  /** Ready ones. */
  readonly endpoints: readonly ProxiedEndpoint[];
}

/** A Service without selector has the API server. */
export function proxiedPorts(plan: LabPlan, isReady: (pod: PlannedPod) => boolean): ProxiedPort[] {
  return plan.services
    .filter((service) => service.clusterIp !== 'None')
    .flatMap((service) =>
      service.ports.map((port) => ({
        namespace: service.namespace,
        service: service.name,
        clusterIp: service.clusterIp,
        port,
        ...(port.nodePort === undefined ? {} : { nodePort: port.nodePort }),
        externalIps: service.externalIps ?? [],
        isExternalLocal: service.externalPolicy === 'Local',
        ...(service.affinitySeconds === undefined ? {} : { affinitySeconds: service.affinitySeconds }),
        endpoints: findEndpoints(plan, service, isReady).map((endpoint) => ({
          ...endpoint,
          port: service.selector === undefined ? apiServerPort : port.targetPort,
        })),
      })),
    );
}

export function selectPods(plan: LabPlan, service: PlannedService): PlannedPod[] {
  const wanted = Object.entries(service.selector ?? {});
  if (wanted.length === 0) return [];
  return plan.pods.filter(
    (pod) => pod.namespace === service.namespace && wanted.every(([key, value]) => pod.labels[key] === value),
  );
}

function findEndpoints(
  plan: LabPlan,
  service: PlannedService,
  isReady: (pod: PlannedPod) => boolean,
): { readonly address: string; readonly node?: string }[] {
  if (service.selector !== undefined) return selectPods(plan, service).filter(isReady);
  return plan.nodes.slice(0, 1).map((node) => ({ address: node.lanAddress }));
}
