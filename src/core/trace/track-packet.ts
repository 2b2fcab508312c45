// Connection tracking, as far as a single flow can tell: which namespace remembers which connection, and what a packet is
// to it. In: the connections of the walk so far and a packet. Out: its state and direction, or the connection it begins.
// Rules: Linux 6.12 net/netfilter/nf_conntrack_core.c (resolve_normal_ct), nf_conntrack_proto_tcp.c (a SYN-ACK without
// a connection is invalid, whatever tcp_loose says), nf_conntrack_proto_icmp.c (only requests begin a connection; an error
// is related to the connection that it quotes, or invalid).
import type { Address } from '../net/address.ts';
import type { Namespace } from '../model/network.ts';
import type { ConnectionFact, ConnectionTuple } from '../snapshot/filter-facts.ts';
import type { ConnectionView } from './filter/filter-packet.ts';
import type { Connection, QuotedPacket, Tracking } from './connection.ts';
import type { Packet } from './flow.ts';
import { ipProtocolOf } from './walk.ts';
import type { WalkState } from './walk.ts';

/** The state with what the packet is here, and a new connection where it begins one. */
export function trackPacket(namespace: Namespace, state: WalkState): WalkState {
  if (state.tracking !== undefined) return state;
  if (state.quoted !== undefined) return trackError(namespace, state, state.quoted);
  const tuple = tupleOf(state.packet);
  const found = findConnection(namespace, state, tuple);
  if (found?.connection?.observed !== undefined)
    return withConnection({ ...state, tracking: found }, found.connection);
  if (found !== undefined) return { ...state, tracking: found };
  if (isInvalidStart(state)) return { ...state, tracking: { state: 'invalid', direction: 'original' } };
  const connection: Connection = {
    namespace: namespace.id,
    protocol: ipProtocolOf(state.packet),
    original: tuple,
    reply: invertTuple(tuple),
    mark: 0,
    isDestinationSettled: false,
    isSourceSettled: false,
    isReplied: false,
  };
  return withConnection(
    { ...state, tracking: { state: 'new', direction: 'original', connection } },
    connection,
  );
}

function isInvalidStart(state: WalkState): boolean {
  return state.isReply && state.packet.protocol !== 'udp';
}

function findConnection(
  namespace: Namespace,
  state: WalkState,
  tuple: ConnectionTuple,
): Tracking | undefined {
  const protocol = ipProtocolOf(state.packet);
  const known = state.connections.find(
    (connection) =>
      connection.namespace === namespace.id &&
      connection.protocol === protocol &&
      (isSameTuple(connection.original, tuple) || isSameTuple(connection.reply, tuple)),
  );
  if (known !== undefined) return followConnection(known, tuple);
  if (!state.isPortChosen) return undefined;
  const observed = findObserved(namespace, protocol, tuple);
  return observed === undefined ? undefined : followConnection(adoptConnection(namespace, observed), tuple);
}

function followConnection(connection: Connection, tuple: ConnectionTuple): Tracking {
  const isOriginal = isSameTuple(connection.original, tuple);
  if (!isOriginal)
    return { state: 'established', direction: 'reply', connection: { ...connection, isReplied: true } };
  // A connection without an answer yet stays new for every packet of its first direction.
  return { state: connection.isReplied ? 'established' : 'new', direction: 'original', connection };
}

/** A connection in the evidence counts for a flow that says which port it comes from: any other has another tuple. */
function findObserved(
  namespace: Namespace,
  protocol: number,
  tuple: ConnectionTuple,
): ConnectionFact | undefined {
  const connections = namespace.facts.filter?.connections;
  if (connections?.known !== true) return undefined;
  return connections.value.find(
    (fact) =>
      // Ordinary packets are of zone 0; a rule that sets another is opaque.
      (fact.zone ?? 0) === 0 &&
      fact.protocol === protocol &&
      (isSameTuple(fact.original, tuple) || isSameTuple(fact.reply, tuple)),
  );
}

