// One real attempt to reach an address, from wherever this process stands: a TCP connection, a DNS query over UDP or an
// HTTP request. In goes a target, out comes how far it got. Nothing is retried here: the kernel's own SYN
// retransmission after one second is part of the attempt when its time allows.
import { createSocket } from 'node:dgram';
import { get } from 'node:http';
import { connect } from 'node:net';
import { decode, encode, RECURSION_DESIRED } from 'dns-packet';
import { bytesPath, readClient } from './agent-bytes.ts';
import type { ProbeOutcome, ProbeResult, ProbeTarget } from './agent-protocol.ts';

type Settle = (outcome: ProbeOutcome, detail?: string, seenAs?: string) => void;
type Attempt = (target: ProbeTarget, settle: Settle) => () => void;

export function probeTarget(target: ProbeTarget): Promise<ProbeResult> {
  const attempts: Record<ProbeTarget['proto'], Attempt> = { tcp: tryTcp, udp: tryDns, http: tryHttp };
  return new Promise((resolve) => {
    const startedAt = process.hrtime.bigint();
    let isSettled = false;
    const settle: Settle = (outcome, detail, seenAs) => {
      if (isSettled) return;
      isSettled = true;
      clearTimeout(timer);
      stop();
      const durationMs = Number((process.hrtime.bigint() - startedAt) / 1_000_000n);
      resolve({
        outcome,
        durationMs,
        ...(detail === undefined ? {} : { detail }),
        ...(seenAs === undefined ? {} : { seenAs }),
      });
    };
    const timer = setTimeout(() => settle('timeout'), target.timeoutMs);
    const stop = attempts[target.proto](target, settle);
  });
}

const tryTcp: Attempt = (target, settle) => {
  const socket = connect({ host: target.ip, port: target.port });
  socket.on('connect', () => settle('ok'));
  socket.on('error', (error: NodeJS.ErrnoException) => settle(outcomeOf(error.code), error.code));
  return () => socket.destroy();
};

const tryHttp: Attempt = (target, settle) => {
  const path = target.size === undefined ? (target.path ?? '/') : bytesPath(target.size);
  const request = get({ host: target.ip, port: target.port, path, agent: false }, (response) => {
    const pieces: Buffer[] = [];
    response.on('data', (piece: Buffer) => pieces.push(piece));
    response.on('end', () => {
      const body = Buffer.concat(pieces);
      const status = response.statusCode ?? 0;
      const isWhole = target.size === undefined || body.length === target.size;
      const isGood = status >= 200 && status < 400 && isWhole;
      settle(isGood ? 'ok' : 'failed', `status ${status}, ${body.length} bytes`, readClient(body));
    });
  });
  request.on('error', (error: NodeJS.ErrnoException) => settle(outcomeOf(error.code), error.code));
  return () => request.destroy();
};

/** Connected, so that an ICMP error comes back as an error of the socket. */
const tryDns: Attempt = (target, settle) => {
  const socket = createSocket({ type: 'udp4', reuseAddr: target.sourcePort !== undefined });
  const id = Math.floor(Math.random() * 65_536);
  socket.on('error', (error: NodeJS.ErrnoException) => settle(outcomeOf(error.code), error.code));
  socket.on('message', (message) => {
    const answer = decode(message);
    if (answer.id === id) settle('ok', `${String(answer.answers?.length ?? 0)} answers`);
  });
  const send = (): void => {
    const name = target.dnsName ?? 'kubernetes.default.svc.cluster.local';
    socket.send(encode({ type: 'query', id, flags: RECURSION_DESIRED, questions: [{ type: 'A', name }] }));
  };
  const connectSocket = (): void => socket.connect(target.port, target.ip, send);
  if (target.sourcePort === undefined) connectSocket();
  else socket.bind(target.sourcePort, connectSocket);
  return () => socket.close();
};

export function outcomeOf(code: string | undefined): ProbeOutcome {
  switch (code) {
    case 'ECONNREFUSED':
      return 'refused';
    case 'EHOSTUNREACH':
    case 'ENETUNREACH':
    case 'EACCES':
    case 'EPERM':
      return 'unreachable';
    case 'ETIMEDOUT':
      return 'timeout';
    default:
      return 'failed';
  }
}
