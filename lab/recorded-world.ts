// What the recorded Kubernetes objects are made from, and the parts that all of them share: metadata, lists, times. In
// goes what the lab planned and observed, out come plain objects shaped as `kubectl get -o json` prints them (Kubernetes
// 1.36). Only what somebody diagnosing would read is there; defaults that say nothing are left out.
import { deriveUid } from './derived-names.ts';
import type { ApplicationState } from './agent-protocol.ts';
import type { PodObservation } from './kubelet.ts';
import type { LabPlan, PlannedPod } from './planned.ts';

export interface RecordedWorld {
  readonly plan: LabPlan;
  readonly startedAt: string;
  /** When this record was made. */
  readonly now: string;
  readonly observe: (pod: PlannedPod) => PodObservation;
  /** Of pods whose program is an application that may crash. */
  readonly application: (pod: PlannedPod) => ApplicationState | undefined;
  /** The container's output by run. */
  readonly logs: (pod: PlannedPod) => ReadonlyMap<number, readonly string[]>;
}

export type JsonObject = Readonly<Record<string, unknown>>;

/** A Kubernetes List as kubectl prints it. */
export function listOf(items: readonly JsonObject[]): JsonObject {
  return { apiVersion: 'v1', items, kind: 'List', metadata: { resourceVersion: '' } };
}

export interface ObjectIdentity {
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
}

/** The metadata that every object has; `more` goes over it. */
export function metadataOf(
  world: RecordedWorld,
  identity: ObjectIdentity,
  more: JsonObject = {},
): JsonObject {
  return {
    creationTimestamp: toSeconds(world.startedAt),
    name: identity.name,
    ...(identity.namespace === undefined ? {} : { namespace: identity.namespace }),
    resourceVersion: '1000',
    uid: uidOf(identity),
    ...more,
  };
}

export function uidOf({ kind, namespace, name }: ObjectIdentity): string {
  return deriveUid(`${kind} ${namespace ?? ''}/${name}`);
}

/** metav1.Time has no fractions. */
export function toSeconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

/** Whether the pod's program ended at least once and does not serve now. */
export function isCrashed(state: ApplicationState | undefined): boolean {
  return state !== undefined && !state.isServing && state.lastExit !== undefined;
}

export function isPodReady(world: RecordedWorld, pod: PlannedPod): boolean {
  return world.observe(pod).isReady && !isCrashed(world.application(pod));
}
