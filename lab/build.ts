// Builds a lab inside the namespaces this process was started in: machines, LAN, nodes, pods, tailnet, faults, and waits
// until the application has settled, well or ill. In go the options and the lab's folder, out comes the running lab.
// Everything that can go at the same time does; the order below is only what must wait for what.
import { startMachineAgent, startPodAgent } from './agent.ts';
import { findFault } from './fault-list.ts';
import { exchangeFolder, startHolder } from './holder.ts';
import { startKubelets } from './kubelet.ts';
import { resyncText } from './kube-router.ts';
import { expectSuccess, openLan, openMachine } from './machine.ts';
import { hostScript, lanLinkCommands, nodeScript } from './node-network.ts';
import { packetFilterScript } from './node-filter.ts';
import { serveOutside } from './outside.ts';
import { apiServerPort, kubeletPort, podKey } from './plan.ts';
import { planWithFaults } from './plan-with-faults.ts';
import { clusterDomain, hostFilesScript, nodeFilesScript } from './pod-files.ts';
import { proxiedPorts, selectPods } from './service-endpoints.ts';
import { startTailnet } from './tailnet.ts';
import { databaseAddress } from './workload-settings.ts';
import type { Agent } from './agent.ts';
import type { AgentConfig, AgentListener } from './agent-protocol.ts';
import type { Kubelets } from './kubelet.ts';
import type { LabMachine } from './machine.ts';
import type { LabOptions, LabPlan, PlannedPod } from './planned.ts';
import type { Tailnet } from './tailnet-request.ts';

export interface RunningLab {
  readonly plan: LabPlan;
  readonly startedAt: string;
  readonly machines: ReadonlyMap<string, LabMachine>;
  /** By `namespace/pod` and by machine name. */
  readonly agents: ReadonlyMap<string, Agent>;
  readonly kubelets: Kubelets;
  readonly tailnet: Tailnet;
}

export type Report = (line: string) => void;

export async function buildLab(options: LabOptions, folder: string, report: Report): Promise<RunningLab> {
  const startedAt = new Date().toISOString();
  const plan = planWithFaults(options);
  const faults = options.faults.map(findFault);
  const lan = openLan(plan.lan.gateway);
  const machines = await startMachines(plan, lan, folder);
  report(`LAN with ${plan.nodes.length} nodes and ${plan.hosts.map((host) => host.name).join(', ')}`);
  await setUpMachines(plan, machines);
  report('pod network, Services, policy chains');
  const agents = new Map<string, Agent>();
  const [tailnet] = await Promise.all([
    joinTailnet(plan, lan, machines, `${folder}/${exchangeFolder}`, report),
    startAgents(plan, machines, agents, (pod) => pod.program !== 'api'),
  ]);
  if (plan.hasPolicyController) await resyncPolicies(plan, machines);
  report(`tailnet (${tailnet.kind}) and ${agents.size} programs`);
  for (const fault of faults) {
    await fault.make?.({ plan, machines, tailnet });
    report(`fault: ${fault.title}`);
  }
  await startAgents(plan, machines, agents, (pod) => pod.program === 'api');
  const kubelets = startKubelets({ plan, machines, agents });
  await kubelets.settle();
  return { plan, startedAt, machines, agents, kubelets, tailnet };
}

async function startMachines(
  plan: LabPlan,
  lan: LabMachine,
  folder: string,
): Promise<Map<string, LabMachine>> {
  const exchange = await lan.run([
    'mount',
    '-t',
    'tmpfs',
    '-o',
    'mode=755',
    'tmpfs',
    `${folder}/${exchangeFolder}`,
  ]);
  expectSuccess(exchange, "mounting the lab's private folder");
  const planned = [
    ...plan.nodes.map((node) => ({ ...node, kind: 'node' as const })),
    ...plan.hosts.map((host) => ({ ...host, kind: 'host' as const })),
  ];
  const held = await Promise.all(
    planned.map(async ({ name, kind, lanAddress }) => {
      const { pid } = await startHolder(name, folder);
      return openMachine({ name, kind, pid, lanAddress });
    }),
  );
  const pids = new Map(held.map((machine) => [machine.name, machine.pid]));
  // Forwarding stays off on the LAN: what leaks towards its router gets an answer to ARP and then no answer at all, as
  // from a router that knows nothing of pods.
  const script = `echo 0 > /proc/sys/net/ipv4/ip_forward
ip -batch - <<'END-OF-BATCH'
${lanLinkCommands(plan, pids).join('\n')}
END-OF-BATCH`;
  expectSuccess(await lan.run(['sh', '-e'], { input: script }), 'making the LAN');
  await serveOutside();
  return new Map(held.map((machine) => [machine.name, machine]));
}

