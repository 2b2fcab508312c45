// What the supervisor and the program in each pod say to each other: one JSON document a line, on the program's standard
// input and output (no socket: pipes need no path that both mount namespaces would have to share, and an agent whose
// supervisor is gone reads the end of its input and ends). Types, and the one reader of lines both sides use.
import type { Readable } from 'node:stream';

/** `tcp` echoes what it gets, as the database does; `dns` listens on UDP and TCP. */
export interface AgentListener {
  readonly kind: 'tcp' | 'http' | 'dns';
  readonly port: number;
  /** Any of the machine's where undefined. A UDP server on any answers from the first. */
  readonly address?: string;
}

/** The application that needs a database: what it is told by its environment. */
export interface ApplicationConfig {
  readonly port: number;
  readonly databaseHost: string;
  readonly databasePort: number;
}

export interface AgentConfig {
  /** `namespace/pod` or the machine's name; servers answer with it. */
  readonly name: string;
  readonly listeners: readonly AgentListener[];
  readonly application?: ApplicationConfig;
  /** For the cluster's DNS: address by full name, without the last dot. */
  readonly zone?: Readonly<Record<string, string>>;
  readonly clusterDomain: string;
}

export type ProbeProtocol = 'tcp' | 'udp' | 'http';

/** One real attempt. `udp` is a DNS query for `dnsName`; `http` wants a status from 200 to 399 and the whole body. */
export interface ProbeTarget {
  readonly ip: string;
  readonly port: number;
  readonly proto: ProbeProtocol;
  readonly path?: string;
  /** Bytes that an `http` answer must have: asked for by the path. */
  readonly size?: number;
  /** Of a `udp` query: the port that it is sent from; undefined is any free one. */
  readonly sourcePort?: number;
  readonly dnsName?: string;
  readonly timeoutMs: number;
}

/** `unreachable`: the kernel said so, its own or another's. A silent loss is a `timeout`. */
export type ProbeOutcome = 'ok' | 'timeout' | 'refused' | 'unreachable' | 'failed';

export interface ProbeResult {
  readonly outcome: ProbeOutcome;
  readonly durationMs: number;
  readonly detail?: string;
  /** Of an `http` attempt: the client's address as the lab's own server saw it. */
  readonly seenAs?: string;
}

export type AgentRequest = { readonly id: number; readonly probe: readonly ProbeTarget[] };

/** A container's life as the kubelet would tell it. */
export interface ApplicationState {
  readonly phase: 'running' | 'waiting';
  readonly isServing: boolean;
  readonly restartCount: number;
  readonly startedAt: string;
  readonly lastExit?: { readonly code: number; readonly startedAt: string; readonly finishedAt: string };
}

export type AgentMessage =
  | { readonly kind: 'listening' }
  | { readonly kind: 'result'; readonly id: number; readonly results: readonly ProbeResult[] }
  | { readonly kind: 'application'; readonly state: ApplicationState }
  /** A line of the container's output; `run` counts the starts from 0. */
  | { readonly kind: 'log'; readonly run: number; readonly line: string };

/** Calls back for each line; resolves at the end of the stream. What follows the last line break is dropped. */
export function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  return new Promise((resolve) => {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) onLine(line);
    });
    stream.on('end', () => resolve());
    stream.on('error', () => resolve());
  });
}
