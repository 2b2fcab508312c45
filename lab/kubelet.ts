// What the kubelets and the endpoint controller do: ask each pod from its own node whether it is ready, by real
// packets, and keep the Services' endpoints and kube-proxy's chains at what was found. In goes a running lab, out come
// observations that the recorded objects are made from. Everything counts as ready to begin with, as in a cluster that
// was healthy before the fault; times are a fraction of the kubelet's own.
import { expectSuccess } from './machine.ts';
import { updateServices } from './kube-proxy.ts';
import { proxyNode } from './proxy-node.ts';
import { podKey, podsOn } from './plan.ts';
import type { Agent } from './agent.ts';
import type { ApplicationState, ProbeResult } from './agent-protocol.ts';
import { proxiedPorts } from './service-endpoints.ts';
import type { ProxiedPort } from './service-endpoints.ts';
import type { LabMachine } from './machine.ts';
import type { LabPlan, PlannedPod } from './planned.ts';

export interface PodObservation {
  readonly isReady: boolean;
  /** Of readiness probes, in a row. */
  readonly failures: number;
  /** When `isReady` became what it is. */
  readonly since: string;
  readonly lastProbe?: ProbeResult;
}

export interface Observed {
  readonly plan: LabPlan;
  readonly machines: ReadonlyMap<string, LabMachine>;
  readonly agents: ReadonlyMap<string, Agent>;
}

export interface Kubelets {
  readonly observations: ReadonlyMap<string, PodObservation>;
  /** Resolves when nothing is expected to change any more without a change of the network, or after some seconds. */
  readonly settle: () => Promise<void>;
  /** Goes on observing for ever. */
  readonly watch: () => void;
}

const failureThreshold = 2;
const probeTimeoutMs = 1_000;
const settlePauseMs = 150;
const longestSettleMs = 10_000;
const watchPauseMs = 2_500;

export function startKubelets(lab: Observed): Kubelets {
  const { plan } = lab;
  const startedAt = new Date().toISOString();
  const observations = new Map<string, PodObservation>(
    plan.pods.map((pod) => [podKey(pod), { isReady: true, failures: 0, since: startedAt }]),
  );
  let written = proxiedPorts(plan, () => true);
  const observeOnce = async (): Promise<void> => {
    await Promise.all(plan.nodes.map((node) => observeNode(lab, node.name, observations)));
    const wanted = proxiedPorts(plan, (pod) => observations.get(podKey(pod))?.isReady === true);
    if (JSON.stringify(wanted) === JSON.stringify(written)) return;
    await writeServices(lab, { before: written, after: wanted });
    written = wanted;
  };
  return {
    observations,
    settle: async () => {
      const endsAt = Date.now() + longestSettleMs;
      do {
        await observeOnce();
        if (plan.pods.every((pod) => isSettled(lab, pod, observations))) return;
        await pause(settlePauseMs);
      } while (Date.now() < endsAt);
    },
    watch: () => void watchForEver(observeOnce),
  };
}

async function observeNode(
  lab: Observed,
  node: string,
  observations: Map<string, PodObservation>,
): Promise<void> {
  const asked = podsOn(lab.plan, node).filter((pod) => pod.readiness !== undefined);
  const results = await lab.agents.get(node)?.probe(
    asked.map((pod) => ({
      ip: pod.address,
      port: pod.readiness?.port ?? 0,
      path: pod.readiness?.path ?? '/',
      proto: 'http',
      timeoutMs: probeTimeoutMs,
    })),
  );
  asked.forEach((pod, at) => {
    const before = observations.get(podKey(pod));
    const result = results?.[at];
    if (before !== undefined && result !== undefined) observations.set(podKey(pod), judge(before, result));
  });
}

function judge(before: PodObservation, lastProbe: ProbeResult): PodObservation {
  const failures = lastProbe.outcome === 'ok' ? 0 : before.failures + 1;
  const isReady = failures === 0 || (before.isReady && failures < failureThreshold);
  const since = isReady === before.isReady ? before.since : new Date().toISOString();
  return { isReady, failures, since, lastProbe };
}

function isSettled(
  lab: Observed,
  pod: PlannedPod,
  observations: ReadonlyMap<string, PodObservation>,
): boolean {
  const observation = observations.get(podKey(pod));
  if (observation === undefined) return false;
  const application = lab.agents.get(podKey(pod))?.application();
  if (application !== undefined && !application.isServing && !isCrashLooping(application)) return false;
  if (application?.isServing === true && observation.failures > 0)
    return observation.failures >= failureThreshold;
  return observation.failures === 0 || observation.failures >= failureThreshold;
}

/** It has ended twice: once could be a start that came too early. */
function isCrashLooping({ restartCount, phase }: ApplicationState): boolean {
  return restartCount > 1 || (restartCount === 1 && phase === 'waiting');
}

interface ServiceChange {
  readonly before: readonly ProxiedPort[];
  readonly after: readonly ProxiedPort[];
}

async function writeServices({ plan, machines }: Observed, change: ServiceChange): Promise<void> {
  const following = plan.nodes.filter((node) => !plan.hangingProxies.includes(node.name));
  await Promise.all(
    following.map(async (node) => {
      const machine = machines.get(node.name);
      if (machine === undefined) return;
      const result = await updateServices(machine, plan.options.proxy, proxyNode(plan, node), change);
      expectSuccess(result, `writing the Services' rules on ${node.name}`);
    }),
  );
}

async function watchForEver(observeOnce: () => Promise<void>): Promise<never> {
  for (;;) {
    await pause(watchPauseMs);
    // One round that failed (a tool was killed, a node is being changed by hand) is no reason to stop looking.
    await observeOnce().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
  }
}

function pause(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
