// Whether a packet is in one of ipset's sets, found as the kernel finds it: a hash for each combination of prefix lengths
// that the set holds, the most specific first, and the first entry decides; `nomatch` makes it an exception (Linux 6.12
// ip_set_hash_gen.h, mtype_test_cidrs). In: the set and what the packet offers. Out: whether it is in it, or a sentence
// why nobody knows. Built at the first lookup, once for each set.
import type { Address, Family } from '../../net/address.ts';
import type { Known } from '../../fact/known.ts';
import { formatPrefix, makePrefix } from '../../net/prefix.ts';
import type { IpsetFact } from '../../snapshot/filter-facts.ts';
import { componentsOf, partKey, readMember } from './ipset-member.ts';
import type { MemberPart } from './ipset-member.ts';

export interface IpsetQuery {
  readonly family: Family;
  /** IP protocol number. */
  readonly protocol: number;
  readonly packet: {
    readonly source: Address;
    readonly destination: Address;
    readonly sourcePort: number;
    readonly destinationPort: number;
  };
  readonly mark: number;
  readonly directions: readonly ('src' | 'dst')[];
  readonly inputLink?: string;
  readonly outputLink?: string;
  readonly icmpType?: number;
  readonly icmpCode?: number;
}

/** The keys of one combination of prefix lengths; the value tells an exception. */
interface LengthGroup {
  readonly lengths: readonly number[];
  readonly isExceptionByKey: Map<string, boolean>;
  /** The networks of hash:net,iface, whatever their devices. */
  readonly networks: Set<string>;
}

interface IpsetIndex {
  readonly components: readonly string[];
  /** Most specific first. */
  readonly groups: readonly LengthGroup[];
  /** A member that was not understood. */
  readonly opaque?: string;
}

const indexes = new WeakMap<IpsetFact, IpsetIndex>();
const understood = new Set([
  'hash:ip',
  'hash:net',
  'hash:ip,port',
  'hash:ip,port,ip',
  'hash:ip,port,net',
  'hash:net,port',
  'hash:net,net',
  'hash:net,iface',
  'hash:net,port,net',
  'hash:ip,mark',
  'bitmap:ip',
  'bitmap:port',
]);
const withoutFamily = new Set(['bitmap:port', 'list:set', 'hash:mac']);

/** True or false, or a sentence why nobody knows. */
export function testIpset(
  sets: Known<ReadonlyMap<string, IpsetFact>>,
  name: string,
  query: IpsetQuery,
): boolean | string {
  if (!sets.known) return `the members of the ipset ${name} were not collected`;
  const set = sets.value.get(name);
  if (set === undefined) return `the ipset ${name} is not in ${sets.evidence.path}`;
  return set.type === 'list:set' ? testList(sets, set, query) : testOne(set, query);
}

/** In the list's order; a list holds no lists. */
function testList(
  sets: Known<ReadonlyMap<string, IpsetFact>>,
  list: IpsetFact,
  query: IpsetQuery,
): boolean | string {
  let doubt: string | undefined;
  for (const { text } of list.members) {
    const member = sets.known ? sets.value.get(text) : undefined;
    const found =
      member === undefined
        ? `the ipset ${text} of the list ${list.name} is not known`
        : testOne(member, query);
    if (found === true) return true;
    if (typeof found === 'string') doubt ??= found;
  }
  return doubt ?? false;
}

function testOne(set: IpsetFact, query: IpsetQuery): boolean | string {
  if (!understood.has(set.type)) return `members of an ipset of type ${set.type} are not understood`;
  if (set.opaque !== undefined) return `the ipset ${set.name} was made with "${set.opaque}"`;
  const index = indexOf(set);
  if (query.directions.length < index.components.length) return false;
  if (!withoutFamily.has(set.type) && set.family !== query.family) return false;
  const parts: (string | Address | undefined)[] = [];
  for (const [at, component] of index.components.entries()) {
    const part = readQuery(set, component, query, query.directions[at] ?? 'src');
    if (part === undefined) return false;
    if (part === null) return `which kind of ICMP message the packet is decides whether it is in ${set.name}`;
    parts.push(part);
  }
  const found = findMember(index, parts as string[]);
  if (found === undefined && index.opaque !== undefined)
    return `the member "${index.opaque}" of the ipset ${set.name} is not understood`;
  return found === false;
}

