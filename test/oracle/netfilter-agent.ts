// Speaks with the program that holds the oracle's network namespaces (netfilter-agent.py). In: requests. Out: its answers.
// The program runs in a new network namespace and ends with its input, and everything that it made ends with it.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('./netfilter-agent.py', import.meta.url));

export interface OutgoingPacket {
  readonly in: string;
  /** The device a frame is put on; none where the router sends an IP packet itself. */
  readonly dev?: string;
  readonly to?: string;
  readonly mark?: number;
  readonly hex: string;
}

/** A packet where an observer stood: a log rule's prefix, or `wire` for a namespace at the other end of a cable. */
export interface PacketEvent {
  readonly at: string;
  readonly hex: string;
  readonly mark?: number;
  readonly in?: number;
  readonly out?: number;
  readonly place?: string;
}

export interface Agent {
  readonly addNamespace: (name: string) => Promise<string>;
  /** Runs a shell script; gives its output, fails with its errors. */
  readonly run: (place: string, script: string) => Promise<string>;
  readonly watch: (group: number, wires: readonly (readonly [string, string])[]) => Promise<void>;
  readonly serve: (tcp: readonly number[], udp: readonly number[]) => Promise<void>;
  readonly send: (packets: readonly OutgoingPacket[]) => Promise<readonly PacketEvent[]>;
  readonly end: () => Promise<void>;
}

/** Long enough for a busy machine to carry a packet through, short enough for thousands of batches. */
const quietMs = 25;

type Ask = (request: object) => Promise<Record<string, unknown>>;

export function startAgent(folder: string): Agent {
  const child = spawn('unshare', ['-n', 'python3', program], {
    cwd: folder,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (bytes: Buffer) => void (errors += bytes.toString()));
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  let waiting: { resolve: (line: string) => void; reject: (problem: Error) => void } | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => waiting?.resolve(line));
  child.once('close', () => waiting?.reject(new Error(`the oracle's program ended: ${errors.slice(-2000)}`)));
  const ask: Ask = async (request) => {
    const line = await new Promise<string>((resolve, reject) => {
      waiting = { resolve, reject };
      child.stdin.write(`${JSON.stringify(request)}\n`);
    });
    const answer = JSON.parse(line) as Record<string, unknown>;
    if (typeof answer.problem === 'string') throw new Error(answer.problem);
    return answer;
  };
  return {
    ...speak(ask),
    end: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

function speak(ask: Ask): Omit<Agent, 'end'> {
  return {
    addNamespace: async (name) => (await ask({ do: 'namespace', name })).path as string,
    run: async (place, script) => {
      const done = (await ask({ do: 'run', in: place, script })) as {
        exit: number;
        out: string;
        err: string;
      };
      if (done.exit !== 0) throw new Error(`exit ${done.exit} in ${place}: ${done.err.slice(0, 3000)}`);
      return done.out;
    },
    watch: async (group, wires) => {
      await ask({ do: 'watch', group, wires });
    },
    serve: async (tcp, udp) => {
      await ask({ do: 'serve', tcp, udp });
    },
    send: async (packets) => {
      const { events } = (await ask({ do: 'send', packets, quietMs })) as { events: readonly PacketEvent[] };
      if (events.some((event) => event.at === 'overrun')) throw new Error('the log of packets overran');
      return events;
    },
  };
}
