// What a packet has where a rule looks. In: a field, the packet, and the branch (marks change under way). Out: its values
// (any of them counts, where a field has several), that there is none, that it is drawn, or why nobody knows.
//
// Measured on Linux 6.18 (nftables 1.0.6, iptables 1.8.9): a packet without a device has an empty device name, so
// `iifname != "eth0"` and physdev's `! --physdev-in eth0` match it. A field that the packet has not (a port of ICMP, a
// connection's mark before connection tracking, the user of a packet without a socket) ends the rule, negated or not;
// iptables' owner match is the exception: `! --uid-owner 5` matches a packet without a socket.
import type { PacketValue } from '../../model/filter-sets.ts';
import type { Address } from '../../net/address.ts';
import { formatAddress, wordsOf } from '../../net/address.ts';
import type { FilterField, FilterKey } from '../../snapshot/filter-steps.ts';
import type { Branch } from './branch.ts';
import type { ConnectionView, FilterPacket } from './filter-packet.ts';

export type FieldValues =
  | { readonly kind: 'values'; readonly values: readonly PacketValue[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'drawn'; readonly modulus: number }
  | { readonly kind: 'unknown'; readonly why: string };

export interface FieldSource {
  readonly packet: FilterPacket;
  readonly branch: Branch;
  /** The rule is one of iptables', which reads some fields in its own way. */
  readonly isXt: boolean;
}

type Reader = (source: FieldSource, key: FilterKey) => FieldValues;

const absent: FieldValues = { kind: 'absent' };

const readers: Readonly<Record<FilterField, Reader>> = {
  source: ({ packet }, key) => addresses(packet.packet.source, key),
  destination: ({ packet }, key) => addresses(packet.packet.destination, key),
  protocol: ({ packet }, key) => numbers(key, protocolOf(packet)),
  family: ({ packet }, key) => numbers(key, packet.family),
  'source-port': ({ packet }, key) => readPorts(packet, key, packet.packet.sourcePort),
  'destination-port': ({ packet }, key) => readPorts(packet, key, packet.packet.destinationPort),
  'any-port': ({ packet }, key) =>
    readPorts(packet, key, packet.packet.sourcePort, packet.packet.destinationPort),
  'input-link': ({ packet }) => names(packet.inputLink ?? ''),
  'output-link': ({ packet }) => names(packet.outputLink ?? ''),
  'physical-input': ({ packet }) => names(packet.physicalInput ?? ''),
  'physical-output': ({ packet }) => names(packet.physicalOutput ?? ''),
  'is-bridged': ({ packet }, key) => numbers(key, packet.isBridged === true ? 1 : 0),
  mark: ({ branch }, key) => numbers(key, branch.mark),
  'connection-mark': (source, key) => ofConnection(source, () => numbers(key, source.branch.connectionMark)),
  'connection-state': readState,
  'connection-status': (source) => ofConnection(source, ({ status }) => names(...status)),
  'connection-direction': (source) => ofConnection(source, ({ direction }) => names(direction)),
  'original-source': (source, key) => ofConnection(source, (one) => addresses(one.original.source, key)),
  'original-destination': (source, key) =>
    ofConnection(source, (one) => addresses(one.original.destination, key)),
  'original-source-port': (source, key) =>
    ofConnection(source, (one) => numbers(key, one.original.sourcePort)),
  'original-destination-port': (source, key) =>
    ofConnection(source, (one) => numbers(key, one.original.destinationPort)),
  'original-protocol': (source, key) => ofConnection(source, () => numbers(key, protocolOf(source.packet))),
  'reply-source': (source, key) => ofConnection(source, (one) => addresses(one.reply.source, key)),
  'reply-destination': (source, key) => ofConnection(source, (one) => addresses(one.reply.destination, key)),
  'reply-source-port': (source, key) => ofConnection(source, (one) => numbers(key, one.reply.sourcePort)),
  'reply-destination-port': (source, key) =>
    ofConnection(source, (one) => numbers(key, one.reply.destinationPort)),
  'icmp-type': ({ packet }, key) => readIcmp(packet, key, packet.icmpType),
  'icmp-code': ({ packet }, key) => readIcmp(packet, key, packet.icmpCode),
  'tcp-flags': ({ packet }, key) => {
    if (packet.packet.protocol !== 'tcp') return absent;
    return knownNumber(key, packet.tcpFlags, "the packet's TCP flags are not known");
  },
  length: ({ packet }, key) => knownNumber(key, packet.lengthBytes, "the packet's length is not known"),
  ttl: ({ packet }, key) => numbers(key, packet.packet.ttl),
  dscp: () => ({ kind: 'unknown', why: 'the DSCP of the packet is not known' }),
  'packet-type': ({ packet }) => names(packet.packetType),
  'source-type': ({ packet }, key) => readType(packet, key, packet.packet.source),
  'destination-type': ({ packet }, key) => readType(packet, key, packet.packet.destination),
  'source-route-link': (source, key) => readRouteLink(source, key, source.packet.packet.source),
  'destination-route-link': (source, key) => readRouteLink(source, key, source.packet.packet.destination),
  random: (_source, key) => ({ kind: 'drawn', modulus: key.modulus ?? 0 }),
  user: readUser,
};

export function readField(source: FieldSource, key: FilterKey): FieldValues {
  return readers[key.field](source, key);
}

/** IP protocol number of the transport header. */
export function protocolOf({ packet, family }: FilterPacket): number {
  if (packet.protocol === 'tcp') return 6;
  if (packet.protocol === 'udp') return 17;
  return family === 6 ? 58 : 1;
}

/**
 * The connection as the kernel attaches it to the packet: none before connection tracking, none to invalid packets, and
 * none once a rule said that it is not to be tracked (nf_ct_get gives NULL for all three).
 */
export function connectionOf({ packet, branch }: FieldSource): ConnectionView | undefined {
  const { connection } = packet;
  if (connection === undefined || branch.isUntracked) return undefined;
  return connection.state === 'invalid' || connection.state === 'untracked' ? undefined : connection;
}

function ofConnection(source: FieldSource, read: (connection: ConnectionView) => FieldValues): FieldValues {
  const connection = connectionOf(source);
  return connection === undefined ? absent : read(connection);
}

/** nft_ct.c and xt_conntrack.c of 6.12: without a connection the state is untracked where a rule made it so, else invalid. */
function readState(source: FieldSource): FieldValues {
  const connection = connectionOf(source);
  if (connection !== undefined) {
    const translated = connection.status.filter((name) => name === 'snat' || name === 'dnat');
    return names(connection.state, ...translated);
  }
  return names(source.branch.isUntracked ? 'untracked' : 'invalid');
}

function readPorts({ packet }: FilterPacket, key: FilterKey, ...ports: readonly number[]): FieldValues {
  return packet.protocol === 'icmp' ? absent : numbers(key, ...ports);
}

function readIcmp({ packet }: FilterPacket, key: FilterKey, value: number | undefined): FieldValues {
  if (packet.protocol !== 'icmp') return absent;
  return knownNumber(key, value, 'the kind of the ICMP message is not known');
}

function knownNumber(key: FilterKey, value: number | undefined, why: string): FieldValues {
  return value === undefined ? { kind: 'unknown', why } : numbers(key, value);
}

function readType(packet: FilterPacket, key: FilterKey, address: Address): FieldValues {
  const type = packet.lookups.typeOf(address, lookupLink(packet, key));
  if (type !== undefined) return names(type);
  return { kind: 'unknown', why: `whether ${address} is local, unicast or broadcast here is not known` };
}

/**
 * What came by loopback is not looked up: the answer is the device it came by (6.12 ipt_rpfilter.c rpfilter_is_loopback,
 * nft_fib_ipv4.c and nft_fib_ipv6.c nft_fib_is_loopback).
 */
function readRouteLink({ packet, branch }: FieldSource, key: FilterKey, address: Address): FieldValues {
  if (packet.inputLink === 'lo') return names('lo');
  const link = lookupLink(packet, key);
  const found = packet.lookups.routeLinkOf({
    address,
    ...(link === undefined ? {} : { link }),
    ...(key.isMarkUsed === true ? { mark: branch.mark } : {}),
  });
  if (found !== undefined) return names(found);
  return { kind: 'unknown', why: `which device leads to ${address} is not known` };
}

function lookupLink(packet: FilterPacket, key: FilterKey): string | undefined {
  if (key.lookupLink === undefined) return undefined;
  return key.lookupLink === 'input' ? packet.inputLink : packet.outputLink;
}

/** What came by a device has no socket that sends it. */
function readUser({ packet, isXt }: FieldSource): FieldValues {
  if (packet.inputLink === undefined)
    return { kind: 'unknown', why: 'the user of the sending program is not known' };
  return isXt ? { kind: 'values', values: [] } : absent;
}

function numbers(key: FilterKey, ...values: readonly number[]): FieldValues {
  const { mask } = key;
  const read = (value: number): number => (mask === undefined ? value : (value & mask) >>> 0);
  return { kind: 'values', values: values.map((value) => ({ kind: 'number', value: read(value) })) };
}

/** A mask of an address is one of IPv4 (`-s 10.0.0.1/255.0.0.255`). */
function addresses(address: Address, { mask }: FilterKey): FieldValues {
  const value =
    mask === undefined ? address : formatAddress(4, [0, 0, 0, (wordsOf(address)[3] & mask) >>> 0]);
  return { kind: 'values', values: [{ kind: 'address', value }] };
}

function names(...values: readonly string[]): FieldValues {
  return { kind: 'values', values: values.map((value) => ({ kind: 'name', value })) };
}
