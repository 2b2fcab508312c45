// Rules of iptables over the whole vocabulary, chosen by dice: user chains that call each other, every match and target
// that programs use, in every table and hook. In: dice, a family, tables to write into. Out: nothing but the rules.
import {
  flowPorts,
  foreignSources,
  hex,
  linkPatterns,
  marks,
  outsideAddresses,
  pickDestination,
  pickMask,
  pickPorts,
  pickPrefix,
  repeat,
  routerAddresses,
  targetPorts,
} from './netfilter-pools.ts';
import type { Version } from './netfilter-pools.ts';
import { builtins } from './netfilter-tables.ts';
import type { TableName, Tables } from './netfilter-tables.ts';
import type { Dice } from './random.ts';

export interface IptablesScope {
  readonly dice: Dice;
  readonly version: Version;
  readonly tables: Tables;
  /** ipsets that exist: name and how many directions each takes. */
  readonly sets: readonly { readonly name: string; readonly directions: number }[];
  /** Distinguishes chains of one program's rules from another's. */
  readonly prefix: string;
}

interface ChainPlace {
  readonly table: TableName;
  readonly hook: string;
  /** Chains that may be jumped to. */
  readonly below: readonly string[];
}

export function writeRandomRules(scope: IptablesScope): void {
  const { dice, tables } = scope;
  for (const table of ['raw', 'mangle', 'nat', 'filter'] as const) {
    for (const hook of builtins[table]) {
      if (!dice.chance(table === 'filter' || table === 'nat' ? 0.75 : 0.4)) continue;
      if (table === 'filter' && dice.chance(0.25)) tables.chain(table, hook, 'DROP');
      writeHook(scope, table, hook);
    }
  }
}

function writeHook(scope: IptablesScope, table: TableName, hook: string): void {
  const { dice, tables, prefix } = scope;
  const names = repeat(dice.below(4), (index) => `${prefix}-${table[0] ?? ''}${hook.slice(0, 4)}-${index}`);
  for (const name of names) tables.chain(table, name);
  for (const [index, name] of [hook, ...names].entries()) {
    const place: ChainPlace = { table, hook, below: names.slice(index) };
    for (let count = 1 + dice.below(5); count > 0; count--)
      tables.append(table, name, writeRule(scope, place));
  }
}

function writeRule(scope: IptablesScope, place: ChainPlace): string {
  const target = makeTarget(scope, place);
  const matches = makeMatches(scope, place, target.protocol);
  return `${matches}${target.text === '' ? '' : ` ${target.text}`}`.trim();
}

const not = (dice: Dice, probability = 0.2): string => (dice.chance(probability) ? '! ' : '');

const inputHooks = ['PREROUTING', 'INPUT', 'FORWARD'];
const outputHooks = ['FORWARD', 'OUTPUT', 'POSTROUTING'];

function makeMatches(scope: IptablesScope, place: ChainPlace, wanted?: 'tcp' | 'ports'): string {
  const { dice, version } = scope;
  const words: string[] = [];
  if (dice.chance(0.25)) words.push(makeEnd(dice, '-s', version));
  if (dice.chance(0.3)) words.push(makeEnd(dice, '-d', version));
  if (inputHooks.includes(place.hook) && dice.chance(0.2))
    words.push(`${not(dice)}-i ${dice.pick(linkPatterns)}`);
  if (outputHooks.includes(place.hook) && dice.chance(0.2))
    words.push(`${not(dice)}-o ${dice.pick(linkPatterns)}`);
  words.push(...makeProtocol(dice, version, wanted));
  for (let count = dice.pick([0, 0, 0, 1, 1, 2]); count > 0; count--) words.push(makeExtension(scope, place));
  if (dice.chance(0.1))
    words.push(`-m comment --comment "${dice.pick(['cluster IP', 'a \\"quoted\\" word', 'ns/web:http'])}"`);
  return words.join(' ');
}

