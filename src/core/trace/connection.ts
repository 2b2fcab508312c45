// What connection tracking remembers: one namespace's view of a connection, and what a packet on its way is to it.
import type { NamespaceId } from '../model/network.ts';
import type { ConnectionFact, ConnectionTuple } from '../snapshot/filter-facts.ts';
import type { ConnectionView } from './filter/filter-packet.ts';

/** What one namespace remembers of a connection. */
export interface Connection {
  readonly namespace: NamespaceId;
  readonly protocol: number;
  readonly original: ConnectionTuple;
  /** What an answer looks like here: the inverse of `original`, unless something is translated. */
  readonly reply: ConnectionTuple;
  readonly mark: number;
  /** Whether the translation of the destination (of the source) is decided, even if for none. */
  readonly isDestinationSettled: boolean;
  readonly isSourceSettled: boolean;
  readonly isReplied: boolean;
  /** The first packet has left its last hook: what comes back by lo finds the connection confirmed. */
  readonly isConfirmed?: boolean;
  /** Found in the evidence, and not begun by the flow. */
  readonly observed?: ConnectionFact;
}

/** What the packet is to the namespace that it is in. */
export interface Tracking {
  readonly state: ConnectionView['state'];
  readonly direction: 'original' | 'reply';
  /** Absent for what is invalid or untracked. */
  readonly connection?: Connection;
}

/** The packet that an ICMP error quotes, as the machine that sends the error saw it. */
export interface QuotedPacket {
  readonly protocol: number;
  readonly tuple: ConnectionTuple;
  /** The error says that it was too big (ICMP 3/4, ICMPv6 2), and not that nobody takes it. */
  readonly isTooBig?: boolean;
}
