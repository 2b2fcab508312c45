// The outside of the lab: start one, ask it, run commands and send packets in it, stop it. In go names and options, out
// come plain data. Needs root on Linux; every function throws one sentence where it cannot do what it says.
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import type { ChildProcess } from 'node:child_process';
import { readLines } from './agent-protocol.ts';
import { askLab } from './control.ts';
import { faults } from './fault-list.ts';
import { runCommand } from './machine.ts';
import { planWithFaults } from './plan-with-faults.ts';
import { supervisorProgram } from './programs.ts';
import { killHolder, outsidePid } from './lab-processes.ts';
import {
  claimFolder,
  labFolder,
  listLabs,
  logPath,
  readState,
  removeFolder,
  socketPath,
  stateHeldBy,
  writeState,
} from './state.ts';
import type { ProbeResult } from './agent-protocol.ts';
import type { LabDescription, LabFlow } from './control.ts';
import type { LabFault } from './fault.ts';
import type { RunOptions, RunResult } from './machine.ts';
import type { LabOptions } from './planned.ts';
import type { StartOrder, SupervisorMessage } from './start-protocol.ts';

export const defaultLabOptions: LabOptions = {
  name: 'lab',
  nodeCount: 3,
  clusterCidr: '10.42.0.0/16',
  serviceCidr: '10.43.0.0/16',
  proxy: 'iptables',
  faults: [],
};

/** Everything on this machine that `lab up` could do: the faults, and the names of the labs that are running. */
export function listFaults(): readonly LabFault[] {
  return faults;
}

export function listRunningLabs(): readonly string[] {
  return listLabs();
}

/** One sentence when labs cannot run here. */
export function whyNoLab(): string | undefined {
  if (process.platform !== 'linux') return 'the lab needs Linux: it is made of network namespaces';
  if (process.getuid?.() !== 0) return 'the lab needs root, to make network namespaces: run it with sudo';
  return undefined;
}

/**
 * Builds a lab and leaves it running. If this process dies before the promise resolves, however it dies, the lab goes
 * with it.
 */
export async function startLab(
  wishes: Partial<LabOptions> = {},
  report: (line: string) => void = () => undefined,
): Promise<LabDescription> {
  const options = { ...defaultLabOptions, ...wishes };
  const problem = whyNoLab();
  if (problem !== undefined) throw new Error(problem);
  // A wish that cannot be met is said here, before anything is made.
  planWithFaults(options);
  const program = supervisorProgram();
  claimFolder(options);
  try {
    const child = spawnSupervisor(options.name, program);
    writeState(stateHeldBy(options, child.pid ?? 0));
    await followStart(child, { options, folder: labFolder(options.name) }, report);
    return await describeLab(options.name);
  } catch (error) {
    await stopLab(options.name);
    throw error;
  }
}

/** Kills the lab and waits until its last process is gone. False when there was none of that name. */
export async function stopLab(name: string): Promise<boolean> {
  const state = readState(name);
  // Between the claim of the folder and the start of the holder, the lab is held by its starter: by this process.
  if (state !== undefined && state.holderPid !== process.pid) await killHolder(state);
  removeFolder(name);
  return state !== undefined;
}

export async function describeLab(name: string): Promise<LabDescription> {
  const state = requireState(name);
  const description = await askLab(socketPath(name), { ask: 'describe' });
  return {
    ...description,
    machines: description.machines.map((machine) => ({
      ...machine,
      pid: outsidePid(state.holderPid, machine.pid),
    })),
  };
}

/** Real packets, all at the same time; the results stand in the order of the flows. */
export function probeLab(
  name: string,
  flows: readonly LabFlow[],
  timeoutMs = 1_500,
): Promise<readonly ProbeResult[]> {
  requireState(name);
  return askLab(socketPath(name), { ask: 'probe', flows, timeoutMs });
}

/** The recorded Kubernetes objects and logs as they are now: content by path in a bundle. */
export function labObjects(name: string): Promise<Readonly<Record<string, string>>> {
  requireState(name);
  return askLab(socketPath(name), { ask: 'objects' });
}

/** The words to put before a command so that it runs in a node, a host or a pod (`namespace/name`, or its beginning). */
export function enterCommand(lab: LabDescription, target: string): readonly string[] {
  const pod = lab.pods.find((candidate) => {
    const key = `${candidate.namespace}/${candidate.name}`;
    return key === target || key.startsWith(`${target}-`);
  });
  const machine = lab.machines.find((candidate) => candidate.name === (pod?.node ?? target));
  if (machine === undefined) {
    const known = [
      ...lab.machines.map(({ name }) => name),
      ...lab.pods.map((p) => `${p.namespace}/${p.name}`),
    ];
    throw new Error(`this lab has no pod or machine ${target}; it has: ${known.join(', ')}`);
  }
  const enter = ['nsenter', '-t', String(machine.pid), '-n', '-m', '-p', '-u', '--'];
  return pod === undefined ? enter : [...enter, 'ip', 'netns', 'exec', pod.netns];
}

export async function execInLab(
  name: string,
  target: string,
  argv: readonly string[],
  options?: RunOptions,
): Promise<RunResult> {
  return runCommand([...enterCommand(await describeLab(name), target), ...argv], options);
}

function requireState(name: string): { readonly holderPid: number } {
  const state = readState(name);
  if (state !== undefined) return state;
  const others = listLabs();
  const hint = others.length > 0 ? `running: ${others.join(', ')}` : 'start one: waylaid lab up';
  throw new Error(`no lab named ${name} is running; ${hint}`);
}

/** In a session of its own: a Ctrl-C in the starter's terminal reaches the starter alone. */
function spawnSupervisor(name: string, program: string): ChildProcess {
  const log = openSync(logPath(name), 'w');
  try {
    return spawn(
      'unshare',
      [
        ...['-n', '-m', '-p', '-u', '-f', '--kill-child', '--mount-proc', '--propagation', 'private', '--'],
        ...[process.execPath, program],
      ],
      { detached: true, stdio: ['pipe', 'pipe', log] },
    );
  } finally {
    closeSync(log);
  }
}

function followStart(child: ChildProcess, order: StartOrder, report: (line: string) => void): Promise<void> {
  const { stdin, stdout } = child;
  if (stdin === null || stdout === null) throw new Error('the lab’s supervisor has no pipes');
  return new Promise((resolve, reject) => {
    const fail = (text: string): void => reject(new Error(`the lab did not come up: ${text}`));
    child.on('error', (error) => fail(error.message));
    stdin.on('error', () => undefined);
    void readLines(stdout, (line) => {
      const message = JSON.parse(line) as SupervisorMessage;
      if (message.kind === 'progress') report(message.line);
      else if (message.kind === 'failed') fail(message.line);
      else if (message.kind === 'ready') stdin.write('keep\n');
      else {
        child.unref();
        stdin.destroy();
        stdout.destroy();
        resolve();
      }
    }).then(() => fail(readTail(logPath(order.options.name))));
    stdin.write(`${JSON.stringify(order)}\n`);
  });
}

function readTail(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim().split('\n').slice(-3).join('; ') || 'its supervisor ended';
  } catch {
    return 'its supervisor ended';
  }
}