function adoptConnection(namespace: Namespace, fact: ConnectionFact): Connection {
  return {
    namespace: namespace.id,
    protocol: fact.protocol,
    original: fact.original,
    reply: fact.reply,
    mark: fact.mark,
    isDestinationSettled: true,
    isSourceSettled: true,
    isReplied: fact.isReplied,
    observed: fact,
  };
}

function trackError(namespace: Namespace, state: WalkState, quoted: QuotedPacket): WalkState {
  const answer = invertTuple(quoted.tuple);
  for (const connection of state.connections) {
    if (connection.namespace !== namespace.id || connection.protocol !== quoted.protocol) continue;
    if (isSameTuple(connection.reply, answer))
      return { ...state, tracking: { state: 'related', direction: 'reply', connection } };
    if (isSameTuple(connection.original, answer))
      return { ...state, tracking: { state: 'related', direction: 'original', connection } };
  }
  return { ...state, tracking: { state: 'invalid', direction: 'original' } };
}

/** Puts the connection in the place of its older self. */
export function withConnection(state: WalkState, connection: Connection): WalkState {
  const others = state.connections.filter(
    (known) =>
      known.namespace !== connection.namespace ||
      known.protocol !== connection.protocol ||
      !isSameTuple(known.original, connection.original),
  );
  const tracking = state.tracking === undefined ? {} : { tracking: { ...state.tracking, connection } };
  return { ...state, ...tracking, connections: [...others, connection] };
}

/** What rules may ask about the packet's connection. */
export function viewConnection(state: WalkState): ConnectionView | undefined {
  const { tracking } = state;
  if (tracking === undefined) return undefined;
  const tuple = tracking.connection?.original ?? tupleOf(state.packet);
  const reply = tracking.connection?.reply ?? invertTuple(tuple);
  return {
    state: tracking.state,
    direction: tracking.direction,
    mark: tracking.connection?.mark ?? 0,
    status: tracking.connection === undefined ? [] : listStatus(tracking.connection),
    original: tuple,
    reply,
  };
}

function listStatus(connection: Connection): readonly string[] {
  const status: string[] = [];
  if (connection.reply.destination !== connection.original.source) status.push('snat');
  if (isDestinationChanged(connection)) status.push('dnat');
  if (connection.isReplied) status.push('seen-reply');
  if (connection.isReplied || connection.isConfirmed === true) status.push('confirmed');
  return status;
}

export function isDestinationChanged({ original, reply }: Connection): boolean {
  return reply.source !== original.destination || reply.sourcePort !== original.destinationPort;
}

export function tupleOf(packet: Packet): ConnectionTuple {
  return {
    source: packet.source,
    destination: packet.destination,
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
  };
}

export function invertTuple(tuple: ConnectionTuple): ConnectionTuple {
  return {
    source: tuple.destination,
    destination: tuple.source,
    sourcePort: tuple.destinationPort,
    destinationPort: tuple.sourcePort,
  };
}

function isSameTuple(a: ConnectionTuple, b: ConnectionTuple): boolean {
  return (
    a.source === b.source &&
    a.destination === b.destination &&
    a.sourcePort === b.sourcePort &&
    a.destinationPort === b.destinationPort
  );
}

/** The destination (the source) that a packet of a known connection gets where it is translated. */
export function mappedDestination(tracking: Tracking): Endpoint | undefined {
  const { connection, direction } = tracking;
  if (connection === undefined) return undefined;
  const target = direction === 'original' ? invertTuple(connection.reply) : invertTuple(connection.original);
  return { address: target.destination, port: target.destinationPort };
}

export function mappedSource(tracking: Tracking): Endpoint | undefined {
  const { connection, direction } = tracking;
  if (connection === undefined) return undefined;
  const target = direction === 'original' ? invertTuple(connection.reply) : invertTuple(connection.original);
  return { address: target.source, port: target.sourcePort };
}

export interface Endpoint {
  readonly address: Address;
  readonly port: number;
}
