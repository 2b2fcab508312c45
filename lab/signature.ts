// What a fault does to real packets, written down by the fault itself and held against every attempt in its lab: who tries
// to reach whom by which way, who might answer, and with what outcome. In go a description, out come attempts with the
// outcomes that a signature allows. A Service's packet may go to any of its endpoints, so its outcomes are those of all.
import type { ProbeOutcome } from './agent-protocol.ts';
import type { LabDescription, LabFlow } from './control.ts';
import { listMatrixFlows } from './matrix.ts';
import { podKey } from './plan.ts';
import { listServiceFlows } from './service-flows.ts';
import type { ServiceFlow } from './service-flows.ts';

export interface Attempt {
  readonly flow: LabFlow;
  readonly from: { readonly kind: 'pod' | 'node' | 'host'; readonly name: string; readonly node?: string };
  readonly kind: ServiceFlow['kind'] | 'pod' | 'service' | 'machine';
  /** `namespace/pod`, `namespace/service`, a machine's name, an outsider's. */
  readonly to: string;
  /** Whose address is used, where that is not who answers. */
  readonly entry?: string;
  readonly endpoints: readonly Endpoint[];
}

/** Who may answer: a pod on a node, a node itself, or (neither) somebody who is none of the cluster. */
export interface Endpoint {
  readonly pod?: string;
  readonly node?: string;
}

/** Whether the one who asks is that node or one of its pods. */
export function isOnNode(from: Attempt['from'], node: string): boolean {
  return from.node === node;
}

/**
 * The node whose rules choose the endpoint; undefined where a machine outside the cluster sends straight to a pod's node. The
 * lab's subnet router reaches Services by way of the first node.
 */
export function firstNode({ from, kind, entry }: Attempt): string | undefined {
  if (kind === 'nodeport') return entry;
  if (from.node !== undefined) return from.node;
  if (kind === 'external') return entry;
  return kind === 'service' || kind === 'fixed-port' ? 'node-1' : undefined;
}

/** Undefined: it arrives. */
export type Signature = (
  attempt: Attempt,
  endpoint: Endpoint,
) => ProbeOutcome | readonly ProbeOutcome[] | undefined;

export function allowedOutcomes(signature: Signature, attempt: Attempt): readonly ProbeOutcome[] {
  const outcomes = attempt.endpoints.flatMap((endpoint) => signature(attempt, endpoint) ?? 'ok');
  return [...new Set(outcomes)];
}

/** Everything that can be tried, but for the application, whose port is closed whenever its database is out of reach. */
export function listAttempts(lab: LabDescription): Attempt[] {
  const matrix = listMatrixFlows(lab).map((flow): Omit<Attempt, 'from' | 'endpoints'> => {
    if (flow.to.startsWith('service/'))
      return { flow, kind: 'service', to: flow.to.slice('service/'.length) };
    const isPod = lab.pods.some((pod) => podKey(pod) === flow.to);
    return { flow, kind: isPod ? 'pod' : 'machine', to: flow.to };
  });
  const more = listServiceFlows(lab).map((flow): Omit<Attempt, 'from' | 'endpoints'> => {
    const entry = flow.node ?? lab.machines.find((machine) => machine.lanAddress === flow.ip)?.name;
    return { flow, kind: flow.kind, to: flow.to, ...(entry === undefined ? {} : { entry }) };
  });
  return [...matrix, ...more]
    .map((attempt) => ({
      ...attempt,
      from: describeSource(lab, attempt.flow.from),
      endpoints: findEndpoints(lab, attempt),
    }))
    .filter(({ endpoints }) => !endpoints.some(({ pod }) => isApplication(lab, pod)));
}

function isApplication(lab: LabDescription, key: string | undefined): boolean {
  return lab.pods.some((pod) => podKey(pod) === key && pod.program === 'api');
}

function describeSource(lab: LabDescription, name: string): Attempt['from'] {
  const pod = lab.pods.find((candidate) => podKey(candidate) === name);
  if (pod !== undefined) return { kind: 'pod', name, node: pod.node };
  const isNode = lab.machines.some((machine) => machine.name === name && machine.kind === 'node');
  return isNode ? { kind: 'node', name, node: name } : { kind: 'host', name };
}

function findEndpoints(lab: LabDescription, { to }: Pick<Attempt, 'to'>): readonly Endpoint[] {
  const pod = lab.pods.find((candidate) => podKey(candidate) === to);
  if (pod !== undefined) return [{ pod: to, node: pod.node }];
  const service = lab.services.find((candidate) => podKey(candidate) === to);
  if (service === undefined) {
    const isNode = lab.machines.some((machine) => machine.name === to && machine.kind === 'node');
    return [isNode ? { node: to } : {}];
  }
  const { selector } = service;
  if (selector === undefined) return [{ node: 'node-1' }];
  return lab.pods
    .filter(
      (candidate) =>
        candidate.namespace === service.namespace &&
        Object.entries(selector).every(([key, value]) => candidate.labels[key] === value),
    )
    .map((candidate) => ({ pod: podKey(candidate), node: candidate.node }));
}
