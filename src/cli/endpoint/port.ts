// The port and the protocol of a flow that a user asks about: as written, else what the destination serves, else a ping.
import type { Protocol } from '../../core/trace/flow.ts';
import { Failure } from '../failure.ts';
import type { Candidate } from './name-index.ts';

export interface PortWish {
  readonly protocol?: Protocol;
  /** A number, or the name of a port. */
  readonly port?: string;
}

export interface ChosenPort {
  readonly protocol: Protocol;
  readonly port?: number;
}

/** `shop/web:http` → its name and port; `[fd00::1]:53` and bare IPv6 addresses keep their colons. */
export function splitPort(text: string): { readonly name: string; readonly port?: string } {
  const bracketed = /^\[([^\]]+)\](?::(.+))?$/.exec(text);
  if (bracketed !== null) {
    const [, name = '', port] = bracketed;
    return port === undefined ? { name } : { name, port };
  }
  const colon = text.indexOf(':');
  if (colon < 0 || colon !== text.lastIndexOf(':')) return { name: text };
  return { name: text.slice(0, colon), port: text.slice(colon + 1) };
}

export function choosePort(candidate: Candidate | undefined, wish: PortWish): ChosenPort {
  if (wish.protocol === 'icmp') {
    if (wish.port !== undefined) throw new Failure('icmp has no ports; leave the port out.');
    return { protocol: 'icmp' };
  }
  const served = servedPorts(candidate);
  if (wish.port !== undefined) return chooseWished(candidate, served, { ...wish, port: wish.port });
  const first = served.find((one) => wish.protocol === undefined || one.protocol === wish.protocol);
  if (first !== undefined) return { protocol: first.protocol, port: first.port };
  return { protocol: wish.protocol ?? 'icmp' };
}

interface ServedPort {
  readonly name?: string;
  readonly protocol: Protocol;
  readonly port: number;
}

function servedPorts(candidate: Candidate | undefined): readonly ServedPort[] {
  const ports =
    candidate?.kind === 'service'
      ? candidate.service.ports
      : candidate?.kind === 'pod'
        ? candidate.pod.containers
            .filter((container) => !container.isInit)
            .flatMap((container) => container.ports)
        : [];
  return ports.flatMap(({ name, port, protocol }) =>
    protocol === 'sctp' ? [] : [{ port, protocol, ...(name === undefined ? {} : { name }) }],
  );
}

function chooseWished(
  candidate: Candidate | undefined,
  served: readonly ServedPort[],
  wish: PortWish & { readonly port: string },
): ChosenPort {
  if (/^\d+$/.test(wish.port)) {
    const port = Number(wish.port);
    if (port < 1 || port > 65535) throw new Failure(`a port lies between 1 and 65535, not ${wish.port}.`);
    const known = served.find((one) => one.port === port);
    return { protocol: wish.protocol ?? known?.protocol ?? 'tcp', port };
  }
  const named = served.find(
    (one) => one.name === wish.port && (wish.protocol === undefined || one.protocol === wish.protocol),
  );
  if (named !== undefined) return { protocol: named.protocol, port: named.port };
  const names = served.flatMap((one) => one.name ?? []);
  const known = names.length === 0 ? 'it names none' : `it names ${names.join(', ')}`;
  throw new Failure(`${candidate?.name ?? 'the destination'} has no port called "${wish.port}"; ${known}.`);
}
