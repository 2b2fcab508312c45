// The left-hand sides of nftables: what a rule looks at. In: an expression of nft's JSON. Out: the key, the kind of value
// it is compared with, and what nft leaves out of the listing because the expression implies it: `tcp dport 80` first
// compares the transport protocol, `ip saddr` in a table of several families first the family (nft 1.0.6,
// payload_gen_dependency). Undefined for what no packet that is traced here has.
import { familyOf, ipv4Value, parseAddress } from '../../../net/address.ts';
import type { FilterFamily } from '../../filter-facts.ts';
import type { FilterField, FilterKey } from '../../filter-steps.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, numberOf, objectOf, textOf, wordOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { partsOf, taggedOf, wordsIn } from './nft-json.ts';
import { protocolNumbers } from './nft-names.ts';
import { parseNumber } from './nft-values.ts';
import type { ValueKind } from './nft-values.ts';

export interface NftKey {
  readonly key: FilterKey;
  readonly kind: ValueKind;
  readonly implies: Implied;
  /** What the values of the rule are larger by than those of the key (`numgen … offset`). */
  readonly offset?: number;
}

/** Conditions that the kernel checks before it looks. */
export interface Implied {
  readonly family?: 4 | 6;
  readonly protocol?: number;
}

/** All parts of a concatenation, or undefined when one of them is not understood. */
export function readKeys(expression: Json, table: FilterFamily): readonly NftKey[] | undefined {
  const keys = partsOf(expression).map((part) => readKey(part, table));
  return keys.every((key): key is NftKey => key !== undefined) && keys.length > 0 ? keys : undefined;
}

export function readKey(expression: Json, table: FilterFamily): NftKey | undefined {
  const tagged = taggedOf(expression);
  if (tagged === undefined) return undefined;
  const fields = objectOf(tagged.body) ?? {};
  switch (tagged.tag) {
    case 'meta':
      return metaKeys.get(textOf(fields.key) ?? '');
    case 'ct':
      return readConnectionKey(fields, table);
    case 'payload':
      return readPayloadKey(textOf(fields.protocol) ?? '', textOf(fields.field) ?? '');
    case 'fib':
      return readRouteKey(textOf(fields.result) ?? '', wordsIn(fields.flags));
    case 'numgen':
    case 'jhash':
    case 'symhash':
      return readRandomKey(fields);
    case '&':
      return readMaskedKey(tagged.body, table);
    default:
      return undefined;
  }
}

function simpleKey(field: FilterField, kind: ValueKind, implies: Implied = {}): NftKey {
  return { key: { field }, kind, implies };
}

const metaKeys: ReadonlyMap<string, NftKey> = new Map([
  ['iifname', simpleKey('input-link', 'link-name')],
  ['oifname', simpleKey('output-link', 'link-name')],
  ['iif', simpleKey('input-link', 'link')],
  ['oif', simpleKey('output-link', 'link')],
  ['mark', simpleKey('mark', 'number')],
  ['l4proto', simpleKey('protocol', 'protocol')],
  ['nfproto', simpleKey('family', 'family')],
  ['protocol', simpleKey('family', 'ether-type')],
  ['pkttype', simpleKey('packet-type', 'packet-type')],
  ['length', simpleKey('length', 'number')],
  ['skuid', simpleKey('user', 'number')],
]);

function readConnectionKey(fields: JsonObject, table: FilterFamily): NftKey | undefined {
  const key = textOf(fields.key) ?? '';
  const direction = textOf(fields.dir);
  if (direction === undefined) return connectionKeys.get(key);
  if (direction !== 'original' && direction !== 'reply') return undefined;
  // In tables of one family, nft 1.0.6 prints `saddr` where it prints `ip saddr` elsewhere.
  const [first = '', second] = key.split(' ');
  const isIpv6 = second === undefined ? table === 'ip6' : first === 'ip6';
  return readTupleKey(second ?? first, direction, isIpv6 ? 'address-6' : 'address-4');
}

