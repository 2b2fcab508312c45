// What comes back: an answer, or the ICMP error of a machine on the way. In: the state in which a packet was delivered, refused
// or lost. Out: the state in which the packet back is about to be sent: addresses swapped, no mark, a fresh TTL, and the
// connections remembered.
import type { QuotedPacket } from './connection.ts';
import type { Packet } from './flow.ts';
import { tupleOf } from './track-packet.ts';
import { ipProtocolOf } from './walk.ts';
import type { WalkState } from './walk.ts';

export function makeAnswer(state: WalkState, sizeBytes?: number): WalkState {
  const { source, destination, sourcePort, destinationPort, protocol } = state.packet;
  return turnAround(state, {
    source: destination,
    destination: source,
    sourcePort: destinationPort,
    destinationPort: sourcePort,
    protocol,
    mark: 0,
    ttl: 64,
    ...(sizeBytes === undefined ? {} : { sizeBytes }),
  });
}

/** It quotes the packet that it is about. */
export function makeError(state: WalkState, about: Pick<QuotedPacket, 'isTooBig'> = {}): WalkState {
  const { packet } = state;
  const error: Packet = {
    source: packet.destination,
    destination: packet.source,
    sourcePort: 0,
    destinationPort: 0,
    protocol: 'icmp',
    mark: 0,
    ttl: 64,
  };
  const quoted = { protocol: ipProtocolOf(packet), tuple: tupleOf(packet), ...about };
  return { ...turnAround(state, error), quoted };
}

function turnAround({ connections, doubts, depth }: WalkState, packet: Packet): WalkState {
  return { packet, hops: [], connections, doubts, isReply: true, depth, visited: new Set() };
}
