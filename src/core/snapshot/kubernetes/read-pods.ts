// Pod objects as facts: where they run, which addresses they have, and what became of their containers.
import type { ContainerFact, ContainerTermination, Json, KubeObject, PodFact } from '../cluster-facts.ts';
import { numberOf, objectOf, objectsOf, textMapOf, textOf, withoutUndefined } from '../syntax/parse-json.ts';
import type { JsonObject } from '../syntax/parse-json.ts';
import { addressesOf, conditionOf, protocolOf } from './object-fields.ts';

export function podsOf(objects: readonly KubeObject[]): readonly PodFact[] {
  return objects.map((object) => podOf(object));
}

function podOf(object: KubeObject): PodFact {
  const metadata = objectOf(object.raw.metadata);
  const spec = objectOf(object.raw.spec);
  const status = objectOf(object.raw.status);
  return withoutUndefined<PodFact>({
    evidence: object.evidence,
    namespace: object.namespace ?? 'default',
    name: object.name,
    uid: textOf(metadata?.uid),
    nodeName: textOf(spec?.nodeName),
    isHostNetwork: spec?.hostNetwork === true,
    ips: ipsOf(status),
    phase: textOf(status?.phase),
    isReady: conditionOf(status?.conditions, 'Ready'),
    isTerminating: textOf(metadata?.deletionTimestamp) !== undefined,
    labels: textMapOf(metadata?.labels),
    containers: [
      ...containersOf(spec?.initContainers, status?.initContainerStatuses, true),
      ...containersOf(spec?.containers, status?.containerStatuses, false),
    ],
    dnsPolicy: textOf(spec?.dnsPolicy),
    owner: ownerOf(metadata?.ownerReferences),
  });
}

/** The first of `podIPs` is `podIP`. */
function ipsOf(status: JsonObject | undefined): PodFact['ips'] {
  return addressesOf([textOf(status?.podIP), ...objectsOf(status?.podIPs).map((entry) => textOf(entry.ip))]);
}

function containersOf(
  specs: Json | undefined,
  statuses: Json | undefined,
  isInit: boolean,
): readonly ContainerFact[] {
  const byName = new Map(objectsOf(statuses).map((status) => [textOf(status.name), status]));
  return objectsOf(specs).map((spec) => {
    const name = textOf(spec.name) ?? '';
    const status = byName.get(name);
    const state = objectOf(status?.state);
    const waiting = objectOf(state?.waiting);
    return withoutUndefined<ContainerFact>({
      name,
      isInit,
      isReady: status?.ready === true,
      restartCount: numberOf(status?.restartCount) ?? 0,
      ports: portsOf(spec.ports),
      waitingReason: textOf(waiting?.reason),
      waitingMessage: textOf(waiting?.message),
      lastTermination: terminationOf(state) ?? terminationOf(objectOf(status?.lastState)),
      isRunning: objectOf(state?.running) !== undefined,
    });
  });
}

function portsOf(json: Json | undefined): ContainerFact['ports'] {
  return objectsOf(json).flatMap((entry) => {
    const port = numberOf(entry.containerPort);
    const named = { name: textOf(entry.name), port: port ?? 0, protocol: protocolOf(entry.protocol) };
    return port === undefined ? [] : [withoutUndefined(named)];
  });
}

function terminationOf(state: JsonObject | undefined): ContainerTermination | undefined {
  const terminated = objectOf(state?.terminated);
  if (terminated === undefined) return undefined;
  return withoutUndefined<ContainerTermination>({
    reason: textOf(terminated.reason),
    exitCode: numberOf(terminated.exitCode),
    message: textOf(terminated.message),
    finishedAt: textOf(terminated.finishedAt),
  });
}

function ownerOf(references: Json | undefined): PodFact['owner'] {
  const owner = objectsOf(references).find((reference) => reference.controller === true);
  const kind = textOf(owner?.kind);
  const name = textOf(owner?.name);
  return kind === undefined || name === undefined ? undefined : { kind, name };
}