const connectionKeys: ReadonlyMap<string, NftKey> = new Map([
  ['state', simpleKey('connection-state', 'word')],
  ['status', simpleKey('connection-status', 'status')],
  ['direction', simpleKey('connection-direction', 'word')],
  ['mark', simpleKey('connection-mark', 'number')],
  // Both directions of a connection have one protocol; nft 1.0.6 drops the direction when it lists.
  ['protocol', simpleKey('original-protocol', 'protocol')],
]);

/** `saddr` alone is printed in tables of one family only; which one is seen at the address (kindOfAddress). */

function readTupleKey(
  field: string,
  direction: 'original' | 'reply',
  kind: 'address-4' | 'address-6',
): NftKey | undefined {
  if (field === 'saddr') return simpleKey(`${direction}-source`, kind);
  if (field === 'daddr') return simpleKey(`${direction}-destination`, kind);
  if (field === 'proto-src') return simpleKey(`${direction}-source-port`, 'port');
  if (field === 'proto-dst') return simpleKey(`${direction}-destination-port`, 'port');
  return field === 'protocol' ? simpleKey('original-protocol', 'protocol') : undefined;
}

const tcp = { protocol: protocolNumbers.tcp };
const inIpv4 = { family: 4 } as const;
const inIpv6 = { family: 6 } as const;
const icmp = { family: 4, protocol: protocolNumbers.icmp } as const;
const icmpv6 = { family: 6, protocol: protocolNumbers.icmpv6 } as const;

const payloadKeys: ReadonlyMap<string, NftKey> = new Map([
  ['ip saddr', simpleKey('source', 'address-4', inIpv4)],
  ['ip daddr', simpleKey('destination', 'address-4', inIpv4)],
  ['ip protocol', simpleKey('protocol', 'protocol', inIpv4)],
  ['ip version', simpleKey('family', 'family', inIpv4)],
  ['ip length', simpleKey('length', 'number', inIpv4)],
  ['ip ttl', simpleKey('ttl', 'number', inIpv4)],
  ['ip dscp', simpleKey('dscp', 'dscp', inIpv4)],
  ['ip6 saddr', simpleKey('source', 'address-6', inIpv6)],
  ['ip6 daddr', simpleKey('destination', 'address-6', inIpv6)],
  ['ip6 nexthdr', simpleKey('protocol', 'protocol', inIpv6)],
  ['ip6 version', simpleKey('family', 'family', inIpv6)],
  ['ip6 hoplimit', simpleKey('ttl', 'number', inIpv6)],
  ['ip6 dscp', simpleKey('dscp', 'dscp', inIpv6)],
  ['tcp flags', simpleKey('tcp-flags', 'tcp-flags', tcp)],
  ['icmp type', simpleKey('icmp-type', 'icmp-type', icmp)],
  ['icmp code', simpleKey('icmp-code', 'icmp-code', icmp)],
  ['icmpv6 type', simpleKey('icmp-type', 'icmpv6-type', icmpv6)],
  ['icmpv6 code', simpleKey('icmp-code', 'icmpv6-code', icmpv6)],
  ['ether type', simpleKey('family', 'ether-type')],
]);

const portProtocols: ReadonlyMap<string, number> = new Map(Object.entries(protocolNumbers));

function readPayloadKey(protocol: string, name: string): NftKey | undefined {
  const known = payloadKeys.get(`${protocol} ${name}`);
  if (known !== undefined) return known;
  if (name !== 'sport' && name !== 'dport') return undefined;
  const field = name === 'sport' ? 'source-port' : 'destination-port';
  if (protocol === 'th') return simpleKey(field, 'port');
  const number = portProtocols.get(protocol);
  return number === undefined ? undefined : simpleKey(field, 'port', { protocol: number });
}

const routeFlags: readonly string[] = ['saddr', 'daddr', 'mark', 'iif', 'oif'];

function readRouteKey(result: string, flags: readonly string[]): NftKey | undefined {
  const isOfSource = flags.includes('saddr');
  if (isOfSource === flags.includes('daddr')) return undefined;
  if (flags.some((flag) => !routeFlags.includes(flag))) return undefined;
  const field = routeField(result, isOfSource ? 'source' : 'destination');
  if (field === undefined || (flags.includes('iif') && flags.includes('oif'))) return undefined;
  const key: FilterKey = {
    field,
    ...(flags.includes('iif') ? { lookupLink: 'input' as const } : {}),
    ...(flags.includes('oif') ? { lookupLink: 'output' as const } : {}),
    ...(flags.includes('mark') ? { isMarkUsed: true } : {}),
  };
  return { key, kind: routeKinds[result] ?? 'word', implies: {} };
}

