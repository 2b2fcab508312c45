// The shelves of the cluster's files, and the cluster put together from them: every list of objects, the projections of
// the kinds that are followed, and the containers' logs.
import { mapKnown } from '../../fact/known.ts';
import type { Known } from '../../fact/known.ts';
import { createFactShelf } from '../bundle/fact-shelf.ts';
import type { FactKind } from '../bundle/fact-shelf.ts';
import { containerLogPlaceOf, resourceNameOf } from '../bundle/place.ts';
import { settleAt } from '../bundle/settle.ts';
import type { Settlement } from '../bundle/settle.ts';
import type { ClusterFacts, ContainerLog, EndpointsFact, KubeObject } from '../cluster-facts.ts';
import type { BundleFile } from '../bundle-file.ts';
import { logKind } from '../machine/machine-kinds.ts';
import { compareText } from '../syntax/compare-text.ts';
import { parseJsonObject, textOf } from '../syntax/parse-json.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { endpointsOfEndpoints, endpointsOfSlices } from './read-endpoints.ts';
import { readKubeList } from './read-list.ts';
import { nodesOf } from './read-nodes.ts';
import { podsOf } from './read-pods.ts';
import { servicesOf } from './read-services.ts';

const listKind: FactKind<readonly KubeObject[]> = {
  what: 'objects',
  forms: [{ name: 'list', read: readKubeList, whenEmpty: 'unknown' }],
};

const versionKind: FactKind<string> = {
  what: 'contents',
  forms: [{ name: 'cluster/version.json', read: readVersion, whenEmpty: 'unknown' }],
  command: ['kubectl', 'version', '-o', 'json'],
};

export type ClusterShelves = ReturnType<typeof createClusterShelves>;

export function createClusterShelves() {
  return {
    version: createFactShelf(versionKind),
    lists: createFactShelf(listKind),
    logs: createFactShelf(logKind),
  };
}

/** `expected` are the paths that the manifest says were asked for. */
export function assembleCluster(
  shelves: ClusterShelves,
  settlement: Settlement,
  name: string | undefined,
  expected: readonly string[],
): ClusterFacts {
  const resources = new Map<string, Known<readonly KubeObject[]>>();
  for (const path of unionInOrder(shelves.lists.paths(), expected)) {
    const resource = resourceNameOf(path);
    if (resource !== undefined) resources.set(resource, settleList(shelves, settlement, path, resource));
  }
  // Where nobody asked for the kind, a problem with the whole cluster's part may still say why it is missing.
  const objects = (plural: string): Known<readonly KubeObject[]> =>
    resources.get(plural) ?? settleList(shelves, settlement, `cluster/resources/${plural}.json`, plural);
  return {
    ...(name === undefined ? {} : { name }),
    version: settleAt(settlement, shelves.version, 'cluster/version.json'),
    resources,
    nodes: mapKnown(objects('nodes'), nodesOf),
    pods: mapKnown(objects('pods'), podsOf),
    services: mapKnown(objects('services'), servicesOf),
    endpoints: endpointsOf(objects),
    logs: containerLogsOf(shelves, settlement, expected),
  };
}

function settleList(
  shelves: ClusterShelves,
  settlement: Settlement,
  path: string,
  resource: string,
): Known<readonly KubeObject[]> {
  const list = settleAt(settlement, shelves.lists, path);
  const command = ['kubectl', 'get', resource, '-A', '-o', 'json'];
  return list.known || list.command !== undefined ? list : { ...list, command };
}

/** Slices are what kube-proxy follows; Endpoints are read only where no slices are known (Kubernetes before 1.21). */
function endpointsOf(
  objects: (plural: string) => Known<readonly KubeObject[]>,
): Known<readonly EndpointsFact[]> {
  const slices = objects('endpointslices.discovery.k8s.io');
  if (slices.known) return mapKnown(slices, endpointsOfSlices);
  const plainSlices = objects('endpointslices');
  if (plainSlices.known) return mapKnown(plainSlices, endpointsOfSlices);
  const endpoints = objects('endpoints');
  return endpoints.known ? mapKnown(endpoints, endpointsOfEndpoints) : slices;
}

function containerLogsOf(
  shelves: ClusterShelves,
  settlement: Settlement,
  expected: readonly string[],
): readonly ContainerLog[] {
  return unionInOrder(shelves.logs.paths(), expected).flatMap((path) => {
    const place = containerLogPlaceOf(path);
    return place === undefined ? [] : [{ path, ...place, lines: settleAt(settlement, shelves.logs, path) }];
  });
}

function unionInOrder(first: readonly string[], second: readonly string[]): readonly string[] {
  return [...new Set([...first, ...second])].sort(compareText);
}

function readVersion(file: BundleFile): Reading<string> {
  const parsed = parseJsonObject(file);
  if (!parsed.isUnderstood) return parsed;
  const server = parsed.value.serverVersion;
  const fields =
    typeof server === 'object' && server !== null && 'gitVersion' in server ? server : parsed.value;
  const version = textOf(fields.gitVersion);
  return version === undefined ? notUnderstood('not understood (no gitVersion in it)') : understood(version);
}
