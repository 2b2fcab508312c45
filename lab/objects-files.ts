// The cluster's part of a bundle: recorded objects and container logs, by path. In goes a running lab, out comes the
// text of every file under cluster/. What a cluster has none of here (ingresses, jobs) is an empty List, because the
// API server would have said so.
import { endpointSliceObjects, endpointsObjects, serviceObjects } from './objects-services.ts';
import { eventObjects } from './objects-events.ts';
import { namespaceObjects, nodeObjects, versionObject } from './objects-nodes.ts';
import { podObjects } from './objects-pods.ts';
import { policyObjects } from './objects-policies.ts';
import {
  configMapObjects,
  deploymentObjects,
  replicaSetObjects,
  secretObjects,
  statefulSetObjects,
} from './objects-workloads.ts';
import { isCrashed, listOf } from './recorded-world.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

const absentKinds = [
  'daemonsets.apps',
  'jobs.batch',
  'ingresses.networking.k8s.io',
  'ingressclasses.networking.k8s.io',
];

export function recordObjects(world: RecordedWorld): Record<string, string> {
  const resources: Record<string, readonly JsonObject[]> = {
    nodes: nodeObjects(world),
    namespaces: namespaceObjects(world),
    pods: podObjects(world),
    services: serviceObjects(world),
    endpoints: endpointsObjects(world),
    'endpointslices.discovery.k8s.io': endpointSliceObjects(world),
    configmaps: configMapObjects(world),
    secrets: secretObjects(world),
    events: eventObjects(world),
    'deployments.apps': deploymentObjects(world),
    'replicasets.apps': replicaSetObjects(world),
    'statefulsets.apps': statefulSetObjects(world),
    'networkpolicies.networking.k8s.io': policyObjects(world),
    ...Object.fromEntries(absentKinds.map((kind) => [kind, []])),
  };
  const files = Object.entries(resources).map(([name, items]) => [
    `cluster/resources/${name}.json`,
    formatJson(listOf(items)),
  ]);
  return {
    ...(Object.fromEntries(files) as Record<string, string>),
    'cluster/version.json': formatJson(versionObject()),
    ...logFiles(world),
  };
}

/** The newest run that says something, and the one before: of a container that waits, the one that ended last. */
function logFiles(world: RecordedWorld): Record<string, string> {
  const files: Record<string, string> = {};
  for (const pod of world.plan.pods) {
    const state = world.application(pod);
    const current = (state?.restartCount ?? 0) - (isCrashed(state) && state?.phase === 'running' ? 1 : 0);
    const base = `cluster/logs/${pod.namespace}/${pod.name}/${pod.container}`;
    const logs = world.logs(pod);
    files[`${base}.log`] = formatLog(logs.get(current) ?? []);
    const previous = logs.get(current - 1);
    if (previous !== undefined) files[`${base}.previous.log`] = formatLog(previous);
  }
  return files;
}

function formatLog(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

function formatJson(value: JsonObject): string {
  return `${JSON.stringify(value, undefined, 4)}\n`;
}
