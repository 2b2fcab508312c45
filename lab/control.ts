// What a running lab can be asked from outside: the words of the conversation and both its ends. One JSON request a
// connection on the lab's Unix socket, one JSON reply, then the end.
import { connect, createServer } from 'node:net';
import { readLines, type ProbeProtocol, type ProbeResult } from './agent-protocol.ts';
import type { LabOptions, PlannedOutsider, PlannedPod, PlannedService } from './planned.ts';

/** One attempt with real packets. */
export interface LabFlow {
  /** `namespace/pod`, or the name of a node or host. */
  readonly from: string;
  readonly ip: string;
  readonly port: number;
  /** `udp` is a DNS query, to whatever port. */
  readonly proto: ProbeProtocol;
  /** Bytes that an `http` answer must have. */
  readonly size?: number;
  /** Of a `udp` query. */
  readonly sourcePort?: number;
}

export interface LabMachineDescription {
  readonly name: string;
  readonly kind: 'node' | 'host';
  /** For nsenter -t PID -n -m -p -u. */
  readonly pid: number;
  readonly lanAddress: string;
  readonly podCidr?: string;
  readonly tailnetAddress?: string;
}

export interface LabPodDescription extends PlannedPod {
  /** As `ip netns list` on its node names it. */
  readonly netns: string;
  readonly isReady: boolean;
}

export interface LabDescription {
  readonly name: string;
  readonly startedAt: string;
  readonly options: LabOptions;
  readonly tailnet: 'tailscaled' | 'by-hand';
  readonly machines: readonly LabMachineDescription[];
  readonly pods: readonly LabPodDescription[];
  readonly services: readonly PlannedService[];
  readonly outsiders: readonly PlannedOutsider[];
}

export type LabQuestion =
  | { readonly ask: 'describe' }
  | { readonly ask: 'probe'; readonly flows: readonly LabFlow[]; readonly timeoutMs: number }
  | { readonly ask: 'objects' };

export interface LabAnswers {
  readonly describe: LabDescription;
  readonly probe: readonly ProbeResult[];
  /** Content by path in a bundle. */
  readonly objects: Readonly<Record<string, string>>;
}

type Reply = { readonly value: unknown } | { readonly error: string };

export type Answerer = (question: LabQuestion) => unknown;

/** Listens until the process ends. */
export function serveQuestions(path: string, answer: Answerer): Promise<void> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    void readLines(socket, (line) => {
      void replyTo(line, answer).then((reply) => socket.end(`${JSON.stringify(reply)}\n`));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => resolve());
  });
}

async function replyTo(line: string, answer: Answerer): Promise<Reply> {
  try {
    return { value: await answer(JSON.parse(line) as LabQuestion) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

export function askLab<K extends LabQuestion['ask']>(
  path: string,
  question: LabQuestion & { readonly ask: K },
): Promise<LabAnswers[K]> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.on('error', (error) => reject(new Error(`the lab does not answer on ${path}: ${error.message}`)));
    void readLines(socket, (line) => {
      const reply = JSON.parse(line) as Reply;
      if ('error' in reply) reject(new Error(reply.error));
      else resolve(reply.value as LabAnswers[K]);
    }).then(() => reject(new Error(`the lab ended while it was asked for ${question.ask}`)));
    socket.write(`${JSON.stringify(question)}\n`);
  });
}
