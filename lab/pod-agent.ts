// The program in each pod, and in each machine's own namespace: it serves what the pod serves and probes on command. In
// comes a configuration on the first line of standard input, then requests; out go results and events. It ends with its
// input, so it cannot outlive the lab.
import { createSocket } from 'node:dgram';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import type { Socket } from 'node:net';
import { runApplication } from './agent-application.ts';
import { answerWithBytes } from './agent-bytes.ts';
import { answerQuery } from './agent-dns.ts';
import { probeTarget } from './agent-probe.ts';
import { readLines } from './agent-protocol.ts';
import type { DnsZone } from './agent-dns.ts';
import type { AgentConfig, AgentListener, AgentMessage, AgentRequest } from './agent-protocol.ts';

const anyAddress = '0.0.0.0';

function send(message: AgentMessage): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function startServing(config: AgentConfig): Promise<void> {
  const zone: DnsZone = { domain: config.clusterDomain, records: new Map(Object.entries(config.zone ?? {})) };
  await Promise.all(config.listeners.map((listener) => listen(listener, config.name, zone)));
  send({ kind: 'listening' });
  if (config.application === undefined) return;
  void runApplication(config.application, {
    onState: (state) => send({ kind: 'application', state }),
    onLog: (run, line) => send({ kind: 'log', run, line }),
  });
}

async function listen(listener: AgentListener, name: string, zone: DnsZone): Promise<void> {
  switch (listener.kind) {
    case 'tcp':
      return listenTcp(listener, (socket) => socket.pipe(socket));
    case 'http':
      return listenHttp(listener, name);
    case 'dns':
      await listenUdp(listener, zone);
      return listenTcp(listener, (socket) => answerTcpQueries(socket, zone));
  }
}

function listenTcp(
  { port, address = anyAddress }: AgentListener,
  onConnection: (socket: Socket) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createTcpServer((socket) => {
      // A client that goes away in the middle is its own business.
      socket.on('error', () => socket.destroy());
      onConnection(socket);
    });
    server.once('error', reject);
    server.listen(port, address, () => resolve());
  });
}

function listenHttp({ port, address = anyAddress }: AgentListener, name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createHttpServer((request, response) => answerWithBytes(request, response, name));
    server.once('error', reject);
    server.listen(port, address, () => resolve());
  });
}

function listenUdp({ port, address = anyAddress }: AgentListener, zone: DnsZone): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    socket.once('error', reject);
    socket.on('message', (message, from) => {
      const answer = answerQuery(message, zone);
      if (answer !== undefined) socket.send(answer, from.port, from.address);
    });
    socket.bind(port, address, () => resolve());
  });
}

/** Over TCP each message comes behind its length in two bytes (RFC 1035, 4.2.2). */
function answerTcpQueries(socket: Socket, zone: DnsZone): void {
  let buffered = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    buffered = Buffer.concat([buffered, bytes]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const end = 2 + buffered.readUInt16BE(0);
      const answer = answerQuery(buffered.subarray(2, end), zone);
      buffered = buffered.subarray(end);
      if (answer === undefined) continue;
      const length = Buffer.alloc(2);
      length.writeUInt16BE(answer.length);
      socket.write(Buffer.concat([length, answer]));
    }
  });
}

async function answerRequest(request: AgentRequest): Promise<void> {
  const results = await Promise.all(request.probe.map(probeTarget));
  send({ kind: 'result', id: request.id, results });
}

function main(): void {
  let isConfigured = false;
  void readLines(process.stdin, (line) => {
    if (isConfigured) {
      void answerRequest(JSON.parse(line) as AgentRequest);
      return;
    }
    isConfigured = true;
    startServing(JSON.parse(line) as AgentConfig).catch((error: unknown) => {
      process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
      process.exit(1);
    });
  }).then(() => process.exit(0));
}

main();
