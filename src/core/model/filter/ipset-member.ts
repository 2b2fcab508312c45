// The members of ipset's sets, as `ipset save` prints them, by what they are looked up with. In: a set's type and a
// member's text. Out: its components: `10.0.0.0/24,tcp:80` becomes a prefix and a port. Undefined where a component is
// not understood.
import { parseRange } from '../../net/address-range.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';

export type IpsetComponent = 'ip' | 'net' | 'port' | 'iface' | 'mark' | 'mac' | 'set';

/** `hash:ip,port,net` → ip, port, net. */
export function componentsOf(type: string): readonly string[] {
  return type.slice(type.indexOf(':') + 1).split(',');
}

/** One key for each combination that the member stands for (`10.0.0.1-10.0.0.3` stands for several prefixes). */
export function readMember(
  text: string,
  components: readonly string[],
): readonly (readonly MemberPart[])[] | undefined {
  const words = text.split(',');
  if (words.length !== components.length) return undefined;
  let keys: readonly (readonly MemberPart[])[] = [[]];
  for (const [at, word] of words.entries()) {
    const parts = readPart(word, components[at] ?? '');
    if (parts === undefined) return undefined;
    keys = keys.flatMap((key) => parts.map((part) => [...key, part]));
  }
  return keys;
}

export type MemberPart =
  { readonly kind: 'net'; readonly prefix: Prefix } | { readonly kind: 'exact'; readonly text: string };

export function partKey(part: MemberPart): string {
  return part.kind === 'net' ? formatPrefix(part.prefix) : part.text;
}

function readPart(word: string, component: string): readonly MemberPart[] | undefined {
  switch (component) {
    case 'ip':
    case 'net':
      return parseRange(word)?.map((prefix) => ({ kind: 'net', prefix }));
    case 'port':
      return readPorts(word);
    case 'iface':
      return [{ kind: 'exact', text: word }];
    case 'mark':
      return /^(0x[0-9a-f]+|\d+)$/i.test(word) ? [{ kind: 'exact', text: String(Number(word)) }] : undefined;
    default:
      return undefined;
  }
}

const protocols: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  icmpv6: 58,
  sctp: 132,
  udplite: 136,
};

/** ipset 7.17 prints the names that /etc/services does not know as numbers, and ICMP's kinds by name. */
const icmpKinds: Readonly<Record<string, string>> = {
  'icmp:echo-reply': '0/0',
  'icmp:pong': '0/0',
  'icmp:echo-request': '8/0',
  'icmp:ping': '8/0',
  'icmp:network-unreachable': '3/0',
  'icmp:host-unreachable': '3/1',
  'icmp:protocol-unreachable': '3/2',
  'icmp:port-unreachable': '3/3',
  'icmp:fragmentation-needed': '3/4',
  'icmp:time-exceeded': '11/0',
  'icmp:ttl-exceeded': '11/0',
  'icmpv6:no-route': '1/0',
  'icmpv6:port-unreachable': '1/4',
  'icmpv6:packet-too-big': '2/0',
  'icmpv6:time-exceeded': '3/0',
  'icmpv6:ttl-exceeded': '3/0',
  'icmpv6:echo-request': '128/0',
  'icmpv6:ping': '128/0',
  'icmpv6:echo-reply': '129/0',
  'icmpv6:pong': '129/0',
  'icmpv6:neighbour-solicitation': '135/0',
  'icmpv6:neigbour-advertisement': '136/0',
};

const mostPortsOfRange = 65536;

/** `80`, `tcp:80`, `udp:1000-1010`, `icmp:8/0`; sets without protocols (bitmap:port) have the bare number. */
function readPorts(word: string): readonly MemberPart[] | undefined {
  const colon = word.indexOf(':');
  const name = colon < 0 ? '' : word.slice(0, colon);
  const protocol = name === '' ? '' : String(protocols[name] ?? (/^\d+$/.test(name) ? name : '?'));
  if (protocol === '?') return undefined;
  const value = icmpKinds[word] ?? word.slice(colon + 1);
  const prefix = protocol === '' ? '' : `${protocol}:`;
  const kind = /^(\d+)\/(\d+)$/.exec(value);
  if (kind !== null) return [{ kind: 'exact', text: `${prefix}${Number(kind[1]) * 256 + Number(kind[2])}` }];
  const range = /^(\d+)(?:-(\d+))?$/.exec(value);
  if (range === null) return undefined;
  const from = Number(range[1]);
  const count = Number(range[2] ?? range[1]) - from + 1;
  if (count < 1 || count > mostPortsOfRange) return undefined;
  return Array.from({ length: count }, (_value, at) => ({ kind: 'exact', text: `${prefix}${from + at}` }));
}
