// The members of ipset's sets, as `ipset save` prints them, by what they are looked up with. In: a set's type and a
// member's text. Out: its components: `10.0.0.0/24,tcp:80` becomes a prefix and a port. Undefined where a component is
// not understood.
import { parseRange } from '../../net/address-range.ts';
import { formatPrefix } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';

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
      return readPort(word);
    case 'iface':
      // `physdev:eth0` is a bridge's port.
      return [{ kind: 'exact', text: word }];
    case 'mark':
      return /^(0x[0-9a-f]+|\d+)$/i.test(word) ? [{ kind: 'exact', text: String(Number(word)) }] : undefined;
    default:
      return undefined;
  }
}

/** The protocols that a traced packet can have, as ipset 7.17 prints them. */
const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, 'ipv6-icmp': 58 };

/** The kinds of ICMP messages that ipset 7.17 prints by name: type and code. */
const icmpKinds = namesOf(
  'echo-reply 0/0 network-unreachable 3/0 host-unreachable 3/1 protocol-unreachable 3/2 port-unreachable 3/3 ' +
    'fragmentation-needed 3/4 source-route-failed 3/5 network-unknown 3/6 host-unknown 3/7 network-prohibited 3/9 ' +
    'host-prohibited 3/10 TOS-network-unreachable 3/11 TOS-host-unreachable 3/12 communication-prohibited 3/13 ' +
    'host-precedence-violation 3/14 precedence-cutoff 3/15 source-quench 4/0 network-redirect 5/0 host-redirect 5/1 ' +
    'TOS-network-redirect 5/2 TOS-host-redirect 5/3 echo-request 8/0 router-advertisement 9/0 ' +
    'router-solicitation 10/0 ttl-zero-during-transit 11/0 ttl-zero-during-reassembly 11/1 ip-header-bad 12/0 ' +
    'required-option-missing 12/1 timestamp-request 13/0 timestamp-reply 14/0 address-mask-request 17/0 ' +
    'address-mask-reply 18/0',
);
const icmpv6Kinds = namesOf(
  'no-route 1/0 communication-prohibited 1/1 address-unreachable 1/3 port-unreachable 1/4 packet-too-big 2/0 ' +
    'ttl-zero-during-transit 3/0 ttl-zero-during-reassembly 3/1 bad-header 4/0 unknown-header-type 4/1 ' +
    'unknown-option 4/2 echo-request 128/0 echo-reply 129/0 router-solicitation 133/0 router-advertisement 134/0 ' +
    'neighbour-solicitation 135/0 neighbour-advertisement 136/0 redirect 137/0',
);

function namesOf(text: string): ReadonlyMap<string, string> {
  return new Map([...text.matchAll(/(\S+) (\d+\/\d+)/g)].map(([, name = '', kind = '']) => [name, kind]));
}

/** `80` in sets without protocols, `tcp:80`, `icmp:8/0`, `icmp:echo-request`; no traced packet has another protocol. */
function readPort(word: string): readonly MemberPart[] | undefined {
  const colon = word.indexOf(':');
  const name = colon < 0 ? '' : word.slice(0, colon);
  const protocol = protocols[name];
  if (colon >= 0 && protocol === undefined) return [{ kind: 'exact', text: word }];
  const value = word.slice(colon + 1);
  const kinds = protocol === 1 ? icmpKinds : protocol === 58 ? icmpv6Kinds : undefined;
  const number = kinds === undefined ? readNumber(value) : readKind(kinds.get(value) ?? value);
  if (number === undefined) return undefined;
  return [{ kind: 'exact', text: protocol === undefined ? String(number) : `${protocol}:${number}` }];
}

function readNumber(text: string): number | undefined {
  return /^\d+$/.test(text) ? Number(text) : undefined;
}

/** Type and code as the one number that the kernel hashes. */
function readKind(text: string): number | undefined {
  const found = /^(\d+)\/(\d+)$/.exec(text);
  return found === null ? undefined : Number(found[1]) * 256 + Number(found[2]);
}
