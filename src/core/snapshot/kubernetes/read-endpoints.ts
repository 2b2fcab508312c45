// EndpointSlices (discovery.k8s.io/v1) and, where those are all there is, Endpoints as facts. A condition that is not
// there counts as true for `ready` and as false for `terminating`. A slice that names no Service belongs to nobody that
// is followed here and is left out.
import type { EndpointFact, EndpointsFact, Json, KubeObject } from '../cluster-facts.ts';
import {
  flagOf,
  numberOf,
  objectOf,
  objectsOf,
  textMapOf,
  textOf,
  textsOf,
  withoutUndefined,
} from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { addressesOf, protocolOf } from './object-fields.ts';

export function endpointsOfSlices(slices: readonly KubeObject[]): readonly EndpointsFact[] {
  return slices.flatMap((slice) => {
    const serviceName = textMapOf(objectOf(slice.raw.metadata)?.labels).get('kubernetes.io/service-name');
    if (serviceName === undefined) return [];
    const fact: EndpointsFact = {
      evidence: slice.evidence,
      namespace: slice.namespace ?? 'default',
      serviceName,
      ports: portsOf(slice.raw.ports),
      endpoints: objectsOf(slice.raw.endpoints).map((entry) => endpointOfSlice(entry, slice.namespace)),
    };
    return [fact];
  });
}

function endpointOfSlice(entry: JsonObject, namespace: string | undefined): EndpointFact {
  const conditions = objectOf(entry.conditions);
  return withoutUndefined<EndpointFact>({
    addresses: addressesOf(textsOf(entry.addresses)),
    isReady: flagOf(conditions?.ready) ?? true,
    isTerminating: flagOf(conditions?.terminating) ?? false,
    nodeName: textOf(entry.nodeName),
    targetPod: targetPodOf(objectOf(entry.targetRef), namespace),
  });
}

/** One fact a subset: a subset's ports belong to its addresses only. */
export function endpointsOfEndpoints(objects: readonly KubeObject[]): readonly EndpointsFact[] {
  return objects.flatMap((object) =>
    objectsOf(object.raw.subsets).map((subset, index) => ({
      evidence: { ...object.evidence, at: `${object.evidence.at ?? ''}/subsets/${index}` },
      namespace: object.namespace ?? 'default',
      serviceName: object.name,
      ports: portsOf(subset.ports),
      endpoints: [
        ...endpointsOfSubset(subset.addresses, true, object.namespace),
        ...endpointsOfSubset(subset.notReadyAddresses, false, object.namespace),
      ],
    })),
  );
}

function endpointsOfSubset(
  json: Json | undefined,
  isReady: boolean,
  namespace: string | undefined,
): readonly EndpointFact[] {
  return objectsOf(json).map((entry) =>
    withoutUndefined<EndpointFact>({
      addresses: addressesOf([textOf(entry.ip)]),
      isReady,
      isTerminating: false,
      nodeName: textOf(entry.nodeName),
      targetPod: targetPodOf(objectOf(entry.targetRef), namespace),
    }),
  );
}

/** As `namespace/name`, like the pods' namespaces of a machine. */
function targetPodOf(target: JsonObject | undefined, namespace: string | undefined): string | undefined {
  const name = textOf(target?.name);
  if (name === undefined || textOf(target?.kind) !== 'Pod') return undefined;
  return `${textOf(target?.namespace) ?? namespace ?? 'default'}/${name}`;
}

function portsOf(json: Json | undefined): EndpointsFact['ports'] {
  return objectsOf(json).flatMap((entry) => {
    const port = numberOf(entry.port);
    const named = { name: textOf(entry.name), port: port ?? 0, protocol: protocolOf(entry.protocol) };
    return port === undefined ? [] : [withoutUndefined(named)];
  });
}
