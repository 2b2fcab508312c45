// Packets of the netfilter oracle as bytes, made and read. Each carries the number of its flow where no translation
// touches it: TCP in the sequence number (its answer in the acknowledgement), UDP and ICMP in the payload.
import { isIP } from 'node:net';
import { parseAddress } from '../../src/core/net/address.ts';

export interface OraclePacket {
  readonly family: 4 | 6;
  readonly protocol: 'tcp' | 'udp' | 'icmp';
  readonly source: string;
  readonly destination: string;
  /** ICMP: the identifier. */
  readonly sourcePort: number;
  readonly destinationPort: number;
}

export interface SeenPacket extends OraclePacket {
  readonly flow: number;
  readonly part:
    | 'forward'
    | 'reply'
    /** An ICMP error about the flow's packet, or a reset. */
    | 'refusal';
  /** Of a refusal. */
  readonly refusal?: string;
  readonly ttl: number;
}

const forwardBase = 0x10000000;
const flagSyn = 2;
const flagSynAck = 0x12;

function addressBytes(text: string): Buffer {
  if (isIP(text) === 4) return Buffer.from(text.split('.').map(Number));
  const [head = '', tail = ''] = text.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const [before, after] = [groups(head), groups(tail)];
  const zeros = text.includes('::') ? 8 - before.length - after.length : 0;
  const all = [...before, ...Array<string>(zeros).fill('0'), ...after];
  return Buffer.from(
    all.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]),
  );
}

function readAddress(bytes: Buffer): string {
  if (bytes.length === 4) return [...bytes].join('.');
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(index * 2).toString(16));
  return parseAddress(groups.join(':')) ?? groups.join(':');
}

function sum(bytes: Buffer): number {
  let total = 0;
  for (let at = 0; at < bytes.length; at += 2) total += (bytes[at]! << 8) | (bytes[at + 1] ?? 0);
  while (total > 0xffff) total = (total & 0xffff) + (total >>> 16);
  return total;
}

const protocolNumbers = { 4: { tcp: 6, udp: 17, icmp: 1 }, 6: { tcp: 6, udp: 17, icmp: 58 } } as const;

function makeTransport(
  packet: OraclePacket,
  flow: number,
  isReply: boolean,
): { bytes: Buffer; sumAt: number } {
  if (packet.protocol === 'tcp') {
    const bytes = Buffer.alloc(20);
    bytes.writeUInt16BE(packet.sourcePort, 0);
    bytes.writeUInt16BE(packet.destinationPort, 2);
    bytes.writeUInt32BE(isReply ? 0x20000000 + flow : forwardBase + flow, 4);
    bytes.writeUInt32BE(isReply ? forwardBase + flow + 1 : 0, 8);
    bytes.writeUInt16BE(0x5000 | (isReply ? flagSynAck : flagSyn), 12);
    bytes.writeUInt16BE(64240, 14);
    return { bytes, sumAt: 16 };
  }
  const payload = Buffer.from(`W${isReply ? 'r' : 'f'}0000`);
  payload.writeUInt32BE(flow, 2);
  const bytes = Buffer.concat([Buffer.alloc(8), payload]);
  if (packet.protocol === 'udp') {
    bytes.writeUInt16BE(packet.sourcePort, 0);
    bytes.writeUInt16BE(packet.destinationPort, 2);
    bytes.writeUInt16BE(bytes.length, 4);
    return { bytes, sumAt: 6 };
  }
  bytes[0] = packet.family === 4 ? (isReply ? 0 : 8) : isReply ? 129 : 128;
  bytes.writeUInt16BE(packet.sourcePort, 4);
  bytes.writeUInt16BE(1, 6);
  return { bytes, sumAt: 2 };
}

/** An IP packet with right checksums. */
export function makePacket(packet: OraclePacket, flow: number, isReply = false): Buffer {
  const { bytes, sumAt } = makeTransport(packet, flow, isReply);
  const protocol = protocolNumbers[packet.family][packet.protocol];
  const ends = Buffer.concat([addressBytes(packet.source), addressBytes(packet.destination)]);
  const pseudo = Buffer.concat([ends, Buffer.from([0, protocol, 0, bytes.length])]);
  const isPlain = packet.family === 4 && packet.protocol === 'icmp';
  const checked = sum(Buffer.concat([isPlain ? Buffer.alloc(0) : pseudo, bytes]));
  bytes.writeUInt16BE(~checked & 0xffff || 0xffff, sumAt);
  return Buffer.concat([makeHeader(packet.family, protocol, bytes.length, ends, flow), bytes]);
}

function makeHeader(family: 4 | 6, protocol: number, length: number, ends: Buffer, flow: number): Buffer {
  if (family === 6) {
    const start = Buffer.from([0x60, 0, 0, 0, 0, length, protocol, 64]);
    return Buffer.concat([start, ends]);
  }
  const header = Buffer.concat([
    Buffer.from([0x45, 0, 0, 20 + length, 0, 0, 0, 0, 64, protocol, 0, 0]),
    ends,
  ]);
  header.writeUInt16BE((flow % 0xfffe) + 1, 4);
  header.writeUInt16BE(~sum(header) & 0xffff, 10);
  return header;
}

