// What `waylaid lab` prints, as text or JSON, and the exit code that goes with it. In go the lab's own descriptions.
import { spawn } from 'node:child_process';
import {
  describeLab,
  enterCommand,
  listFaults,
  listRunningLabs,
  probeLab,
  whyNoLab,
} from '../../../lab/client.ts';
import { listMatrixFlows, listSources, listTargets } from '../../../lab/matrix.ts';
import { podKey } from '../../../lab/plan.ts';
import type { ProbeOutcome } from '../../../lab/agent-protocol.ts';
import type { LabDescription } from '../../../lab/control.ts';

type Output = 'text' | 'json';

/** Meaning never by colour alone: one letter each. */
const symbols: Record<ProbeOutcome, string> = {
  ok: '·',
  timeout: 'T',
  refused: 'R',
  unreachable: 'U',
  failed: 'F',
};
const legend = '· arrives   T timeout   R refused   U unreachable   F other failure';

export function printUp(lab: LabDescription, durationMs: number, output: Output): number {
  if (output === 'json') return printJson(lab);
  const seconds = (durationMs / 1000).toFixed(1);
  const nodes = lab.machines.filter((machine) => machine.kind === 'node').length;
  const fault = lab.options.faults.length === 0 ? 'healthy' : lab.options.faults.join(', ');
  const name = lab.name === 'lab' ? '' : ` --name ${lab.name}`;
  return printLines([
    `lab ${lab.name} is up after ${seconds} s: ${nodes} nodes, ${lab.pods.length} pods, ${fault}`,
    `look: waylaid lab probe${name} · waylaid lab exec${name} node-2 -- ip rule · waylaid lab down${name}`,
  ]);
}

export function printList(output: Output): Promise<number> {
  const labs = whyNoLab() === undefined ? listRunningLabs() : [];
  const faults = listFaults().map(({ name, title, description, expected }) => ({
    name,
    title,
    description,
    expected,
  }));
  if (output === 'json') return Promise.resolve(printJson({ faults, labs }));
  const width = Math.max(...faults.map((fault) => fault.name.length));
  return Promise.resolve(
    printLines([
      ...faults.map((fault) => `${fault.name.padEnd(width)}  ${fault.title}`),
      '',
      labs.length === 0 ? 'no lab is running' : `running: ${labs.join(', ')}`,
    ]),
  );
}

export async function printStatus(name: string, output: Output): Promise<number> {
  const lab = await openLab(name);
  if (output === 'json') return printJson(lab);
  const machines = lab.machines.map((machine) => [
    machine.name,
    machine.lanAddress,
    machine.podCidr ?? '-',
    machine.tailnetAddress ?? '-',
    String(machine.pid),
  ]);
  const pods = lab.pods.map((pod) => [
    podKey(pod),
    pod.node,
    pod.address,
    pod.isReady ? 'ready' : 'not ready',
  ]);
  const services = lab.services.map((service) => [
    podKey(service),
    service.clusterIp,
    service.ports.map((port) => `${port.port}/${port.protocol}`).join(' '),
  ]);
  return printLines([
    `lab ${lab.name}, since ${lab.startedAt}, tailnet ${lab.tailnet}, faults: ${lab.options.faults.join(', ') || 'none'}`,
    '',
    ...formatTable(['machine', 'LAN', 'pods', 'tailnet', 'pid'], machines),
    '',
    ...formatTable(['pod', 'node', 'address', ''], pods),
    '',
    ...formatTable(['service', 'address', 'ports'], services),
  ]);
}

/** 0 when everything arrives, 1 when something does not. */
export async function printProbe(name: string, timeoutMs: number, output: Output): Promise<number> {
  const lab = await openLab(name);
  const flows = listMatrixFlows(lab);
  const results = await probeLab(name, flows, timeoutMs);
  const measured = flows.map((flow, at) => ({ ...flow, ...results[at] }));
  const failed = measured.filter((flow) => flow.outcome !== 'ok').length;
  if (output === 'json') printJson(measured);
  else {
    const outcomes = new Map(measured.map((flow) => [`${flow.from} ${flow.to}`, flow.outcome]));
    printLines([
      ...formatMatrix(lab, outcomes),
      '',
      legend,
      `${measured.length} attempts, ${measured.length - failed} arrived, ${failed} did not`,
    ]);
  }
  return failed === 0 ? 0 : 1;
}

/** The command's own exit code. */
export async function runInLab(name: string, target: string, command: readonly string[]): Promise<number> {
  const [program = '', ...rest] = [...enterCommand(await openLab(name), target), ...command];
  return new Promise((resolve, reject) => {
    const child = spawn(program, rest, { stdio: 'inherit' });
    child.on('error', reject);
    child.on('exit', (code) => resolve(code ?? 2));
  });
}

function openLab(name: string): Promise<LabDescription> {
  const problem = whyNoLab();
  if (problem !== undefined) throw new Error(problem);
  return describeLab(name);
}

function formatMatrix(
  lab: LabDescription,
  outcomes: ReadonlyMap<string, ProbeOutcome | undefined>,
): string[] {
  const sources = listSources(lab);
  const targets = listTargets(lab);
  const width = Math.max(...sources.map((source) => source.length));
  const numbers = targets.map((_, at) => String(at + 1).padStart(3)).join('');
  return [
    ...targets.map(
      (target, at) =>
        `${String(at + 1).padStart(3)}  ${target.name} ${target.ip}:${target.port}/${target.proto}`,
    ),
    '',
    `${'from \\ to'.padEnd(width)}${numbers}`,
    ...sources.map((source) => {
      const cells = targets.map((target) => {
        const outcome = outcomes.get(`${source} ${target.name}`);
        return (outcome === undefined ? ' ' : symbols[outcome]).padStart(3);
      });
      return `${source.padEnd(width)}${cells.join('')}`;
    }),
  ];
}

function formatTable(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}

function printJson(value: unknown): number {
  return printLines([JSON.stringify(value, undefined, 2)]);
}

function printLines(lines: readonly string[]): number {
  process.stdout.write(`${lines.join('\n')}\n`);
  return 0;
}
