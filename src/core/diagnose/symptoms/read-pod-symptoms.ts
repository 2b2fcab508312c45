// Symptoms in a Pod's status: crash loops, containers that are not ready, restarts, pods that never start.
// A kubelet probe is a flow from the node to the pod, so an unready pod is bound to that flow.
import type { ContainerFact, PodFact } from '../../snapshot/cluster-facts.ts';
import type { Flow } from '../../trace/flow.ts';
import { shortPod } from '../list-intents.ts';
import { podId } from '../pod-classes.ts';
import type { ObservedSymptom } from './observed-symptom.ts';

/** Waiting reasons that have nothing to do with connections of the pod's own. */
const startReasons: readonly string[] = [
  'ImagePullBackOff',
  'ErrImagePull',
  'InvalidImageName',
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
];

export function readPodSymptoms(pods: readonly PodFact[]): readonly ObservedSymptom[] {
  return pods.filter((pod) => !pod.isTerminating && pod.phase !== 'Succeeded').flatMap(readOne);
}

function readOne(pod: PodFact): readonly ObservedSymptom[] {
  const looping = pod.containers.filter((container) => container.waitingReason === 'CrashLoopBackOff');
  const failing = pod.containers.filter((container) => startReasons.includes(container.waitingReason ?? ''));
  if (looping.length > 0) return looping.map((container) => crashLoop(pod, container));
  if (failing.length > 0) return failing.map((container) => cannotStart(pod, container));
  if (pod.phase === 'Pending') return [pending(pod)];
  if (pod.isReady === false) return [notReady(pod)];
  return pod.containers
    .filter((container) => container.restartCount > 3 && !container.isInit)
    .map((container) => restarted(pod, container));
}

function crashLoop(pod: PodFact, container: ContainerFact): ObservedSymptom {
  const last = container.lastTermination;
  const exit = last?.exitCode === undefined ? '' : `, last exit ${last.exitCode}`;
  const own = ownReason(container);
  return {
    symptom: {
      kind: 'crash-loop',
      subject: podId(pod),
      text: `${shortPod(pod)} is in CrashLoopBackOff (${container.restartCount} restarts${exit})`,
      count: container.restartCount,
      evidence: [pod.evidence],
      ...(own === undefined ? {} : { notConnectivity: own }),
    },
    pod: podId(pod),
    flows: [],
    isPast: false,
    followsLog: true,
  };
}

/** Reasons to exit that no packet has to do with. */
function ownReason(container: ContainerFact): string | undefined {
  const last = container.lastTermination;
  if (last?.reason === 'OOMKilled') return 'the container ran out of memory (OOMKilled)';
  if (last?.exitCode === 127) return 'the command was not found (exit 127)';
  if (last?.exitCode === 126) return 'the command cannot be executed (exit 126)';
  if (last?.reason === 'ContainerCannotRun' || last?.reason === 'StartError')
    return `the container cannot run (${last.message ?? last.reason})`;
  return undefined;
}

function cannotStart(pod: PodFact, container: ContainerFact): ObservedSymptom {
  const reason = container.waitingReason ?? '';
  return {
    symptom: {
      kind: 'pending',
      subject: podId(pod),
      text: `${shortPod(pod)} does not start: ${reason}`,
      count: 1,
      evidence: [pod.evidence],
      notConnectivity: `${reason}${container.waitingMessage === undefined ? '' : `: ${container.waitingMessage}`}`,
    },
    pod: podId(pod),
    flows: [],
    isPast: false,
    followsLog: false,
  };
}

function pending(pod: PodFact): ObservedSymptom {
  return {
    symptom: {
      kind: 'pending',
      subject: podId(pod),
      text: `${shortPod(pod)} is pending`,
      count: 1,
      evidence: [pod.evidence],
      notConnectivity: 'it has not been started yet',
    },
    pod: podId(pod),
    flows: [],
    isPast: false,
    followsLog: false,
  };
}

function notReady(pod: PodFact): ObservedSymptom {
  return {
    symptom: {
      kind: 'not-ready',
      subject: podId(pod),
      text: `${shortPod(pod)} is not ready`,
      count: 1,
      evidence: [pod.evidence],
    },
    pod: podId(pod),
    flows: probeFlows(pod),
    isPast: false,
    followsLog: true,
  };
}

function probeFlows(pod: PodFact): readonly Flow[] {
  const { nodeName } = pod;
  if (nodeName === undefined || pod.isHostNetwork) return [];
  return pod.ips.map((ip) => ({ from: `node/${nodeName}`, to: ip, protocol: 'icmp' as const }));
}

function restarted(pod: PodFact, container: ContainerFact): ObservedSymptom {
  return {
    symptom: {
      kind: 'restarts',
      subject: podId(pod),
      text: `${shortPod(pod)} restarted ${container.restartCount} times and runs now`,
      count: container.restartCount,
      evidence: [pod.evidence],
    },
    pod: podId(pod),
    flows: probeFlows(pod),
    isPast: true,
    followsLog: true,
  };
}