async function setUpMachines(plan: LabPlan, machines: ReadonlyMap<string, LabMachine>): Promise<void> {
  const ports = proxiedPorts(plan, () => true);
  const scripts = new Map<string, string>();
  for (const node of plan.nodes) {
    const filter = packetFilterScript(plan, node, ports);
    scripts.set(node.name, `${nodeScript(plan, node)}\n${filter}\n${nodeFilesScript(plan, node)}\n`);
  }
  for (const host of plan.hosts) {
    scripts.set(host.name, `${hostScript(plan, host.lanAddress)}\n${hostFilesScript(plan)}\n`);
  }
  await Promise.all(
    [...scripts].map(async ([name, script]) => {
      const result = await machines.get(name)?.run(['sh', '-e'], { input: script });
      if (result !== undefined) expectSuccess(result, `setting up ${name}`);
    }),
  );
}

/** tailscaled has put its jumps first when it started; the policy controller's next sync puts its own before them. */
async function resyncPolicies(plan: LabPlan, machines: ReadonlyMap<string, LabMachine>): Promise<void> {
  await Promise.all(
    plan.nodes.map(async ({ name }) => {
      const result = await machines.get(name)?.run(['iptables-restore', '--noflush'], { input: resyncText });
      if (result !== undefined) expectSuccess(result, `syncing the policy chains on ${name}`);
    }),
  );
}

async function joinTailnet(
  plan: LabPlan,
  lan: LabMachine,
  machines: ReadonlyMap<string, LabMachine>,
  folder: string,
  report: Report,
): Promise<Tailnet> {
  const members = plan.tailnet.flatMap(({ machine: name, ...wishes }) => {
    const machine = machines.get(name);
    return machine === undefined ? [] : [{ machine, ...wishes }];
  });
  return startTailnet({ lan, members, folder, report });
}

/** Starts the programs of the pods that `isWanted` picks, and with the first of them the machines' own. */
async function startAgents(
  plan: LabPlan,
  machines: ReadonlyMap<string, LabMachine>,
  agents: Map<string, Agent>,
  isWanted: (pod: PlannedPod) => boolean,
): Promise<void> {
  for (const machine of machines.values()) {
    if (agents.has(machine.name)) continue;
    const listeners = machineListeners(plan, machine);
    agents.set(machine.name, startMachineAgent(machine, { name: machine.name, listeners, clusterDomain }));
  }
  for (const pod of plan.pods.filter(isWanted)) {
    const machine = machines.get(pod.node);
    if (machine !== undefined) agents.set(podKey(pod), startPodAgent(machine, pod, podConfig(plan, pod)));
  }
  await Promise.all([...agents.values()].map((agent) => agent.listening));
}

/** A node's kubelet, the first one's API server, another machine's SSH: something that answers a connection. */
function machineListeners(plan: LabPlan, machine: LabMachine): AgentListener[] {
  if (machine.kind === 'host') return [{ kind: 'tcp', port: 22 }];
  const kubelet: AgentListener = { kind: 'tcp', port: kubeletPort };
  return machine.name === plan.nodes[0]?.name ? [kubelet, { kind: 'tcp', port: apiServerPort }] : [kubelet];
}

function podConfig(plan: LabPlan, pod: PlannedPod): AgentConfig {
  const base = { name: podKey(pod), clusterDomain };
  switch (pod.program) {
    case 'api':
      return { ...base, listeners: [], application: { port: 8000, ...databaseAddress } };
    case 'database':
      return { ...base, listeners: [{ kind: 'tcp', port: 5432 }] };
    case 'web':
      return { ...base, listeners: [{ kind: 'http', port: 8080 }] };
    case 'dns':
      return { ...base, listeners: [{ kind: 'dns', port: 53 }, ...dnsSidePorts], zone: zoneRecords(plan) };
  }
}

/** Metrics, readiness and health, on the ports of k3s's Corefile. */
const dnsSidePorts: readonly AgentListener[] = [9153, 8181, 8080].map((port) => ({ kind: 'http', port }));

function zoneRecords(plan: LabPlan): Record<string, string> {
  return Object.fromEntries([
    ...plan.services.map((service) => [
      `${service.name}.${service.namespace}.svc.${clusterDomain}`,
      service.clusterIp === 'None' ? (selectPods(plan, service)[0]?.address ?? '') : service.clusterIp,
    ]),
    ...plan.nodes.map((node) => [node.name, node.lanAddress]),
  ]) as Record<string, string>;
}
