// The Events that the kubelets would have written: a readiness probe that failed, with the words its HTTP client has for
// how it failed, and a container that is backed off.
import { deriveSuffix } from './derived-names.ts';
import { isCrashed, metadataOf, toSeconds, uidOf } from './recorded-world.ts';
import type { ProbeResult } from './agent-protocol.ts';
import type { PlannedPod } from './planned.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

export function eventObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.pods.flatMap((pod) => {
    const { failures, lastProbe } = world.observe(pod);
    const state = world.application(pod);
    const events: JsonObject[] = [];
    if (failures > 0 && lastProbe !== undefined) {
      events.push(
        eventOf(world, pod, { reason: 'Unhealthy', count: failures, message: probeText(pod, lastProbe) }),
      );
    }
    if (isCrashed(state)) {
      const message = `Back-off restarting failed container ${pod.container} in pod ${pod.name}_${pod.namespace}(${podUid(pod)})`;
      events.push(eventOf(world, pod, { reason: 'BackOff', count: (state?.restartCount ?? 0) + 1, message }));
    }
    return events;
  });
}

interface EventWords {
  readonly reason: string;
  readonly message: string;
  readonly count: number;
}

function eventOf(world: RecordedWorld, pod: PlannedPod, { reason, message, count }: EventWords): JsonObject {
  const name = `${pod.name}.${deriveSuffix(`event ${reason} ${pod.name}`, 16)}`;
  return {
    apiVersion: 'v1',
    count,
    eventTime: null,
    firstTimestamp: toSeconds(world.observe(pod).since),
    involvedObject: {
      apiVersion: 'v1',
      fieldPath: `spec.containers{${pod.container}}`,
      kind: 'Pod',
      name: pod.name,
      namespace: pod.namespace,
      uid: podUid(pod),
    },
    kind: 'Event',
    lastTimestamp: toSeconds(world.now),
    message,
    metadata: metadataOf(world, { kind: 'Event', namespace: pod.namespace, name }),
    reason,
    reportingComponent: 'kubelet',
    reportingInstance: pod.node,
    source: { component: 'kubelet', host: pod.node },
    type: 'Warning',
  };
}

function podUid(pod: PlannedPod): string {
  return uidOf({ kind: 'Pod', namespace: pod.namespace, name: pod.name });
}

/** Go's net/http wraps what the dialer says (kubernetes, pkg/probe/http). */
function probeText(pod: PlannedPod, probe: ProbeResult): string {
  const { port = 0, path = '/' } = pod.readiness ?? {};
  const url = `"http://${pod.address}:${port}${path}"`;
  const dial = (text: string): string =>
    `Readiness probe failed: Get ${url}: dial tcp ${pod.address}:${port}: connect: ${text}`;
  switch (probe.outcome) {
    case 'refused':
      return dial('connection refused');
    case 'unreachable':
      return dial('no route to host');
    case 'timeout':
      return `Readiness probe failed: Get ${url}: context deadline exceeded (Client.Timeout exceeded while awaiting headers)`;
    case 'ok':
    case 'failed':
      return `Readiness probe failed: HTTP probe failed with ${probe.detail ?? 'an error'}`;
  }
}