/** The nf_tables back end does not take the negation of everything. */
function makeEnd(dice: Dice, option: string, version: Version): string {
  const prefix = pickPrefix(dice, version);
  return `${prefix.endsWith('/0') ? '' : not(dice)}${option} ${prefix}`;
}

function makeProtocol(dice: Dice, version: Version, wanted?: 'tcp' | 'ports'): string[] {
  if (wanted === undefined) {
    if (dice.chance(0.45)) return [];
    if (dice.chance(0.25)) return [makePortless(dice, version)];
  }
  const protocol = wanted === 'tcp' ? 'tcp' : dice.pick(['tcp', 'tcp', 'udp']);
  const words = [`-p ${protocol}`, ...makePortMatch(dice, protocol)];
  return protocol === 'tcp' && dice.chance(0.12) ? [...words, dice.pick(flagMatches)] : words;
}

const flagMatches: readonly string[] = [
  '-m tcp --syn',
  '-m tcp ! --syn',
  '-m tcp --tcp-flags SYN,RST SYN',
  '-m tcp --tcp-flags SYN,ACK SYN,ACK',
  '-m tcp ! --tcp-flags FIN,SYN,RST,ACK SYN',
];

function makePortless(dice: Dice, version: Version): string {
  const name = version === 4 ? 'icmp' : 'ipv6-icmp';
  if (dice.chance(0.5)) return `${not(dice)}-p ${dice.pick(['tcp', 'udp', name, '17'])}`;
  const icmp = version === 4 ? '-p icmp -m icmp --icmp-type' : '-p ipv6-icmp -m icmp6 --icmpv6-type';
  const types = version === 4 ? ['3/4', '8'] : ['2', '128'];
  return `${icmp} ${dice.pick(['echo-request', 'echo-reply', ...types])}`;
}

function makePortMatch(dice: Dice, protocol: string): string[] {
  if (dice.chance(0.55)) return [`-m ${protocol} ${not(dice, 0.1)}--dport ${pickPorts(dice)}`];
  const sources = ['1024:65535', '1024:30000', '40000'];
  if (dice.chance(0.2)) return [`-m ${protocol} ${not(dice, 0.1)}--sport ${dice.pick(sources)}`];
  return dice.chance(0.3) ? [makeMultiport(dice)] : [];
}

function makeMultiport(dice: Dice): string {
  const list = [...new Set(repeat(1 + dice.below(4), () => dice.pick(flowPorts)))];
  const text = dice.chance(0.3) ? [...list, '30000:32767'].join(',') : list.join(',');
  return `-m multiport ${not(dice, 0.15)}--${dice.pick(['dports', 'dports', 'dports', 'ports', 'sports'])} ${text}`;
}

const stateLists = [
  'NEW',
  'RELATED,ESTABLISHED',
  'ESTABLISHED',
  'INVALID',
  'NEW,ESTABLISHED',
  'UNTRACKED',
  'INVALID,UNTRACKED',
  'NEW,UNTRACKED',
];