/** What the bytes say, if they belong to a flow of ours. */
export function readPacket(bytes: Buffer): SeenPacket | undefined {
  if (bytes.length < 28) return undefined;
  const family = bytes[0]! >> 4 === 4 ? 4 : 6;
  const size = family === 4 ? (bytes[0]! & 15) * 4 : 40;
  const number = family === 4 ? bytes[9]! : bytes[6]!;
  const [from, to] = family === 4 ? [12, 16] : [8, 24];
  const source = readAddress(bytes.subarray(from, to));
  const destination = readAddress(bytes.subarray(to, to + (to - from)));
  const ttl = family === 4 ? bytes[8]! : bytes[7]!;
  const transport = bytes.subarray(size);
  const common = { family, source, destination, ttl } as const;
  if (number === 6) return readTcp(common, transport);
  if (number === 17) return readUdp(common, transport);
  return number === 1 || number === 58 ? readIcmp(common, transport) : undefined;
}

type Common = Pick<SeenPacket, 'family' | 'source' | 'destination' | 'ttl'>;

function ports(transport: Buffer): { sourcePort: number; destinationPort: number } {
  return { sourcePort: transport.readUInt16BE(0), destinationPort: transport.readUInt16BE(2) };
}

function isOurs(number: number): boolean {
  return number >>> 28 === 1;
}

function readTcp(common: Common, transport: Buffer): SeenPacket | undefined {
  const sequence = transport.readUInt32BE(4);
  const base = { ...common, protocol: 'tcp', ...ports(transport) } as const;
  // Cut to its first eight bytes, as an ICMP error may quote it.
  const flags = transport.length >= 14 ? transport[13]! : flagSyn;
  if (flags === flagSyn)
    return isOurs(sequence) ? { ...base, flow: sequence - forwardBase, part: 'forward' } : undefined;
  const acknowledged = transport.readUInt32BE(8);
  if (!isOurs(acknowledged)) return undefined;
  const flow = acknowledged - forwardBase - 1;
  if ((flags & 4) !== 0) return { ...base, flow, part: 'refusal', refusal: 'tcp-reset' };
  return { ...base, flow, part: 'reply' };
}

function readPayload(payload: Buffer): Pick<SeenPacket, 'flow' | 'part'> | undefined {
  const magic = payload.toString('latin1', 0, 2);
  if (payload.length < 6 || (magic !== 'Wf' && magic !== 'Wr')) return undefined;
  return { flow: payload.readUInt32BE(2), part: magic === 'Wf' ? 'forward' : 'reply' };
}

function readUdp(common: Common, transport: Buffer): SeenPacket | undefined {
  const payload = readPayload(transport.subarray(8));
  return payload === undefined ? undefined : { ...common, protocol: 'udp', ...ports(transport), ...payload };
}

const unreachable4 = [
  'net',
  'host',
  'proto',
  'port',
  '',
  '',
  '',
  '',
  '',
  'net-prohibited',
  'host-prohibited',
];
const unreachable6 = ['no-route', 'adm-prohibited', '', 'addr', 'port', 'policy-fail', 'reject-route'];

function nameRefusal(family: 4 | 6, code: number): string {
  const prefix = family === 4 ? 'icmp' : 'icmp6';
  const name = family === 4 ? (code === 13 ? 'admin-prohibited' : unreachable4[code]) : unreachable6[code];
  const isWhole = name === undefined || name.includes('-') || name === '';
  return `${prefix}-${name ?? String(code)}${isWhole ? '' : family === 4 || name === 'addr' || name === 'port' ? '-unreachable' : ''}`;
}

function readIcmp(common: Common, transport: Buffer): SeenPacket | undefined {
  const [type, code] = [transport[0]!, transport[1]!];
  if (type === (common.family === 4 ? 3 : 1)) {
    const about = readPacket(transport.subarray(8));
    if (about === undefined) return undefined;
    const icmp = { ...common, protocol: 'icmp', sourcePort: 0, destinationPort: 0 } as const;
    return { ...icmp, flow: about.flow, part: 'refusal', refusal: nameRefusal(common.family, code) };
  }
  const payload = readPayload(transport.subarray(8));
  if (payload === undefined) return undefined;
  const isReply = type === 0 || type === 129;
  const identifier = transport.readUInt16BE(4);
  return {
    ...common,
    protocol: 'icmp',
    sourcePort: identifier,
    destinationPort: identifier,
    flow: payload.flow,
    part: isReply ? 'reply' : 'forward',
  };
}

/** The answer to a packet as it was seen: both ends exchanged. */
export function turnPacket(packet: OraclePacket): OraclePacket {
  return {
    family: packet.family,
    protocol: packet.protocol,
    source: packet.destination,
    destination: packet.source,
    sourcePort: packet.protocol === 'icmp' ? packet.sourcePort : packet.destinationPort,
    destinationPort: packet.protocol === 'icmp' ? packet.destinationPort : packet.sourcePort,
  };
}
