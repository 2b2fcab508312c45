// The application of the lab: it resolves its database's name, connects, and only then serves. In goes where the
// database is said to be, out come log lines and the container's state. When anything of that fails it logs what
// SQLAlchemy on psycopg2 logs and exits; the kubelet's part (restart, back-off) is played here too, with seconds where
// the kubelet takes minutes. Names are resolved by the system's own resolver from the pod's /etc/resolv.conf, so a
// resolver that gets no answer fails in its own way.
import { lookup } from 'node:dns';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { ApplicationConfig, ApplicationState } from './agent-protocol.ts';

const connectTimeoutMs = 1_200;
const pingEveryMs = 2_000;
const pingTimeoutMs = 2_000;
/** The kubelet's 10 s doubling to 300 s, at a fiftieth of the time. */
const firstBackOffMs = 200;
const longestBackOffMs = 6_000;

export interface ApplicationListener {
  readonly onState: (state: ApplicationState) => void;
  readonly onLog: (run: number, line: string) => void;
}

/** Runs for ever: one life of the container after the other. */
export async function runApplication(
  config: ApplicationConfig,
  listener: ApplicationListener,
): Promise<never> {
  let lastExit: ApplicationState['lastExit'];
  for (let run = 0; ; run++) {
    const startedAt = now();
    const announce = (phase: ApplicationState['phase'], isServing: boolean): void => {
      const state = { phase, isServing, restartCount: run, startedAt };
      listener.onState(lastExit === undefined ? state : { ...state, lastExit });
    };
    announce('running', false);
    await liveOnce(
      config,
      (line) => listener.onLog(run, line),
      () => announce('running', true),
    );
    lastExit = { code: 1, startedAt, finishedAt: now() };
    announce('waiting', false);
    await sleep(Math.min(longestBackOffMs, firstBackOffMs * 2 ** Math.min(run, 10)));
  }
}

/** One life: resolves when the process would exit. */
async function liveOnce(
  config: ApplicationConfig,
  log: (line: string) => void,
  onServing: () => void,
): Promise<void> {
  log(stamp('INFO', 'swimto.main', `starting, database at ${config.databaseHost}:${config.databasePort}`));
  let database: Socket | undefined;
  let server: Server | undefined;
  try {
    const address = await resolveName(config.databaseHost);
    database = await openDatabase(config, address);
    log(stamp('INFO', 'swimto.db', `connected to ${address}:${config.databasePort}`));
    server = await startServer(config.port);
    onServing();
    await pingUntilLost(database, config, address);
  } catch (error) {
    log(stamp('ERROR', 'swimto.main', 'application startup failed'));
    log('Traceback (most recent call last):');
    for (const line of describeFailure(error).split('\n')) log(line);
  } finally {
    database?.destroy();
    server?.close();
    server?.closeAllConnections();
  }
}

function resolveName(name: string): Promise<string> {
  return new Promise((resolve, reject) => {
    lookup(name, { family: 4 }, (error, address) => {
      if (error === null) resolve(address);
      else
        reject(new Error(`could not translate host name "${name}" to address: ${resolverText(error.code)}`));
    });
  });
}

/** The texts of gai_strerror, which psycopg2 passes on. */
function resolverText(code: string | undefined): string {
  return code === 'EAI_AGAIN' ? 'Temporary failure in name resolution' : 'Name or service not known';
}

function openDatabase(config: ApplicationConfig, address: string): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: config.databasePort });
    const fail = (text: string): void => {
      clearTimeout(timer);
      socket.destroy();
      reject(
        new Error(
          `could not connect to server: ${text}\n\tIs the server running on host "${config.databaseHost}" (${address}) and accepting\n\tTCP/IP connections on port ${config.databasePort}?`,
        ),
      );
    };
    const timer = setTimeout(() => fail('Connection timed out'), connectTimeoutMs);
    socket.once('connect', () => {
      clearTimeout(timer);
      socket.removeAllListeners('error');
      resolve(socket);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => fail(connectText(error.code)));
  });
}

function connectText(code: string | undefined): string {
  if (code === 'ECONNREFUSED') return 'Connection refused';
  if (code === 'EHOSTUNREACH') return 'No route to host';
  return code === 'ENETUNREACH' ? 'Network is unreachable' : 'Connection timed out';
}

function startServer(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify({ status: 'ok', path: request.url }));
    });
    server.once('error', reject);
    server.listen(port, () => resolve(server));
  });
}

/** The database echoes what it gets; rejects when an echo is late or the connection ends. */
function pingUntilLost(socket: Socket, config: ApplicationConfig, address: string): Promise<never> {
  return new Promise((_, reject) => {
    let lateTimer: NodeJS.Timeout | undefined;
    const ping = setInterval(() => {
      socket.write('ping\n');
      lateTimer ??= setTimeout(() => lose('Connection timed out'), pingTimeoutMs);
    }, pingEveryMs);
    const lose = (text: string): void => {
      clearInterval(ping);
      clearTimeout(lateTimer);
      reject(
        new Error(
          `could not receive data from server: ${text}\n\thost "${config.databaseHost}" (${address}), port ${config.databasePort}`,
        ),
      );
    };
    socket.on('data', () => {
      clearTimeout(lateTimer);
      lateTimer = undefined;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => lose(connectText(error.code)));
    socket.on('close', () => lose('Connection reset by peer'));
  });
}

function describeFailure(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return `sqlalchemy.exc.OperationalError: (psycopg2.OperationalError) ${text}`;
}

/** Python's logging format, with its comma before the milliseconds. */
function stamp(level: string, logger: string, text: string): string {
  const time = now().replace('T', ' ').replace('.', ',').replace('Z', '');
  return `${time} ${level} [${logger}] ${text}`;
}

function now(): string {
  return new Date().toISOString();
}

function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, durationMs);
  });
}
