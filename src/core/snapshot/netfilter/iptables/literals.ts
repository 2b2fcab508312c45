// The literals of rules as values to compare with: numbers, ports, protocols, addresses with masks, device patterns.
// In: text as iptables-save prints it. Out: the value, or undefined where it is none: then the match that holds it is not
// understood.
import { familyOf, formatAddress, parseAddress, wordsOf } from '../../../net/address.ts';
import type { Address, Family, Words } from '../../../net/address.ts';
import { makePrefix, widthOf } from '../../../net/prefix.ts';
import type { FilterValue } from '../../filter-facts.ts';

export interface NumberRange {
  readonly from: number;
  readonly to: number;
}

const allBits = 0xffffffff;

export function parseNumber(text: string | undefined): number | undefined {
  if (text === undefined || !/^(?:0[xX][0-9a-fA-F]{1,8}|\d{1,10})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= allBits ? value : undefined;
}

/** `80`, `80:90`, `:90`, `80:`; the separator is `-` in `--to-ports`. */
export function parseNumberRange(
  text: string | undefined,
  limit: number,
  separator = ':',
): NumberRange | undefined {
  const parts = (text ?? '').split(separator);
  if (text === undefined || text === '' || parts.length > 2) return undefined;
  const [first = '', second = first] = parts;
  const from = first === '' && parts.length === 2 ? 0 : parseNumber(first);
  const to = second === '' && parts.length === 2 ? limit : parseNumber(second);
  if (from === undefined || to === undefined || from > to || to > limit) return undefined;
  return { from, to };
}

export function numberValue({ from, to }: NumberRange): FilterValue {
  return { kind: 'number', from, to };
}

export function exactly(value: number): FilterValue {
  return { kind: 'number', from: value, to: value };
}

/** `0x4000/0xff0000`, or without a mask: all bits. */
export function parseMasked(
  text: string | undefined,
): { readonly value: number; readonly mask: number } | undefined {
  const [first, second, third] = (text ?? '').split('/');
  const value = parseNumber(first);
  const mask = second === undefined ? allBits : parseNumber(second);
  return value === undefined || mask === undefined || third !== undefined ? undefined : { value, mask };
}

/** The names of /etc/protocols (netbase 6.4) and those that iptables 1.8.9 knows by itself (xshared.c). */
const protocolNumbers: ReadonlyMap<string, number> = new Map([
  ['icmp', 1],
  ['igmp', 2],
  ['ggp', 3],
  ['ipencap', 4],
  ['st', 5],
  ['tcp', 6],
  ['egp', 8],
  ['igp', 9],
  ['pup', 12],
  ['udp', 17],
  ['hmp', 20],
  ['xns-idp', 22],
  ['rdp', 27],
  ['iso-tp4', 29],
  ['dccp', 33],
  ['xtp', 36],
  ['ddp', 37],
  ['idpr-cmtp', 38],
  ['ipv6', 41],
  ['ipv6-route', 43],
  ['ipv6-frag', 44],
  ['idrp', 45],
  ['rsvp', 46],
  ['gre', 47],
  ['esp', 50],
  ['ah', 51],
  ['skip', 57],
  ['ipv6-icmp', 58],
  ['icmpv6', 58],
  ['icmp6', 58],
  ['ipv6-nonxt', 59],
  ['ipv6-opts', 60],
  ['rspf', 73],
  ['vmtp', 81],
  ['eigrp', 88],
  ['ospf', 89],
  ['ax.25', 93],
  ['ipip', 94],
  ['etherip', 97],
  ['encap', 98],
  ['pim', 103],
  ['ipcomp', 108],
  ['vrrp', 112],
  ['l2tp', 115],
  ['isis', 124],
  ['sctp', 132],
  ['fc', 133],
  ['mobility-header', 135],
  ['ipv6-mh', 135],
  ['mh', 135],
  ['udplite', 136],
  ['mpls-in-ip', 137],
  ['manet', 138],
  ['hip', 139],
  ['shim6', 140],
  ['wesp', 141],
  ['rohc', 142],
  ['ethernet', 143],
]);

/** 0 is every protocol. */
export function parseProtocol(text: string | undefined): number | undefined {
  if (text === 'all') return 0;
  const value = protocolNumbers.get(text?.toLowerCase() ?? '') ?? parseNumber(text);
  return value === undefined || value > 255 ? undefined : value;
}

/** `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10.0.0.1`; undefined for a mask with gaps as for what is no address. */
export function parseNetwork(text: string | undefined, family: Family): FilterValue | undefined {
  const [base = '', maskText, more] = (text ?? '').split('/');
  const address = parseAddress(base);
  if (address === undefined || more !== undefined || familyOf(address) !== family) return undefined;
  const length = maskText === undefined ? widthOf(family) : parseMaskLength(maskText, family);
  return length === undefined ? undefined : networkValue(address, length);
}

export function networkValue(address: Address, length: number): FilterValue {
  const { family, address: from } = makePrefix(address, length);
  const filler = family === 4 ? 96 : 0;
  const words = wordsOf(from).map((word, index) => {
    const kept = Math.min(32, Math.max(0, filler + length - index * 32));
    const hostBits = kept === 32 ? 0 : allBits >>> kept;
    return (word | hostBits) >>> 0;
  });
  const last: Words = [words[0] ?? 0, words[1] ?? 0, words[2] ?? 0, words[3] ?? 0];
  return { kind: 'address', from, to: formatAddress(family, last) };
}

function parseMaskLength(text: string, family: Family): number | undefined {
  const width = widthOf(family);
  if (/^\d{1,3}$/.test(text)) return Number(text) <= width ? Number(text) : undefined;
  const mask = parseAddress(text);
  if (mask === undefined || familyOf(mask) !== family) return undefined;
  const words = family === 4 ? [wordsOf(mask)[3]] : wordsOf(mask);
  const bits = words.map((word) => word.toString(2).padStart(32, '0')).join('');
  const ones = bits.indexOf('0') < 0 ? width : bits.indexOf('0');
  return bits.includes('1', ones) ? undefined : ones;
}

/** `eth0`, or `tailscale+` for every name that begins so. */
export function parseDevice(text: string): FilterValue {
  const isPrefix = text.endsWith('+');
  return { kind: 'name', name: isPrefix ? text.slice(0, -1) : text, isPrefix };
}

export function nameValue(name: string): FilterValue {
  return { kind: 'name', name, isPrefix: false };
}