function makeExtension(scope: IptablesScope, place: ChainPlace): string {
  const { dice, version } = scope;
  const choices: (() => string)[] = [
    () => `-m conntrack ${not(dice)}--ctstate ${dice.pick([...stateLists, 'DNAT', 'SNAT', 'NEW,DNAT'])}`,
    () => `-m state --state ${dice.pick(stateLists)}`,
    () => makeMarkMatch(dice, 'mark'),
    () => makeMarkMatch(dice, 'mark'),
    () => makeMarkMatch(dice, 'connmark'),
    () => `-m addrtype ${not(dice)}--dst-type ${dice.pick(['LOCAL', 'LOCAL', 'UNICAST', 'MULTICAST'])}`,
    () => `-m addrtype ${not(dice)}--src-type ${dice.pick(['LOCAL', 'UNICAST'])}`,
    () => makeSetMatch(scope),
    () => makeSetMatch(scope),
    () => makeConntrackMatch(dice, version),
    () => makeRangeMatch(dice, version),
    () =>
      `-m statistic --mode random ${not(dice)}--probability ${dice.pick(['0.33333333349', '0.50000000000', '0.25'])}`,
    () => '-m limit --limit 10000/sec --limit-burst 10000',
    () =>
      version === 4
        ? `-m ttl --ttl-${dice.pick(['eq 64', 'eq 63', 'lt 64', 'gt 63'])}`
        : `-m hl --hl-${dice.pick(['eq 64', 'eq 63', 'lt 64', 'gt 63'])}`,
    () => (place.hook === 'FORWARD' ? `-m physdev ${not(dice)}--physdev-is-bridged` : ''),
    () => (place.hook === 'OUTPUT' ? `-m owner ${not(dice)}--uid-owner ${dice.pick([0, 1000])}` : ''),
    () =>
      place.hook === 'PREROUTING' && place.table !== 'nat'
        ? `-m rpfilter${dice.pick(['', ' --loose', ' --invert', ' --validmark'])}`
        : '',
  ];
  return dice.pick(choices)();
}

function makeMarkMatch(dice: Dice, module: string): string {
  const mask = pickMask(dice);
  const value = dice.chance(0.3) ? 0 : (dice.pick(marks) & mask) >>> 0;
  return `-m ${module} ${not(dice)}--mark ${hex(value)}/${hex(mask)}`;
}

function makeSetMatch({ dice, sets }: IptablesScope): string {
  if (sets.length === 0) return '';
  const set = dice.pick(sets);
  const directions = repeat(set.directions, () => dice.pick(['src', 'dst', 'dst'])).join(',');
  return `-m set ${not(dice)}--match-set ${set.name} ${directions}`;
}

function makeConntrackMatch(dice: Dice, version: Version): string {
  const choices = [
    () => `--ctorigdst ${pickPrefix(dice, version)}`,
    () => `--ctorigsrc ${pickPrefix(dice, version)}`,
    () => `--ctreplsrc ${pickPrefix(dice, version)}`,
    () => `--ctproto ${dice.pick([6, 17])}`,
    () =>
      `-p tcp -m conntrack --ctorigdstport ${dice.pick(flowPorts)}`.replace(
        '-p tcp -m conntrack ',
        '--ctproto 6 ',
      ),
    () => `--ctdir ${dice.pick(['ORIGINAL', 'REPLY'])}`,
    () => `--ctstatus ${dice.pick(['SEEN_REPLY', 'CONFIRMED', 'ASSURED', 'NONE'])}`,
  ];
  return `-m conntrack ${dice.pick(choices)()}`;
}

function makeRangeMatch(dice: Dice, version: Version): string {
  const range =
    version === 4
      ? dice.pick(['10.42.1.1-10.42.2.9', '192.168.0.0-192.168.255.255'])
      : 'fd00:42:1::1-fd00:42:2::9';
  return `-m iprange ${not(dice)}--${dice.pick(['src', 'dst'])}-range ${range}`;
}

interface Target {
  readonly text: string;
  /** What the target needs the rule to match. */
  readonly protocol?: 'tcp' | 'ports';
}

function makeTarget(scope: IptablesScope, place: ChainPlace): Target {
  const { dice } = scope;
  const kind = dice.below(100);
  if (place.below.length > 0 && kind < 32)
    return { text: `-${kind < 26 ? 'j' : 'g'} ${dice.pick(place.below)}` };
  if (kind < 36) return { text: '-j RETURN' };
  if (kind < 40)
    return { text: dice.pick(['-j LOG --log-prefix "seen "', '-j NFLOG --nflog-group 100', '']) };
  if (place.table === 'nat') return makeNatTarget(scope, place);
  if (place.table === 'raw' && kind < 50) return { text: '-j CT --notrack' };
  if (place.table === 'filter' && kind > 45) return makeVerdict(scope);
  if (kind > 92) return { text: dice.pick(['-j ACCEPT', '-j ACCEPT', '-j DROP']) };
  if (place.table === 'mangle' && kind > 88 && place.hook !== 'PREROUTING' && place.hook !== 'INPUT')
    return { text: '-m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu', protocol: 'tcp' };
  // MARK stands in the mangle table alone where the back end is legacy, and kube-proxy marks in nat with either.
  return { text: makeMarkTarget(dice, place) };
}

