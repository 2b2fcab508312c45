// Deployments, ReplicaSets and StatefulSets over the pods, and what they are configured with: the application's Secret
// and CoreDNS's ConfigMap.
import { Buffer } from 'node:buffer';
import { podTemplateSpec } from './objects-pods.ts';
import { isPodReady, metadataOf, toSeconds, uidOf } from './recorded-world.ts';
import { applicationSecretName, corefile, databaseUrl } from './workload-settings.ts';
import type { PlannedPod } from './planned.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

export function deploymentObjects(world: RecordedWorld): JsonObject[] {
  return ownedPods(world, 'Deployment').map((pod) => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(world, { kind: 'Deployment', namespace: pod.namespace, name: pod.owner.name }),
    spec: workloadSpec(pod, ownLabels(pod)),
    status: {
      ...replicaCounts(world, pod),
      updatedReplicas: 1,
      conditions: [availableCondition(world, pod)],
    },
  }));
}

export function replicaSetObjects(world: RecordedWorld): JsonObject[] {
  return ownedPods(world, 'Deployment').map((pod) => {
    const deployment = { kind: 'Deployment', namespace: pod.namespace, name: pod.owner.name };
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: pod.owner.name, uid: uidOf(deployment) };
    return {
      apiVersion: 'apps/v1',
      kind: 'ReplicaSet',
      metadata: metadataOf(
        world,
        { kind: 'ReplicaSet', namespace: pod.namespace, name: `${pod.owner.name}-${pod.owner.hash}` },
        { labels: pod.labels, ownerReferences: [{ ...owner, blockOwnerDeletion: true, controller: true }] },
      ),
      spec: workloadSpec(pod, pod.labels),
      status: replicaCounts(world, pod),
    };
  });
}

export function statefulSetObjects(world: RecordedWorld): JsonObject[] {
  return ownedPods(world, 'StatefulSet').map((pod) => ({
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: metadataOf(world, { kind: 'StatefulSet', namespace: pod.namespace, name: pod.owner.name }),
    spec: { ...workloadSpec(pod, pod.labels), serviceName: 'postgres-service' },
    status: replicaCounts(world, pod),
  }));
}

export function secretObjects(world: RecordedWorld): JsonObject[] {
  return [
    {
      apiVersion: 'v1',
      data: { DATABASE_URL: Buffer.from(databaseUrl).toString('base64') },
      kind: 'Secret',
      metadata: metadataOf(world, { kind: 'Secret', namespace: 'swimto', name: applicationSecretName }),
      type: 'Opaque',
    },
  ];
}

export function configMapObjects(world: RecordedWorld): JsonObject[] {
  const nodeHosts = world.plan.nodes.map((node) => `${node.lanAddress} ${node.name}\n`).join('');
  return [
    {
      apiVersion: 'v1',
      data: { Corefile: corefile, NodeHosts: nodeHosts },
      kind: 'ConfigMap',
      metadata: metadataOf(world, { kind: 'ConfigMap', namespace: 'kube-system', name: 'coredns' }),
    },
  ];
}

function ownedPods(world: RecordedWorld, kind: PlannedPod['owner']['kind']): PlannedPod[] {
  return world.plan.pods.filter((pod) => pod.owner.kind === kind);
}

/** Without the one that only the ReplicaSet adds. */
function ownLabels(pod: PlannedPod): JsonObject {
  return Object.fromEntries(Object.entries(pod.labels).filter(([key]) => key !== 'pod-template-hash'));
}

function workloadSpec(pod: PlannedPod, labels: JsonObject): JsonObject {
  return {
    replicas: 1,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: podTemplateSpec(pod) },
  };
}

function replicaCounts(world: RecordedWorld, pod: PlannedPod): JsonObject {
  return isPodReady(world, pod)
    ? { availableReplicas: 1, readyReplicas: 1, replicas: 1 }
    : { replicas: 1, unavailableReplicas: 1 };
}

function availableCondition(world: RecordedWorld, pod: PlannedPod): JsonObject {
  const isReady = isPodReady(world, pod);
  return {
    lastTransitionTime: toSeconds(world.observe(pod).since),
    message: isReady
      ? 'Deployment has minimum availability.'
      : 'Deployment does not have minimum availability.',
    reason: isReady ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    status: isReady ? 'True' : 'False',
    type: 'Available',
  };
}
