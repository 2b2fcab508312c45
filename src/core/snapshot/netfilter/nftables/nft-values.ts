// The right-hand sides of nftables: what a key is compared with, and what stands in sets and maps. In: a piece of nft's
// JSON and the kind of value that is due there, which the key or the set's type decides (`8` alone does not say whether it
// is a port or an icmp type). Out: a range of numbers or addresses, or a name; undefined where it is not understood, which
// includes ranges that run backwards: nft (1.0.6) lists `meta mark < 9 meta length > 5` as `meta length != 9-5`.
import type { FilterValue } from '../../filter-facts.ts';
import { compareAddresses, familyOf, formatAddress, parseAddress, wordsOf } from '../../../net/address.ts';
import type { Address, Family } from '../../../net/address.ts';
import { makePrefix, widthOf } from '../../../net/prefix.ts';
import type { Json } from '../../cluster-facts.ts';
import { listOf, numberOf, objectOf, textOf, wordOf } from '../../syntax/parse-json.ts';
import { bodyOf, taggedOf } from './nft-json.ts';
import {
  dscpNames,
  etherTypes,
  familyNames,
  icmpCodes,
  icmpTypes,
  icmpv6Codes,
  icmpv6Types,
  numberNamed,
  protocolNamed,
  serviceNames,
  tcpFlags,
} from './nft-names.ts';

export type ValueKind =
  | 'address-4'
  | 'address-6'
  | 'protocol'
  | 'port'
  | 'number'
  | 'icmp-type'
  | 'icmpv6-type'
  | 'icmp-code'
  | 'icmpv6-code'
  | 'dscp'
  | 'family'
  | 'ether-type'
  | 'tcp-flags'
  /** A device by its name, of which a pattern can be given. */
  | 'link-name'
  /** A device by its index, which nft prints as a name, or as the number where the device is gone. */
  | 'link'
  /** `host` and `other` here, `unicast` and `otherhost` in iptables and in the facts. */
  | 'packet-type'
  /** One of a fixed list of words. */
  | 'word'
  /** Words that are bits, of which a packet has several at once. */
  | 'status';

export function parseValue(json: Json, kind: ValueKind): FilterValue | undefined {
  if (json === '*') return wholeRange(kind);
  switch (kind) {
    case 'address-4':
      return parseAddressValue(json, 4);
    case 'address-6':
      return parseAddressValue(json, 6);
    case 'link-name':
      return parseLinkPattern(json);
    case 'link':
      return typeof json === 'string' && !/^\d+$/.test(json) ? nameValue(json) : undefined;
    case 'packet-type':
      return parseWord(packetTypes.get(json) ?? json);
    case 'word':
    case 'status':
      return parseWord(json);
    default:
      return parseNumberValue(json, kind);
  }
}

const packetTypes: ReadonlyMap<Json, Json> = new Map([
  ['host', 'unicast'],
  ['other', 'otherhost'],
]);

/** Every name; that there is no name is not among them. */
export const anyName: FilterValue = { kind: 'name', name: '', isPrefix: true };

const nameKinds: ReadonlySet<ValueKind> = new Set(['link-name', 'link', 'packet-type', 'word', 'status']);

/** The catch-all element of a set. It stands for everything that no other element of its set holds. */
function wholeRange(kind: ValueKind): FilterValue {
  if (kind === 'address-4' || kind === 'address-6') {
    const family = kind === 'address-4' ? 4 : 6;
    return { kind: 'address', from: edgeAddress(family, 0), to: edgeAddress(family, 0xffffffff) };
  }
  if (nameKinds.has(kind)) return anyName;
  return numberRange(0, 0xffffffff);
}

export function edgeAddress(family: Family, word: number): Address {
  return formatAddress(family, family === 4 ? [0, 0, 0, word] : [word, word, word, word]);
}

function parseAddressValue(json: Json, family: Family): FilterValue | undefined {
  const prefix = objectOf(bodyOf(json, 'prefix'));
  if (prefix !== undefined) return prefixValue(textOf(prefix.addr), numberOf(prefix.len), family);
  const range = bodyOf(json, 'range');
  const [first, last] = range === undefined ? [json, json] : listOf(range);
  const from = addressOf(first, family);
  const to = addressOf(last, family);
  if (from === undefined || to === undefined || compareAddresses(from, to) > 0) return undefined;
  return { kind: 'address', from, to };
}