function makeVerdict({ dice, version }: IptablesScope): Target {
  const kind = dice.below(20);
  if (kind < 11) return { text: '-j ACCEPT' };
  if (kind < 15) return { text: '-j DROP' };
  const types =
    version === 4
      ? [
          'icmp-port-unreachable',
          'icmp-host-prohibited',
          'icmp-net-unreachable',
          'icmp-admin-prohibited',
          'icmp-host-unreachable',
        ]
      : ['icmp6-port-unreachable', 'icmp6-adm-prohibited', 'icmp6-no-route', 'icmp6-addr-unreachable'];
  if (kind < 18) return { text: `-j REJECT --reject-with ${dice.pick(types)}` };
  return { text: '-j REJECT --reject-with tcp-reset', protocol: 'tcp' };
}

function makeMarkTarget(dice: Dice, place: ChainPlace): string {
  const mark = dice.pick(marks);
  const mask = pickMask(dice);
  const kind = dice.below(9);
  if (kind === 0) return `-j MARK --or-mark ${hex(mark)}`;
  if (kind === 1) return `-j MARK --and-mark ${hex(~mark)}`;
  if (kind === 2) return `-j MARK --xor-mark ${hex(mark)}`;
  if (kind < 5) return `-j MARK --set-${dice.pick(['x', ''])}mark ${hex(mark)}/${hex(mask)}`;
  if (kind === 5) return `-j MARK --set-xmark ${hex(mark)}/${hex(mark)}`;
  if (place.table !== 'mangle') return `-j MARK --set-mark ${hex(mark)}`;
  if (kind === 6) return `-j CONNMARK --set-xmark ${hex(mark)}/${hex(mask)}`;
  if (kind === 7) return `-j CONNMARK --save-mark --nfmask ${hex(mask)} --ctmask ${hex(mask)}`;
  return `-j CONNMARK --restore-mark --nfmask ${hex(mask)} --ctmask ${hex(mask)}`;
}

