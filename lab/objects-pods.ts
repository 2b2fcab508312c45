// The Pods, as the kubelets would report them: ready or not by what was observed, and the application's crash loop by
// what its program really did. Its back-off is played in seconds, so between two crashes it is often met running; it is
// recorded as waiting all the same, which is where a kubelet, with back-offs of minutes, would be met nearly always.
import { agentBackOffText, applicationSecretName, frontendEnvironment } from './workload-settings.ts';
import { resolverOptions } from './pod-files.ts';
import { findNode } from './plan.ts';
import { isCrashed, isPodReady, metadataOf, toSeconds, uidOf } from './recorded-world.ts';
import type { PlannedPod } from './planned.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

export function podObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.pods.map((pod) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: metadataOf(
      world,
      { kind: 'Pod', ...pod },
      {
        labels: pod.labels,
        ...ownerReferences(pod),
        ...(pod.owner.kind === 'Pod' ? {} : { generateName: generateName(pod) }),
      },
    ),
    spec: { ...podTemplateSpec(pod), nodeName: pod.node },
    status: podStatus(world, pod),
  }));
}

/** The part of the spec that the workload's template has too. */
export function podTemplateSpec(pod: PlannedPod): JsonObject {
  const options = resolverOptions(pod).map(([name, value]) => ({ name, value }));
  return {
    containers: [containerSpec(pod)],
    dnsPolicy: 'ClusterFirst',
    // ndots:5 is what every pod gets; the rest is asked for.
    ...(options.length > 1 ? { dnsConfig: { options: options.slice(1) } } : {}),
    enableServiceLinks: false,
    restartPolicy: 'Always',
    schedulerName: 'default-scheduler',
    serviceAccountName: pod.program === 'dns' ? 'coredns' : 'default',
    terminationGracePeriodSeconds: 30,
  };
}

function containerSpec(pod: PlannedPod): JsonObject {
  const environment: JsonObject =
    pod.program === 'api'
      ? { envFrom: [{ secretRef: { name: applicationSecretName } }] }
      : pod.container === 'frontend'
        ? { env: frontendEnvironment }
        : {};
  return {
    ...environment,
    image: pod.image,
    imagePullPolicy: 'IfNotPresent',
    name: pod.container,
    ports: pod.ports.map(({ name, port, protocol }) => ({
      containerPort: port,
      name,
      protocol: protocol.toUpperCase(),
    })),
    ...readinessProbe(pod),
    resources: {},
  };
}

function readinessProbe({ program, readiness }: PlannedPod): JsonObject {
  const times = { failureThreshold: 2, periodSeconds: 2, successThreshold: 1, timeoutSeconds: 1 };
  if (readiness !== undefined) {
    const httpGet = { path: readiness.path, port: readiness.port, scheme: 'HTTP' };
    return { readinessProbe: { httpGet, ...times } };
  }
  if (program !== 'database') return {};
  return { readinessProbe: { exec: { command: ['pg_isready', '-U', 'swimto'] }, ...times } };
}

function ownerReferences(pod: PlannedPod): JsonObject {
  if (pod.owner.kind === 'Pod') return {};
  const kind = pod.owner.kind === 'Deployment' ? 'ReplicaSet' : 'StatefulSet';
  const name = kind === 'ReplicaSet' ? `${pod.owner.name}-${pod.owner.hash}` : pod.owner.name;
  const uid = uidOf({ kind, namespace: pod.namespace, name });
  return {
    ownerReferences: [{ apiVersion: 'apps/v1', blockOwnerDeletion: true, controller: true, kind, name, uid }],
  };
}

function generateName(pod: PlannedPod): string {
  return pod.name.slice(0, pod.name.lastIndexOf('-') + 1);
}

function podStatus(world: RecordedWorld, pod: PlannedPod): JsonObject {
  const isReady = isPodReady(world, pod);
  const hostIp = findNode(world.plan, pod.node).lanAddress;
  const condition = (type: string, isTrue: boolean, time: string): JsonObject => ({
    lastProbeTime: null,
    lastTransitionTime: toSeconds(time),
    status: isTrue ? 'True' : 'False',
    type,
    ...(isTrue
      ? {}
      : { reason: 'ContainersNotReady', message: `containers with unready status: [${pod.container}]` }),
  });
  const { since } = world.observe(pod);
  return {
    conditions: [
      condition('PodReadyToStartContainers', true, world.startedAt),
      condition('Initialized', true, world.startedAt),
      condition('Ready', isReady, since),
      condition('ContainersReady', isReady, since),
      condition('PodScheduled', true, world.startedAt),
    ],
    containerStatuses: [containerStatus(world, pod, isReady)],
    hostIP: hostIp,
    hostIPs: [{ ip: hostIp }],
    phase: 'Running',
    podIP: pod.address,
    podIPs: [{ ip: pod.address }],
    qosClass: 'BestEffort',
    startTime: toSeconds(world.startedAt),
  };
}

function containerStatus(world: RecordedWorld, pod: PlannedPod, isReady: boolean): JsonObject {
  const state = world.application(pod);
  const isWaiting = isCrashed(state);
  const lastExit = state?.lastExit;
  return {
    image: pod.image,
    imageID: '',
    lastState:
      lastExit === undefined
        ? {}
        : {
            terminated: {
              exitCode: lastExit.code,
              finishedAt: toSeconds(lastExit.finishedAt),
              reason: 'Error',
              startedAt: toSeconds(lastExit.startedAt),
            },
          },
    name: pod.container,
    ready: isReady,
    restartCount: state?.restartCount ?? 0,
    started: !isWaiting,
    state: isWaiting
      ? {
          waiting: {
            message: agentBackOffText(pod, uidOf({ kind: 'Pod', ...pod })),
            reason: 'CrashLoopBackOff',
          },
        }
      : { running: { startedAt: toSeconds(state?.startedAt ?? world.startedAt) } },
  };
}