/**
 * Whether the entry that holds the packet is an exception; undefined where none holds it. In hash:net,iface a network that
 * is there with other devices only keeps the wider ones from being looked at (6.12 ip_set_hash_netiface.c,
 * hash_netiface4_data_equal counts it as one of several; measured on 6.18).
 */
function findMember({ components, groups }: IpsetIndex, parts: readonly string[]): boolean | undefined {
  for (const { lengths, isExceptionByKey, networks } of groups) {
    let next = 0;
    const key = components.map((component, at) => {
      const part = parts[at] ?? '';
      if (component !== 'ip' && component !== 'net') return part;
      return formatPrefix(makePrefix(part as Address, lengths[next++] ?? 0));
    });
    const found = isExceptionByKey.get(key.join(' '));
    if (found !== undefined) return found;
    if (networks.has(key[0] ?? '')) return undefined;
  }
  return undefined;
}

/** Undefined where the packet has no such thing, which means that it is not in the set; null where nobody knows. */
function readQuery(
  set: IpsetFact,
  component: string,
  query: IpsetQuery,
  direction: 'src' | 'dst',
): string | undefined | null {
  const { packet } = query;
  switch (component) {
    case 'ip':
    case 'net':
      return direction === 'src' ? packet.source : packet.destination;
    case 'port':
      return readPort(set, query, direction);
    case 'iface':
      return direction === 'src' ? query.inputLink : query.outputLink;
    case 'mark':
      return String(query.mark);
    default:
      return undefined;
  }
}

/** ip_set_getport.c: ICMP counts with its kind, protocols without ports with 0; bitmap:port knows TCP and UDP only. */
function readPort(
  set: IpsetFact,
  { packet, protocol, icmpType, icmpCode }: IpsetQuery,
  direction: 'src' | 'dst',
): string | undefined | null {
  const port = direction === 'src' ? packet.sourcePort : packet.destinationPort;
  if (set.type === 'bitmap:port') return protocol === 6 || protocol === 17 ? String(port) : undefined;
  if (protocol !== 1 && protocol !== 58) return `${protocol}:${port}`;
  if (icmpType === undefined || icmpCode === undefined) return null;
  return `${protocol}:${icmpType * 256 + icmpCode}`;
}

function indexOf(set: IpsetFact): IpsetIndex {
  let index = indexes.get(set);
  if (index === undefined) indexes.set(set, (index = buildIndex(set)));
  return index;
}

function buildIndex(set: IpsetFact): IpsetIndex {
  const components = componentsOf(set.type);
  const groups = new Map<string, LengthGroup>();
  let opaque: string | undefined;
  for (const { text, isException } of set.members) {
    const keys = readMember(text, components);
    if (keys === undefined) opaque ??= text;
    for (const key of keys ?? []) {
      const group = enterMember(groups, key, isException);
      const [first] = key;
      if (set.type === 'hash:net,iface' && first !== undefined) group.networks.add(partKey(first));
    }
  }
  const sorted = [...groups.values()].sort((a, b) => compareLengths(b.lengths, a.lengths));
  return { components, groups: sorted, ...(opaque === undefined ? {} : { opaque }) };
}

function enterMember(
  groups: Map<string, LengthGroup>,
  key: readonly MemberPart[],
  isException: boolean,
): LengthGroup {
  const lengths = key.flatMap((part) => (part.kind === 'net' ? [part.prefix.length] : []));
  const name = lengths.join(' ');
  let group = groups.get(name);
  if (group === undefined) {
    group = { lengths, isExceptionByKey: new Map<string, boolean>(), networks: new Set<string>() };
    groups.set(name, group);
  }
  group.isExceptionByKey.set(key.map(partKey).join(' '), isException);
  return group;
}

/** The first component's length counts most, as the kernel's nested loops have it. */
function compareLengths(a: readonly number[], b: readonly number[]): number {
  for (const [at, length] of a.entries()) {
    const difference = length - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