function addressOf(json: Json | undefined, family: Family): Address | undefined {
  const address = parseAddress(textOf(json) ?? '');
  return address !== undefined && familyOf(address) === family ? address : undefined;
}

function prefixValue(
  text: string | undefined,
  length: number | undefined,
  family: Family,
): FilterValue | undefined {
  const address = addressOf(text, family);
  if (address === undefined || length === undefined || length < 0 || length > widthOf(family))
    return undefined;
  const from = makePrefix(address, length).address;
  return { kind: 'address', from, to: lastAddress(from, length, family) };
}

function lastAddress(from: Address, length: number, family: Family): Address {
  const words = wordsOf(from);
  const first = family === 4 ? 96 : 0;
  const fill = (index: 0 | 1 | 2 | 3): number => {
    const kept = Math.min(32, Math.max(0, first + length - index * 32));
    return kept === 32 ? words[index] : (words[index] | (0xffffffff >>> kept)) >>> 0;
  };
  return formatAddress(family, family === 4 ? [0, 0, 0, fill(3)] : [fill(0), fill(1), fill(2), fill(3)]);
}

/** nft prints a comparison of a name's first bytes with a `*` behind it, and a `*` that the name has as `\*`. */
function parseLinkPattern(json: Json): FilterValue | undefined {
  if (typeof json !== 'string') return undefined;
  const isPrefix = json.endsWith('*') && !json.endsWith('\\*');
  const name = (isPrefix ? json.slice(0, -1) : json).replaceAll('\\*', '*');
  return { kind: 'name', name, isPrefix };
}

function parseWord(json: Json): FilterValue | undefined {
  return typeof json === 'string' && /^[a-z][a-z-]*$/.test(json) ? nameValue(json) : undefined;
}

export function nameValue(name: string): FilterValue {
  return { kind: 'name', name, isPrefix: false };
}

export function numberRange(from: number, to: number): FilterValue {
  return { kind: 'number', from, to };
}

function parseNumberValue(json: Json, kind: ValueKind): FilterValue | undefined {
  const range = bodyOf(json, 'range');
  const [first, last] = range === undefined ? [json, json] : listOf(range);
  const from = parseNumber(first, kind);
  const to = parseNumber(last, kind);
  return from === undefined || to === undefined || from > to ? undefined : numberRange(from, to);
}

const numberNames: Readonly<Partial<Record<ValueKind, ReadonlyMap<string, number>>>> = {
  port: serviceNames,
  'icmp-type': icmpTypes,
  'icmpv6-type': icmpv6Types,
  'icmp-code': icmpCodes,
  'icmpv6-code': icmpv6Codes,
  dscp: dscpNames,
  family: familyNames,
  'ether-type': etherTypes,
};

export function parseNumber(json: Json | undefined, kind: ValueKind): number | undefined {
  if (kind === 'tcp-flags') return parseFlags(json);
  const word = wordOf(json);
  if (word === undefined) return undefined;
  if (kind === 'protocol') return protocolNamed(word);
  if (kind === 'family' || kind === 'ether-type') return numberNames[kind]?.get(word);
  return numberNamed(word, numberNames[kind]);
}

/** `syn`, `["syn","ack"]`, `{"|": ["syn", "ack"]}` or a number. */
function parseFlags(json: Json | undefined): number | undefined {
  const words = flagWords(json);
  let flags = 0;
  for (const word of words ?? []) {
    const flag = numberNamed(word, tcpFlags);
    if (flag === undefined) return undefined;
    flags |= flag;
  }
  return words === undefined ? undefined : flags;
}

/** The words of a combination of flags, however it is nested. */
export function flagWords(json: Json | undefined): readonly string[] | undefined {
  const word = wordOf(json);
  if (word !== undefined) return [word];
  const tagged = taggedOf(json);
  if (tagged !== undefined && tagged.tag !== '|') return undefined;
  const parts = listOf(tagged?.body ?? json).map((part) => flagWords(part));
  const words = parts.flatMap((part) => part ?? []);
  return words.length === 0 || parts.includes(undefined) ? undefined : words;
}
