// Names that iproute2 prints for numbers, back to one spelling: tables, scopes, route types, protocols, TOS, IP
// protocols. With `-N`, and where a machine has no name for it, the number itself is printed; both forms come out the
// same here.

/** `main`, `local`, `default`, the number as text, or a name that only the machine's rt_tables can resolve. */
export function canonicalTable(name: string): string {
  if (/^0x[0-9a-f]+$/i.test(name)) return canonicalTable(String(Number.parseInt(name, 16)));
  if (!/^-?\d+$/.test(name)) return name;
  // busybox (1.35) prints the number as a signed one.
  const digits = String(Number(name) < 0 ? Number(name) + 2 ** 32 : Number(name));
  return builtInTables.get(digits) ?? digits;
}

/** The table's canonical name, given what the machine's rt_tables call its tables. */
export function resolveTable(table: string, numbers: ReadonlyMap<string, string>): string {
  if (/^\d+$/.test(table) || table === 'main' || table === 'local' || table === 'default') return table;
  return canonicalTable(numbers.get(table) ?? table);
}

const builtInTables: ReadonlyMap<string, string> = new Map([
  ['253', 'default'],
  ['254', 'main'],
  ['255', 'local'],
]);

const scopes: ReadonlyMap<string, string> = new Map([
  ['0', 'global'],
  ['200', 'site'],
  ['253', 'link'],
  ['254', 'host'],
  ['255', 'nowhere'],
]);

export function canonicalScope(name: string): string {
  return scopes.get(name) ?? name;
}

const protocols: ReadonlyMap<string, string> = new Map([
  ['0', 'unspec'],
  ['1', 'redirect'],
  ['2', 'kernel'],
  ['3', 'boot'],
  ['4', 'static'],
]);

export function canonicalProtocol(name: string): string {
  return protocols.get(name) ?? name;
}

/** /etc/iproute2/rt_dsfield of iproute2 6.1, and the four names that versions before 4.0 had. */
const tosNames: ReadonlyMap<string, number> = new Map([
  ['default', 0],
  ['AF11', 0x28],
  ['AF12', 0x30],
  ['AF13', 0x38],
  ['AF21', 0x48],
  ['AF22', 0x50],
  ['AF23', 0x58],
  ['AF31', 0x68],
  ['AF32', 0x70],
  ['AF33', 0x78],
  ['AF41', 0x88],
  ['AF42', 0x90],
  ['AF43', 0x98],
  ['CS1', 0x20],
  ['CS2', 0x40],
  ['CS3', 0x60],
  ['CS4', 0x80],
  ['CS5', 0xa0],
  ['CS6', 0xc0],
  ['CS7', 0xe0],
  ['EF', 0xb8],
  ['LE', 0x04],
  ['VOICE-ADMIT', 0xb0],
  ['lowdelay', 0x10],
  ['throughput', 0x08],
  ['reliability', 0x04],
  ['mincost', 0x02],
]);

/** iproute2 prints `0x10` or a name, busybox `16`. */
export function parseTos(word: string): number | undefined {
  const named = tosNames.get(word);
  if (named !== undefined) return named;
  const value = parseWholeNumber(word);
  return value !== undefined && value <= 255 ? value : undefined;
}

/** The names of rt_dsfield stand for the whole byte, of which the DSCP is the upper six bits. */
export function parseDscp(word: string): number | undefined {
  const named = tosNames.get(word);
  if (named !== undefined) return named >> 2;
  const value = parseWholeNumber(word);
  return value !== undefined && value <= 63 ? value : undefined;
}

/** Decimal or `0x…`, up to 32 bits. */
export function parseWholeNumber(word: string): number | undefined {
  if (!/^(?:\d+|0x[0-9a-fA-F]+)$/.test(word)) return undefined;
  const value = Number(word);
  return value <= 0xffffffff ? value : undefined;
}

/** The names in Debian 12's /etc/protocols (netbase 6.4), which iproute2 prints for `ipproto`. */
const ipProtocolNames =
  'ip 0 hopopt 0 icmp 1 igmp 2 ggp 3 ipencap 4 st 5 tcp 6 egp 8 igp 9 pup 12 udp 17 hmp 20 xns-idp 22 rdp 27 ' +
  'iso-tp4 29 dccp 33 xtp 36 ddp 37 idpr-cmtp 38 ipv6 41 ipv6-route 43 ipv6-frag 44 idrp 45 rsvp 46 gre 47 esp 50 ' +
  'ah 51 skip 57 ipv6-icmp 58 icmpv6 58 ipv6-nonxt 59 ipv6-opts 60 rspf 73 vmtp 81 eigrp 88 ospf 89 ax.25 93 ipip 94 ' +
  'etherip 97 encap 98 pim 103 ipcomp 108 vrrp 112 l2tp 115 isis 124 sctp 132 fc 133 mobility-header 135 udplite 136 ' +
  'mpls-in-ip 137 manet 138 hip 139 shim6 140 wesp 141 rohc 142 ethernet 143';

const ipProtocols: ReadonlyMap<string, number> = new Map(
  [...ipProtocolNames.matchAll(/(\S+) (\d+)/g)].map(([, name = '', number]) => [name, Number(number)]),
);

/** A name, a number, or `ipproto-47` as iproute2 prints one that has no name. */
export function parseIpProtocol(word: string): number | undefined {
  const named = ipProtocols.get(word.toLowerCase());
  if (named !== undefined) return named;
  const digits = /^(?:ipproto-)?(\d{1,3})$/.exec(word)?.[1];
  return digits !== undefined && Number(digits) <= 255 ? Number(digits) : undefined;
}
