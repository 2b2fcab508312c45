// The supervisor's end of an agent: the program started in a pod's or a machine's namespace, asked for probes, listened
// to for what its application does. In goes a machine and a configuration, out comes a handle. What an agent says is
// kept here, because it is what the recorded objects and logs are made from.
import { agentProgram } from './programs.ts';
import { readLines } from './agent-protocol.ts';
import { podEtcFolder } from './pod-files.ts';
import { podNetns } from './plan.ts';
import type {
  AgentConfig,
  AgentMessage,
  AgentRequest,
  ApplicationState,
  ProbeResult,
  ProbeTarget,
} from './agent-protocol.ts';
import type { LabMachine, LabProcess } from './machine.ts';
import type { PlannedPod } from './planned.ts';

export interface Agent {
  readonly name: string;
  /** Resolves when all servers listen; rejects when the program ends before. */
  readonly listening: Promise<void>;
  readonly probe: (targets: readonly ProbeTarget[]) => Promise<readonly ProbeResult[]>;
  readonly application: () => ApplicationState | undefined;
  /** The container's output by run, the newest runs only. */
  readonly logs: () => ReadonlyMap<number, readonly string[]>;
}

const keptRuns = 4;

export function startMachineAgent(machine: LabMachine, config: AgentConfig): Agent {
  return connectAgent(machine.start([process.execPath, agentProgram()]), config);
}

/** In the pod's network namespace, with its own host name and its own /etc. */
export function startPodAgent(machine: LabMachine, pod: PlannedPod, config: AgentConfig): Agent {
  const script = `echo ${pod.name} > /proc/sys/kernel/hostname
mount --bind ${podEtcFolder(pod)} /etc
exec "$0" "$1"`;
  const enter = ['ip', 'netns', 'exec', podNetns(pod), 'unshare', '-u', 'sh', '-e', '-c', script];
  return connectAgent(machine.start([...enter, process.execPath, agentProgram()]), config);
}

function connectAgent(process_: LabProcess, config: AgentConfig): Agent {
  const waiting = new Map<number, (results: readonly ProbeResult[]) => void>();
  const logs = new Map<number, string[]>();
  let state: ApplicationState | undefined;
  let nextId = 1;
  const listening = new Promise<void>((resolve, reject) => {
    void readLines(process_.output, (line) => {
      const message = JSON.parse(line) as AgentMessage;
      if (message.kind === 'listening') resolve();
      else if (message.kind === 'application') state = message.state;
      else if (message.kind === 'log') keepLine(logs, message.run, message.line);
      else {
        waiting.get(message.id)?.(message.results);
        waiting.delete(message.id);
      }
    });
    void process_.exited.then((code) => {
      reject(new Error(`the program of ${config.name} ended (exit ${code}): ${process_.errorText().trim()}`));
    });
  });
  process_.input.write(`${JSON.stringify(config)}\n`);
  return {
    name: config.name,
    listening,
    application: () => state,
    logs: () => logs,
    probe: (targets) =>
      new Promise((resolve) => {
        const request: AgentRequest = { id: nextId++, probe: targets };
        waiting.set(request.id, resolve);
        // An agent that died answers nothing: what it was asked counts as not tried.
        void process_.exited.then(() => {
          resolve(targets.map(() => ({ outcome: 'failed', durationMs: 0, detail: 'the pod has ended' })));
        });
        process_.input.write(`${JSON.stringify(request)}\n`);
      }),
  };
}

function keepLine(logs: Map<number, string[]>, run: number, line: string): void {
  const lines = logs.get(run) ?? [];
  lines.push(line);
  logs.set(run, lines);
  logs.delete(run - keptRuns);
}