const routeKinds: Readonly<Record<string, ValueKind>> = { type: 'word', oif: 'link', oifname: 'link-name' };

function routeField(result: string, end: 'source' | 'destination'): FilterField | undefined {
  if (result === 'type') return `${end}-type`;
  return result === 'oif' || result === 'oifname' ? `${end}-route-link` : undefined;
}

function readRandomKey(fields: JsonObject): NftKey | undefined {
  const modulus = numberOf(fields.mod);
  const offset = numberOf(fields.offset) ?? 0;
  if (modulus === undefined || modulus < 1) return undefined;
  const key: NftKey = { key: { field: 'random', modulus }, kind: 'number', implies: {} };
  return offset === 0 ? key : { ...key, offset };
}

/** Masks are numbers of 32 bits, which is an address of IPv4; nft prints a mask that is a prefix's as the prefix. */
const maskableKinds: ReadonlySet<ValueKind> = new Set(['number', 'tcp-flags', 'address-4']);

function readMaskedKey(body: Json, table: FilterFamily): NftKey | undefined {
  const [left, right] = listOf(body);
  if (left === undefined || right === undefined) return undefined;
  const inner = readKey(left, table);
  if (inner === undefined || !maskableKinds.has(inner.kind) || inner.key.field === 'random') return undefined;
  const mask = inner.kind === 'address-4' ? readAddressMask(right) : parseNumber(right, inner.kind);
  if (mask === undefined) return undefined;
  const both = inner.key.mask === undefined ? mask : (inner.key.mask & mask) >>> 0;
  return { ...inner, key: { ...inner.key, mask: both } };
}

function readAddressMask(json: Json): number | undefined {
  const address = parseAddress(textOf(json) ?? '');
  return address === undefined || familyOf(address) !== 4 ? undefined : ipv4Value(address);
}

/** The kind of the values under a name of nft's types, as sets declare them. */
export function kindOfType(type: string): ValueKind | undefined {
  return setTypes.get(type);
}

const setTypes: ReadonlyMap<string, ValueKind> = new Map([
  ['ipv4_addr', 'address-4'],
  ['ipv6_addr', 'address-6'],
  ['inet_proto', 'protocol'],
  ['inet_service', 'port'],
  ['mark', 'number'],
  ['ifname', 'link-name'],
  ['iface_index', 'link'],
  ['ct_state', 'word'],
  ['ct_dir', 'word'],
  ['ct_status', 'status'],
  ['fib_addrtype', 'word'],
  ['pkt_type', 'packet-type'],
  ['icmp_type', 'icmp-type'],
  ['icmpv6_type', 'icmpv6-type'],
  ['icmp_code', 'icmp-code'],
  ['icmpv6_code', 'icmpv6-code'],
  ['tcp_flag', 'tcp-flags'],
  ['dscp', 'dscp'],
  ['nf_proto', 'family'],
  ['ether_type', 'ether-type'],
  ['uid', 'number'],
  ['integer', 'number'],
]);

const typeOfKind: ReadonlyMap<ValueKind, string> = new Map(
  [...setTypes].reverse().map(([type, kind]) => [kind, type]),
);

/** The type of a set that was declared by an expression (`typeof ip saddr . tcp dport`); the text where it has no name. */
export function typeOfExpression(expression: Json, table: FilterFamily): string {
  const key = readKey(expression, table);
  if (key === undefined) return wordOf(expression) ?? JSON.stringify(expression);
  if (key.kind === 'word') return wordTypes[key.key.field] ?? key.key.field;
  return typeOfKind.get(key.kind) ?? key.kind;
}

const wordTypes: Readonly<Partial<Record<FilterField, string>>> = {
  'connection-state': 'ct_state',
  'connection-direction': 'ct_dir',
  'source-type': 'fib_addrtype',
  'destination-type': 'fib_addrtype',
};