function wrap(address: string, port: string): string {
  if (port === '') return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function makeNatTarget(scope: IptablesScope, { hook }: ChainPlace): Target {
  const { dice, version } = scope;
  const kind = dice.below(20);
  if (kind < 2) return { text: '-j ACCEPT' };
  if (kind < 5) return { text: makeMarkTarget(dice, { table: 'nat', hook, below: [] }) };
  const random = dice.chance(0.1) ? ' --random' : '';
  if (hook === 'PREROUTING' || hook === 'OUTPUT') return makeDestinationTarget(scope, kind, random);
  const port = dice.chance(0.2) ? '50000-50100' : '';
  const protocol = port === '' ? {} : ({ protocol: 'ports' } as const);
  if (hook === 'POSTROUTING' && kind < 13) {
    const ports = port === '' ? dice.pick(['', '', ' --random-fully']) : ` --to-ports ${port}`;
    return { text: `-j MASQUERADE${ports}`, ...protocol };
  }
  if (hook === 'POSTROUTING' && kind < 14)
    return { text: `-j NETMAP --to ${version === 4 ? '192.0.2.0/24' : '2001:db8:ff::/64'}` };
  const source = dice.pick(hook === 'INPUT' ? outsideAddresses[version] : foreignSources[version]);
  return { text: `-j SNAT --to-source ${wrap(source, port)}${random}`, ...protocol };
}

function makeDestinationTarget({ dice, version }: IptablesScope, kind: number, random: string): Target {
  if (kind < 8) {
    const to = dice.chance(0.7) ? ` --to-ports ${dice.pick(targetPorts)}` : '';
    return { text: `-j REDIRECT${to}`, ...(to === '' ? {} : { protocol: 'ports' as const }) };
  }
  if (kind === 8) return { text: `-j NETMAP --to ${version === 4 ? '10.42.2.0/24' : 'fd00:42:2::/64'}` };
  const port = dice.chance(0.7) ? String(dice.pick(targetPorts)) : dice.chance(0.1) ? '8000-8080' : '';
  const protocol = port === '' ? {} : ({ protocol: 'ports' } as const);
  if (kind === 9) {
    const range = version === 4 ? '10.42.2.5-10.42.2.6' : 'fd00:42:2::5-fd00:42:2::6';
    return {
      text: `-j DNAT --to-destination ${version === 6 && port !== '' ? `[${range}]:${port}` : wrap(range, port).replace(/^\[|\]/g, '')}${random}`,
      ...protocol,
    };
  }
  const local = dice.chance(0.2);
  const address = local ? dice.pick(routerAddresses[version]) : dice.pick(outsideAddresses[version]);
  return { text: `-j DNAT --to-destination ${wrap(address, port)}${random}`, ...protocol };
}

/** ipsets of a family, as `ipset restore` takes them. */
export function makeSets(dice: Dice, version: Version): { lines: string[]; sets: IptablesScope['sets'] } {
  const family = version === 4 ? 'inet' : 'inet6';
  const prefix = version === 4 ? '' : 'inet6:';
  const port = (): string => `${dice.pick(['tcp', 'udp'])}:${dice.pick(flowPorts)}`;
  const address = (): string => pickDestination(dice, version);
  const network = (): string =>
    pickPrefix(dice, version).replace(/^(0\.0\.0\.0|::)\/0$/, version === 4 ? '128.0.0.0/1' : '8000::/1');
  const kinds: [string, string, number, () => string][] = [
    [`${prefix}KUBE-DST-AB`, 'hash:ip', 1, address],
    [`${prefix}KUBE-SRC-NET`, 'hash:net', 1, () => `${network()}${dice.chance(0.25) ? ' nomatch' : ''}`],
    [`${prefix}IPPORT`, 'hash:ip,port', 2, () => `${address()},${port()}`],
    [`${prefix}LOOP`, 'hash:ip,port,ip', 3, () => `${address()},${port()},${address()}`],
    [`${prefix}NETPORT`, 'hash:net,port', 2, () => `${network()},${port()}`],
    [`${prefix}IPPORTNET`, 'hash:ip,port,net', 3, () => `${address()},${port()},${network()}`],
  ];
  const lines: string[] = [];
  const sets: { name: string; directions: number }[] = [];
  for (const [name, type, directions, member] of kinds) {
    if (!dice.chance(0.6)) continue;
    lines.push(
      `create ${name} ${type} family ${family}${dice.pick(['', ' timeout 0', ' counters', ' comment'])}`,
    );
    lines.push(...[...new Set(repeat(1 + dice.below(7), member))].map((each) => `add ${name} ${each}`));
    sets.push({ name, directions });
  }
  if (version === 4 && dice.chance(0.3)) {
    lines.push(
      'create PORTS bitmap:port range 0-65535',
      ...[...new Set(repeat(3, () => dice.pick(flowPorts)))].map((each) => `add PORTS ${each}`),
    );
    sets.push({ name: 'PORTS', directions: 1 });
  }
  const [first] = sets;
  if (first !== undefined && dice.chance(0.3)) {
    lines.push(`create ${prefix}LIST list:set`, `add ${prefix}LIST ${first.name}`);
    sets.push({ name: `${prefix}LIST`, directions: first.directions });
  }
  return { lines, sets };
}
