// The newest log lines of pods that are not well, and of those that carry other pods' traffic.
// In: the pods. Out: cluster/logs/<namespace>/<pod>/<container>.log (and .previous.log), with an item each. A node whose logs did
// not come twice is not asked again: its kubelet is gone, and each attempt would cost a whole timeout.
import type { ManifestItem } from '../../core/snapshot/manifest.ts';
import type { ContainerDigest, PodDigest } from './kubernetes-pods.ts';
import type { KubeAnswer, KubeApi } from './kubernetes-request.ts';

export interface CollectedLogs {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly items: readonly ManifestItem[];
}

const tailLines = 500;
const maxLogBytes = 2 * 1024 ** 2;
/** A node agent runs everywhere; on a large cluster the first hundred tell the story. */
const maxUnhealthyPods = 60;
const maxPathPods = 100;

interface LogRequest {
  readonly pod: PodDigest;
  readonly container: string;
  readonly isPrevious: boolean;
}

export async function collectLogs(
  api: KubeApi,
  limit: <T>(task: () => Promise<T>) => Promise<T>,
  pods: readonly PodDigest[],
): Promise<CollectedLogs> {
  const unhealthy = pods.filter((pod) => pod.isUnhealthy);
  const onPath = pods.filter((pod) => pod.isOnPath && !pod.isUnhealthy);
  const chosen = [...unhealthy.slice(0, maxUnhealthyPods), ...onPath.slice(0, maxPathPods)];
  const silentNodes = new Map<string, number>();
  const files = new Map<string, Uint8Array>();
  const items: ManifestItem[] = [];
  const collectOne = async (request: LogRequest): Promise<void> => {
    const answer = await getLog(api, request, silentNodes);
    const path = logPath(request);
    const argv = logCommand(request);
    if (!answer.ok) items.push({ path, argv, problem: answer.problem, detail: answer.detail });
    else {
      files.set(path, fromWholeLine(answer.bytes, answer.isCut));
      items.push({ path, argv, exit: 0 });
    }
  };
  const requests = chosen.flatMap(listRequests);
  await Promise.all(requests.map((request) => limit(() => collectOne(request))));
  const left = unhealthy.length + onPath.length - chosen.length;
  if (left > 0)
    items.push({
      path: 'cluster/logs/',
      problem: 'truncated',
      detail: `the logs of ${left} more pods were not asked for`,
    });
  return { files, items };
}

function listRequests(pod: PodDigest): LogRequest[] {
  const worth = pod.containers.filter((container) => container.hasStarted && !container.isDone);
  return worth.flatMap((container) => requestsOf(pod, container));
}

function requestsOf(pod: PodDigest, { name, hasPrevious }: ContainerDigest): LogRequest[] {
  const current = { pod, container: name, isPrevious: false };
  return hasPrevious ? [current, { pod, container: name, isPrevious: true }] : [current];
}

async function getLog(
  api: KubeApi,
  request: LogRequest,
  silentNodes: Map<string, number>,
): Promise<KubeAnswer> {
  const node = request.pod.node ?? '';
  if ((silentNodes.get(node) ?? 0) >= 2) {
    return {
      ok: false,
      problem: 'timed-out',
      detail: `node ${node} gave no logs twice and was not asked again`,
    };
  }
  const { namespace, name } = request.pod;
  const query = new URLSearchParams({ container: request.container, tailLines: String(tailLines) });
  if (request.isPrevious) query.set('previous', 'true');
  const pod = `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}`;
  const answer = await api.get(`${pod}/log?${query.toString()}`, {
    maxBytes: maxLogBytes,
    keep: 'last',
    isRelayed: true,
  });
  if (answer.ok) return answer;
  // The API server reaches the kubelet for this; its own words say how that failed, and a 400 that there is no such log.
  if (answer.status === 400) return { ...answer, problem: 'absent' };
  if (answer.problem === 'timed-out' || answer.problem === 'failed') {
    silentNodes.set(node, (silentNodes.get(node) ?? 0) + 1);
  }
  return answer;
}

/** Where the beginning was cut off, the first line is half a line. */
function fromWholeLine(bytes: Buffer, isCut: boolean): Buffer {
  const lineEnd = isCut ? bytes.indexOf(10) : -1;
  return lineEnd < 0 ? bytes : bytes.subarray(lineEnd + 1);
}

function logPath({ pod, container, isPrevious }: LogRequest): string {
  return `cluster/logs/${pod.namespace}/${pod.name}/${container}${isPrevious ? '.previous' : ''}.log`;
}

function logCommand({ pod, container, isPrevious }: LogRequest): readonly string[] {
  const command = ['kubectl', 'logs', '-n', pod.namespace, pod.name, '-c', container, `--tail=${tailLines}`];
  return isPrevious ? [...command, '--previous'] : command;
}
