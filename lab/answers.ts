// What a running lab says about itself, and how it sends packets for somebody outside. In goes the lab, out come plain
// data. Pids are those of the lab's own pid namespace; whoever asks from outside translates them.
import { podKey, podNetns } from './plan.ts';
import type { ProbeResult } from './agent-protocol.ts';
import type { RunningLab } from './build.ts';
import type { RecordedWorld } from './recorded-world.ts';
import type { LabDescription, LabFlow, LabMachineDescription } from './control.ts';

export function describeRunningLab(lab: RunningLab): LabDescription {
  const { plan } = lab;
  return {
    name: plan.options.name,
    startedAt: lab.startedAt,
    options: plan.options,
    tailnet: lab.tailnet.kind,
    machines: [...lab.machines.values()].flatMap((machine): LabMachineDescription[] => {
      if (machine.kind === 'lan') return [];
      const podCidr = plan.nodes.find((node) => node.name === machine.name)?.podCidr;
      const tailnetAddress = lab.tailnet.addresses.get(machine.name);
      return [
        {
          name: machine.name,
          kind: machine.kind,
          pid: machine.pid,
          lanAddress: machine.lanAddress,
          ...(podCidr === undefined ? {} : { podCidr }),
          ...(tailnetAddress === undefined ? {} : { tailnetAddress }),
        },
      ];
    }),
    pods: plan.pods.map((pod) => ({
      ...pod,
      netns: podNetns(pod),
      isReady: lab.kubelets.observations.get(podKey(pod))?.isReady === true,
    })),
    services: plan.services,
    outsiders: plan.outsiders,
  };
}

/** What the recorded objects are made from, as it is now. */
export function observeWorld(lab: RunningLab): RecordedWorld {
  const unseen = { isReady: false, failures: 0, since: lab.startedAt };
  return {
    plan: lab.plan,
    startedAt: lab.startedAt,
    now: new Date().toISOString(),
    observe: (pod) => lab.kubelets.observations.get(podKey(pod)) ?? unseen,
    application: (pod) => lab.agents.get(podKey(pod))?.application(),
    logs: (pod) => lab.agents.get(podKey(pod))?.logs() ?? new Map<number, string[]>(),
  };
}

/** All at the same time; the results stand in the order of the flows. */
export async function probeFlows(
  lab: RunningLab,
  flows: readonly LabFlow[],
  timeoutMs: number,
): Promise<readonly ProbeResult[]> {
  const bySource = new Map<string, number[]>();
  flows.forEach((flow, at) => {
    const source = findSource(lab, flow.from);
    bySource.set(source, [...(bySource.get(source) ?? []), at]);
  });
  const results = new Array<ProbeResult>(flows.length);
  await Promise.all(
    [...bySource].map(async ([source, positions]) => {
      const targets = positions.flatMap((at) => {
        const flow = flows[at];
        return flow === undefined ? [] : [{ ...flow, timeoutMs }];
      });
      const answers = (await lab.agents.get(source)?.probe(targets)) ?? [];
      positions.forEach((at, order) => {
        results[at] = answers[order] ?? { outcome: 'failed', durationMs: 0, detail: 'no answer' };
      });
    }),
  );
  return results;
}

function findSource(lab: RunningLab, from: string): string {
  if (lab.agents.has(from)) return from;
  const pod = lab.plan.pods.find((candidate) => podKey(candidate).startsWith(`${from}-`));
  if (pod !== undefined) return podKey(pod);
  throw new Error(`this lab has no pod or machine ${from}; it has: ${[...lab.agents.keys()].join(', ')}`);
}
