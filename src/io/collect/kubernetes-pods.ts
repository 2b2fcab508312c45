// What collecting needs to know of a pod: which Secrets configure it, and which containers' logs are worth reading.
// In: a Pod as the API server gives it. Out: plain facts; anything odd in it counts as not there.
import { entriesOf, objectAt, textOf } from './kubernetes-body.ts';
import type { JsonObject } from './kubernetes-body.ts';

export interface PodDigest {
  readonly namespace: string;
  readonly name: string;
  readonly node: string | undefined;
  /** Names of Secrets in the pod's namespace that its environment or volumes take. */
  readonly secrets: readonly string[];
  readonly isUnhealthy: boolean;
  /** Whether it carries other pods' traffic: DNS, proxies, the pod network, tailscale. */
  readonly isOnPath: boolean;
  readonly containers: readonly ContainerDigest[];
}

export interface ContainerDigest {
  readonly name: string;
  readonly hasStarted: boolean;
  /** Whether the API server can give the log of the run before. */
  readonly hasPrevious: boolean;
  /** An init container that did its work says nothing more. */
  readonly isDone: boolean;
}

/** A restart longer ago belongs to another story. */
const recentMs = 24 * 3_600_000;

/** Names of images of programs that forward, translate or resolve for others, whatever the pod is called. */
const pathImages =
  /(?:^|\/)[^/]*(?:coredns|kube-dns|node-cache|kube-proxy|flannel|kube-router|calico|cilium|metallb|klipper-lb|traefik|ingress-nginx|nginx-ingress|haproxy|envoy|tailscale|cert-manager|kube-vip|cloudflared)[^/]*$|(?:^|\/)tailscale\//;

export function digestPod(pod: JsonObject, nowMs: number): PodDigest {
  const metadata = objectAt(pod, 'metadata');
  const spec = objectAt(pod, 'spec');
  const status = objectAt(pod, 'status');
  const images = entriesOf(spec['containers']).flatMap((container) => textOf(container['image']) ?? []);
  return {
    namespace: textOf(metadata['namespace']) ?? '',
    name: textOf(metadata['name']) ?? '',
    node: textOf(spec['nodeName']),
    secrets: secretsOf(spec),
    isUnhealthy: isUnhealthy(status, nowMs),
    isOnPath: images.some((image) => pathImages.test(image.replace(/[@:][^/]*$/, ''))),
    containers: [
      ...entriesOf(status['initContainerStatuses']).map((container) => digestContainer(container, true)),
      ...entriesOf(status['containerStatuses']).map((container) => digestContainer(container, false)),
    ],
  };
}

function digestContainer(status: JsonObject, isInit: boolean): ContainerDigest {
  const ended = objectAt(status, 'state', 'terminated');
  const lastEnded = objectAt(status, 'lastState', 'terminated');
  const isRunning = 'startedAt' in objectAt(status, 'state', 'running');
  return {
    name: textOf(status['name']) ?? '',
    hasStarted: isRunning || 'exitCode' in ended || 'exitCode' in lastEnded,
    hasPrevious: 'exitCode' in lastEnded,
    isDone: isInit && ended['exitCode'] === 0,
  };
}

function isUnhealthy(status: JsonObject, nowMs: number): boolean {
  if (status['phase'] === 'Succeeded') return false;
  const ready = entriesOf(status['conditions']).find((condition) => condition['type'] === 'Ready');
  if (ready?.['status'] !== 'True') return true;
  return entriesOf(status['containerStatuses']).some((container) => {
    if ('reason' in objectAt(container, 'state', 'waiting')) return true;
    const restarts = container['restartCount'];
    if (typeof restarts !== 'number' || restarts === 0) return false;
    const endedAt = Date.parse(textOf(objectAt(container, 'lastState', 'terminated')['finishedAt']) ?? '');
    return Number.isNaN(endedAt) || nowMs - endedAt < recentMs;
  });
}

function secretsOf(spec: JsonObject): string[] {
  const containers = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((member) =>
    entriesOf(spec[member]),
  );
  const names = new Set<string>();
  const add = (name: unknown): void => {
    const text = textOf(name);
    if (text !== undefined) names.add(text);
  };
  for (const container of containers) {
    for (const variable of entriesOf(container['env']))
      add(objectAt(variable, 'valueFrom', 'secretKeyRef')['name']);
    for (const source of entriesOf(container['envFrom'])) add(objectAt(source, 'secretRef')['name']);
  }
  for (const volume of entriesOf(spec['volumes'])) {
    add(objectAt(volume, 'secret')['secretName']);
    for (const source of entriesOf(objectAt(volume, 'projected')['sources']))
      add(objectAt(source, 'secret')['name']);
  }
  return [...names];
}
