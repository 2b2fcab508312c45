// Services, EndpointSlices and Endpoints. Which endpoint is ready follows what the kubelets observed by real packets.
import { deriveSuffix } from './derived-names.ts';
import { selectPods } from './service-endpoints.ts';
import { apiServerPort } from './plan.ts';
import { isPodReady, metadataOf, uidOf } from './recorded-world.ts';
import type { PlannedPod, PlannedService } from './planned.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

export function serviceObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.services.map((service) => ({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(world, { kind: 'Service', ...service }, { labels: serviceLabels(service) }),
    spec: {
      clusterIP: service.clusterIp,
      clusterIPs: [service.clusterIp],
      ...(service.externalIps === undefined ? {} : { externalIPs: service.externalIps }),
      ...(service.externalPolicy === undefined ? {} : { externalTrafficPolicy: service.externalPolicy }),
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      ports: service.ports.map(({ name, nodePort, port, protocol, targetPort }) => ({
        name,
        ...(nodePort === undefined ? {} : { nodePort }),
        port,
        protocol: protocol.toUpperCase(),
        targetPort,
      })),
      ...(service.selector === undefined ? {} : { selector: service.selector }),
      ...sessionAffinity(service),
      type: service.ports.some((port) => port.nodePort !== undefined) ? 'NodePort' : 'ClusterIP',
    },
    status: { loadBalancer: {} },
  }));
}

function sessionAffinity({ affinitySeconds }: PlannedService): JsonObject {
  if (affinitySeconds === undefined) return { sessionAffinity: 'None' };
  return {
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: affinitySeconds } },
  };
}

function serviceLabels(service: PlannedService): JsonObject {
  if (service.selector === undefined) return { component: 'apiserver', provider: 'kubernetes' };
  return service.name === 'kube-dns'
    ? { 'k8s-app': 'kube-dns', 'kubernetes.io/cluster-service': 'true', 'kubernetes.io/name': 'CoreDNS' }
    : service.selector;
}

export function endpointSliceObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.services.map((service) => {
    const isApiServer = service.selector === undefined;
    const name = isApiServer ? service.name : `${service.name}-${deriveSuffix(`slice ${service.name}`, 5)}`;
    const labels = isApiServer
      ? { 'kubernetes.io/service-name': service.name }
      : {
          'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
          'kubernetes.io/service-name': service.name,
        };
    return {
      addressType: 'IPv4',
      apiVersion: 'discovery.k8s.io/v1',
      endpoints: isApiServer
        ? [{ addresses: [apiServerAddress(world)], conditions: { ready: true } }]
        : selectPods(world.plan, service).map((pod) => endpointOf(world, pod)),
      kind: 'EndpointSlice',
      metadata: metadataOf(
        world,
        { kind: 'EndpointSlice', namespace: service.namespace, name },
        { labels, ...(isApiServer ? {} : ownedByService(service)) },
      ),
      ports: targetPorts(service),
    };
  });
}

export function endpointsObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.services.map((service) => {
    const pods = selectPods(world.plan, service);
    const address = (pod: PlannedPod): JsonObject => ({
      ip: pod.address,
      nodeName: pod.node,
      targetRef: targetReference(pod),
    });
    const ready =
      service.selector === undefined
        ? [{ ip: apiServerAddress(world) }]
        : pods.filter((pod) => isPodReady(world, pod)).map(address);
    const notReady = pods.filter((pod) => !isPodReady(world, pod)).map(address);
    return {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: metadataOf(world, { kind: 'Endpoints', ...service }),
      subsets: [
        {
          ...(ready.length > 0 ? { addresses: ready } : {}),
          ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
          ports: targetPorts(service),
        },
      ],
    };
  });
}

function apiServerAddress(world: RecordedWorld): string {
  return world.plan.nodes[0]?.lanAddress ?? '';
}

function targetPorts(service: PlannedService): JsonObject[] {
  return service.ports.map(({ name, protocol, targetPort }) => ({
    name,
    port: service.selector === undefined ? apiServerPort : targetPort,
    protocol: protocol.toUpperCase(),
  }));
}

function endpointOf(world: RecordedWorld, pod: PlannedPod): JsonObject {
  const isReady = isPodReady(world, pod);
  return {
    addresses: [pod.address],
    conditions: { ready: isReady, serving: isReady, terminating: false },
    nodeName: pod.node,
    targetRef: targetReference(pod),
  };
}

function targetReference(pod: PlannedPod): JsonObject {
  return { kind: 'Pod', name: pod.name, namespace: pod.namespace, uid: uidOf({ kind: 'Pod', ...pod }) };
}

function ownedByService(service: PlannedService): JsonObject {
  const uid = uidOf({ kind: 'Service', namespace: service.namespace, name: service.name });
  const owner = { apiVersion: 'v1', kind: 'Service', name: service.name, uid };
  return { ownerReferences: [{ ...owner, blockOwnerDeletion: true, controller: true }] };
}
