// IP addresses as canonical text, with their numbers on demand.
// In: any spelling of an IPv4 or IPv6 address. Out: the one canonical spelling (RFC 5952 for IPv6), so that two
// addresses are the same exactly when their texts are. IPv4-mapped IPv6 addresses stay IPv6, as in the kernel's tables.

export type Family = 4 | 6;

/** A canonical address text; make one with parseAddress. */
export type Address = string & { readonly brand: 'address' };

/** The 128 bits as four unsigned 32-bit words, most significant first; IPv4 uses only the last. */
export type Words = readonly [number, number, number, number];

export function parseAddress(text: string): Address | undefined {
  const zoneless = text.includes('%') ? text.slice(0, text.indexOf('%')) : text;
  if (zoneless.includes(':')) {
    const words = parseIpv6Words(zoneless);
    return words === undefined ? undefined : formatAddress(6, words);
  }
  const value = parseIpv4Value(zoneless);
  return value === undefined ? undefined : formatAddress(4, [0, 0, 0, value]);
}

export function familyOf(address: Address): Family {
  return address.includes(':') ? 6 : 4;
}

/** The words of a canonical address. */
export function wordsOf(address: Address): Words {
  if (address.includes(':')) return parseIpv6Words(address) ?? [0, 0, 0, 0];
  return [0, 0, 0, parseIpv4Value(address) ?? 0];
}

/** The unsigned 32-bit value of a canonical IPv4 address. */
export function ipv4Value(address: Address): number {
  return parseIpv4Value(address) ?? 0;
}

export function formatAddress(family: Family, words: Words): Address {
  return (family === 4 ? formatIpv4(words[3]) : formatIpv6(words)) as Address;
}

/** Numeric order: IPv4 before IPv6. */
export function compareAddresses(a: Address, b: Address): number {
  const families = familyOf(a) - familyOf(b);
  if (families !== 0) return families;
  const left = wordsOf(a);
  const right = wordsOf(b);
  for (let index = 0; index < 4; index++) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

function parseIpv4Value(text: string): number | undefined {
  let value = 0;
  let octet = -1;
  let dots = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === 46) {
      if (octet < 0) return undefined;
      value = value * 256 + octet;
      octet = -1;
      dots++;
    } else if (code >= 48 && code <= 57) {
      if (octet === 0) return undefined;
      octet = (octet < 0 ? 0 : octet) * 10 + code - 48;
      if (octet > 255) return undefined;
    } else return undefined;
  }
  return dots === 3 && octet >= 0 ? value * 256 + octet : undefined;
}

function formatIpv4(value: number): string {
  return `${value >>> 24}.${(value >>> 16) & 255}.${(value >>> 8) & 255}.${value & 255}`;
}

function parseIpv6Words(text: string): Words | undefined {
  if (!/^[0-9a-fA-F:.]+$/.test(text)) return undefined;
  const gap = text.indexOf('::');
  if (gap < 0) {
    const groups = parseGroups(text);
    return groups?.length === 8 ? wordsOfGroups(groups) : undefined;
  }
  const head = parseGroups(text.slice(0, gap));
  const tail = parseGroups(text.slice(gap + 2));
  if (head === undefined || tail === undefined || head.length + tail.length > 7) return undefined;
  while (head.length + tail.length < 8) head.push(0);
  for (const group of tail) head.push(group);
  return wordsOfGroups(head);
}

function wordsOfGroups(groups: readonly number[]): Words {
  const word = (index: number): number => (groups[index] ?? 0) * 65536 + (groups[index + 1] ?? 0);
  return [word(0), word(2), word(4), word(6)];
}

/** The 16-bit groups of one half, which holds hexadecimal digits, dots and colons; a dotted quad at the end counts as two. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':');
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index] ?? '';
    if (part.includes('.')) {
      const value = index === parts.length - 1 ? parseIpv4Value(part) : undefined;
      if (value === undefined) return undefined;
      groups.push(Math.floor(value / 65536), value % 65536);
    } else {
      if (part.length === 0 || part.length > 4) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}

function formatIpv6(words: Words): string {
  if (words[0] === 0 && words[1] === 0 && words[2] === 0xffff) return `::ffff:${formatIpv4(words[3])}`;
  const groups: number[] = [];
  for (const word of words) groups.push(word >>> 16, word & 0xffff);
  const gap = longestZeroRun(groups);
  if (gap.length < 2) return formatGroups(groups, 0, 8);
  return `${formatGroups(groups, 0, gap.start)}::${formatGroups(groups, gap.start + gap.length, 8)}`;
}

function formatGroups(groups: readonly number[], from: number, to: number): string {
  let text = '';
  for (let index = from; index < to; index++) {
    const group = (groups[index] ?? 0).toString(16);
    text += index === from ? group : `:${group}`;
  }
  return text;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: -1, length: 0 };
  let start = 0;
  for (let index = 0; index <= groups.length; index++) {
    if (index < groups.length && groups[index] === 0) continue;
    if (index - start > best.length) best = { start, length: index - start };
    start = index + 1;
  }
  return best;
}
