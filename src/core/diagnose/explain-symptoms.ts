// Hangs each symptom under the causes that make it: those without whose change its flows would still fail. A service that
// has no endpoints because its pods are unwell inherits what explains the pods. What is left is history (the model says it
// works now), or has other reasons (named), or stays unexplained.
import { awaitsEndpoints } from './awaits-endpoints.ts';
import type { JudgedIntent, Symptom } from './diagnosis.ts';
import type { ObservedSymptom } from './symptoms/observed-symptom.ts';
import type { World } from './world.ts';
import type { Flow } from '../trace/flow.ts';

export interface Explaining {
  readonly base: World;
  /** Cause ids that a flow needs to be healed; empty where it is not healed. */
  readonly causesOf: (flow: Flow) => readonly string[];
  readonly judged: readonly JudgedIntent[];
  /** Cause ids by the failing intents' ids. */
  readonly causesOfIntent: ReadonlyMap<string, readonly string[]>;
}

export function explainSymptoms(observed: readonly ObservedSymptom[], about: Explaining): readonly Symptom[] {
  const entries = settle(
    observed.map((symptom) => ({ observed: symptom, causes: directCauses(symptom, about) })),
    about,
  );
  return entries.map((entry, index) => {
    const { causes } = entry;
    const { notConnectivity, ...symptom } = entry.observed.symptom;
    const why =
      causes.length > 0 ? undefined : (notConnectivity ?? otherReason(entry.observed, about, observed));
    return {
      id: `s${index + 1}`,
      ...symptom,
      explainedBy: causes,
      ...(why === undefined ? {} : { notConnectivity: why }),
    };
  });
}

/** What explains one pod explains those that need it, and those that need them: until nothing is added. */
function settle(entries: readonly Entry[], about: Explaining): readonly Entry[] {
  const byPod = collectByPod(entries);
  const next = entries.map((entry) => ({
    observed: entry.observed,
    causes: [...new Set([...entry.causes, ...inheritedCauses(entry.observed, about, byPod)])].sort(),
  }));
  const isSettled = next.every((entry, index) => entry.causes.length === entries[index]?.causes.length);
  return isSettled ? next : settle(next, about);
}

interface Entry {
  readonly observed: ObservedSymptom;
  readonly causes: readonly string[];
}

function directCauses(observed: ObservedSymptom, about: Explaining): readonly string[] {
  if (observed.symptom.notConnectivity !== undefined) return [];
  const failing = observed.flows.filter((flow) => fails(about.base, flow));
  return failing.flatMap((flow) => about.causesOf(flow));
}

function fails(world: World, flow: Flow): boolean {
  const { verdict } = world.trace(flow);
  return verdict === 'fails' || verdict === 'partly';
}

function collectByPod(entries: readonly Entry[]): ReadonlyMap<string, readonly string[]> {
  const byPod = new Map<string, readonly string[]>();
  for (const { observed, causes } of entries) {
    if (observed.pod === undefined) continue;
    byPod.set(observed.pod, [...(byPod.get(observed.pod) ?? []), ...causes]);
  }
  return byPod;
}

/** A crash loop has what its log has; without a log, what its pod's own connections have; and endpoints pass it on. */
function inheritedCauses(
  observed: ObservedSymptom,
  about: Explaining,
  byPod: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (observed.symptom.notConnectivity !== undefined) return [];
  const fromLog = observed.followsLog && observed.pod !== undefined ? (byPod.get(observed.pod) ?? []) : [];
  const fromFlows =
    observed.followsLog && fromLog.length === 0 && !hasLog(observed, about)
      ? causesOfPod(observed, about)
      : [];
  return [
    ...fromLog,
    ...fromFlows,
    ...observed.flows.flatMap((flow) => causesOfEndpoints(flow, about, byPod)),
  ];
}

function hasLog(observed: ObservedSymptom, about: Explaining): boolean {
  const { logs } = about.base.network.cluster;
  return logs.some((log) => `pod/${log.namespace}/${log.pod}` === observed.pod && log.lines.known);
}

function causesOfPod(observed: ObservedSymptom, about: Explaining): readonly string[] {
  const { pod } = observed;
  if (pod === undefined) return [];
  const own = about.judged.filter(({ intent }) => intent.flow.from === pod);
  return own.flatMap(({ intent }) => about.causesOfIntent.get(intent.id) ?? []);
}

/** The Service has nothing behind it that is ready: what explains those pods explains this. */
export function causesOfEndpoints(
  flow: Flow,
  about: Pick<Explaining, 'base'>,
  byPod: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  if (!awaitsEndpoints(about.base.network, flow)) return [];
  const { cluster } = about.base.network;
  const services = cluster.services.known ? cluster.services.value : [];
  const service = services.find((candidate) => candidate.clusterIps.includes(flow.to));
  if (service === undefined || service.selector.size === 0 || !cluster.pods.known) return [];
  const behind = cluster.pods.value.filter(
    (pod) =>
      pod.namespace === service.namespace &&
      [...service.selector].every(([key, value]) => pod.labels.get(key) === value),
  );
  return behind.flatMap((pod) => byPod.get(`pod/${pod.namespace}/${pod.name}`) ?? []);
}

function otherReason(
  observed: ObservedSymptom,
  about: Explaining,
  all: readonly ObservedSymptom[],
): string | undefined {
  const { symptom } = observed;
  if (symptom.class === 'auth') return 'the server answered and said no';
  if (symptom.class === 'dns-nxdomain') return 'the name server answered: there is no such name';
  const arrives =
    observed.flows.length > 0 && observed.flows.every((flow) => about.base.trace(flow).verdict === 'arrives');
  if (observed.isPast && (arrives || observed.flows.length === 0)) return 'it is history: the pod works now';
  if (symptom.kind === 'crash-loop' && hasLog(observed, about) && !hasConnectionError(observed, all)) {
    return 'its log speaks of no failing connection: it stops for reasons of its own';
  }
  if (symptom.kind === 'not-ready' && arrives && !hasConnectionError(observed, all)) {
    return 'the kubelet reaches it: it says of itself that it is not ready';
  }
  return undefined;
}

function hasConnectionError(observed: ObservedSymptom, all: readonly ObservedSymptom[]): boolean {
  return all.some((other) => other.pod === observed.pod && other.symptom.kind === 'log-error');
}
