// A packet as a rule of the packet filter sees it: its headers, its way, its connection, and what the rule may look up.
import type { Packet } from '../flow.ts';
import type { Address, Family } from '../../net/address.ts';
import type { ConnectionTuple } from '../../snapshot/filter-facts.ts';

export interface ConnectionView {
  readonly state: 'new' | 'established' | 'related' | 'invalid' | 'untracked';
  readonly direction: 'original' | 'reply';
  readonly mark: number;
  /** snat, dnat, seen-reply, assured, confirmed. */
  readonly status: readonly string[];
  readonly original: ConnectionTuple;
  readonly reply: ConnectionTuple;
}

/** What a rule asks of the namespace. `undefined`: nobody knows. */
export interface PacketLookups {
  /** The route type of an address (`local`, `unicast`, `broadcast`…), looked up by way of a device where one is given. */
  readonly typeOf: (address: Address, link: string | undefined) => string | undefined;
  /** The device that a packet to the address would leave by; empty where no route leads there. */
  readonly routeLinkOf: (query: RouteLinkQuery) => string | undefined;
}

export interface RouteLinkQuery {
  readonly address: Address;
  /** The device that the answer has to lead through. */
  readonly link?: string;
  readonly mark?: number;
}

export interface FilterPacket {
  readonly packet: Packet;
  readonly family: Family;
  readonly inputLink?: string;
  readonly outputLink?: string;
  readonly physicalInput?: string;
  readonly physicalOutput?: string;
  readonly isBridged?: boolean;
  /** Absent before connection tracking saw the packet (raw): rules that ask find `invalid`, as in the kernel. */
  readonly connection?: ConnectionView;
  readonly lookups: PacketLookups;
  /** TCP's flags byte; absent for other protocols. */
  readonly tcpFlags?: number;
  readonly icmpType?: number;
  readonly icmpCode?: number;
  /** Bytes of the IP packet, where the flow has a size. */
  readonly lengthBytes?: number;
  /** unicast, broadcast, multicast. */
  readonly packetType: string;
}
