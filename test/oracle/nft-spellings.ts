// Rulesets of nftables spelled at random over everything that waylaid's reader knows. In: dice. Out: text for `nft -f`,
// laid out as `nft list ruleset` does, so that the reader takes it as it was spelled. Chains have no hook where a rule is
// in them, because the kernel checks some expressions against the hook.
import type { Dice } from './random.ts';

type Family = 'ip' | 'ip6' | 'inet';
type Transport = 'tcp' | 'udp' | 'icmp' | 'none';

interface Scope {
  readonly dice: Dice;
  readonly family: Family;
  /** What this rule is about; a rule of an inet table is about one of both as well. */
  readonly version: 4 | 6;
  readonly transport: Transport;
}

const hosts = {
  4: ['10.42.0.7', '10.43.0.10', '100.64.0.2', '192.168.50.11', '8.8.8.8'],
  6: ['fd00:42::7', 'fd00:43::a', 'fd7a:115c:a1e0::2', '2001:db8::11', 'fe80::1'],
} as const;
const wide = {
  4: ['10.42.1.0/24', '10.44.0.0/16', '100.65.0.0/16', '172.16.0.1-172.16.0.9', '224.0.0.0/4'],
  6: ['fd00:44::/64', 'fd00:45::/32', 'fd7a:115c:a1e1::/48', '2001:db8:1::1-2001:db8:1::9', 'ff00::/8'],
} as const;
const ports = ['22', '53', '80', '443', '8080', '30000-32767', '41641'] as const;
const marks = ['0x0', '0x1', '0x4000', '0x40000', '0x20000', '0xff', '0xff0000', '0xffffffff'] as const;
const masks = ['0x1', '0x4000', '0xff0000', '0xff', '0xfffeffff'] as const;
const links = ['"eth0"', '"cni0"', '"tailscale0"', '"flannel.1"', '"veth*"', '"wg*"'] as const;

export function spellRuleset(dice: Dice, rulesPerChain: number): string {
  return (['ip', 'ip6', 'inet'] as const).map((family) => spellTable(dice, family, rulesPerChain)).join('');
}

function spellTable(dice: Dice, family: Family, rules: number): string {
  const versions =
    family === 'ip' ? [4 as const] : family === 'ip6' ? [6 as const] : [4 as const, 6 as const];
  const lines = Array.from({ length: rules }, () => {
    const version = dice.pick(versions);
    const transport = dice.pick(['tcp', 'tcp', 'udp', 'icmp', 'none'] as const);
    return `\t\t${spellRule({ dice, family, version, transport })}\n`;
  });
  const sets = versions.map((version) => spellSets(dice, version)).join('');
  const bases = [
    ['prerouting', 'nat', 'dstnat'],
    ['forward', 'filter', 'filter - 10'],
    ['output', 'route', 'mangle + 5'],
    ['postrouting', 'nat', 'srcnat'],
    ['input', 'filter', '-7'],
  ] as const;
  const hooked = bases.map(
    ([hook, type, priority]) =>
      `\tchain on-${hook} {\n\t\ttype ${type} hook ${hook} priority ${priority}; policy ${type === 'filter' ? dice.pick(['accept', 'drop']) : 'accept'};\n\t}\n`,
  );
  return `table ${family} spelled {\n\tchain there {\n\t}\n${sets}${hooked.join('')}\tchain rules {\n${lines.join('')}\t}\n}\n`;
}

function some<T>(dice: Dice, choices: readonly T[], least = 1): readonly T[] {
  const kept = choices.filter(() => dice.chance(0.4));
  return kept.length >= least ? kept : choices.slice(0, least);
}

function spellSets(dice: Dice, version: 4 | 6): string {
  const type = version === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const set = (kind: 'set' | 'map', name: string, ...lines: readonly string[]): string =>
    `\t${kind} ${name}${version} {\n${lines.map((line) => `\t\t${line}\n`).join('')}\t}\n`;
  const list = (elements: readonly string[]): string => `elements = { ${elements.join(', ')} }`;
  const addresses = [...some(dice, hosts[version]), ...some(dice, wide[version])];
  return [
    set('set', 'nets', `type ${type}`, 'flags interval', list(addresses)),
    set('set', 'hosts', `type ${type}`, list(some(dice, hosts[version]))),
    set('set', 'ports', 'type inet_service', 'flags interval', list(some(dice, ports))),
    set('set', 'links', 'type ifname', 'flags interval', list(some(dice, links))),
    set(
      'set',
      'pairs',
      `type ${type} . inet_proto . inet_service`,
      'flags interval',
      list(
        some(dice, addresses).map(
          (address) => `${address} . ${dice.pick(['tcp', 'udp'])} . ${dice.pick(ports)}`,
        ),
      ),
    ),
    set('set', 'seen', `type ${type}`, 'size 65535', 'flags dynamic,timeout', 'timeout 1m'),
    set('set', 'marks', 'typeof meta mark', list(some(dice, marks))),
    set('set', 'types', 'typeof fib daddr type', list(some(dice, ['local', 'broadcast', 'multicast']))),
    set(
      'map',
      'verdicts',
      `type ${type} . inet_service : verdict`,
      list(
        some(dice, hosts[version]).map(
          (host) => `${host} . ${dice.pick(['53', '80'])} : ${spellVerdict(dice)}`,
        ),
      ),
    ),
    set(
      'map',
      'targets',
      `type ${type} : ${type} . inet_service`,
      list(some(dice, hosts[version]).map((host) => `${host} : ${dice.pick(hosts[version])} . 8080`)),
    ),
  ].join('');
}

function spellVerdict(dice: Dice): string {
  return dice.pick(['accept', 'drop', 'return', 'continue', 'jump there', 'goto there']);
}

function spellRule(scope: Scope): string {
  const { dice } = scope;
  const matches = spellMatches(scope);
  const transport = dice.chance(0.6) ? [spellTransport(scope)] : [];
  const between = dice.chance(0.3)
    ? [
        dice.pick([
          'counter packets 5 bytes 300',
          'limit rate 10/second',
          'limit rate over 3/minute burst 9 packets',
          'log prefix "seen: " level info',
          `update @seen${scope.version} { ${address(scope, 'saddr')} }`,
        ]),
      ]
    : [];
  const action = dice.chance(0.85)
    ? [
        spellAction(
          scope,
          transport.some((text) => !text.includes(' . meta l4proto . ')),
        ),
      ]
    : [];
  const comment = dice.chance(0.2) ? ['comment "one, two { three } # handle 4"'] : [];
  const words = [...new Set(matches), ...transport, ...between, ...action];
  return [...(words.length === 0 ? ['accept'] : words), ...comment].join(' ');
}

/** nft (1.0.6) lists `meta mark < 5 meta length > 9` as one range of the second, so only one such comparison is made. */
function spellMatches(scope: Scope): readonly string[] {
  const { dice } = scope;
  const matches = Array.from({ length: dice.below(4) }, () => dice.pick(matchMakers)(scope));
  const ordered = matches.filter((text) => / [<>]/.test(text));
  return matches.filter((text) => !ordered.includes(text) || text === ordered[0]);
}

function address({ version }: Scope, field: 'saddr' | 'daddr'): string {
  return `${version === 4 ? 'ip' : 'ip6'} ${field}`;
}

function braces(elements: readonly string[]): string {
  return `{ ${elements.join(', ')} }`;
}

function negation(dice: Dice): string {
  return dice.chance(0.3) ? '!= ' : '';
}

const matchMakers: readonly ((scope: Scope) => string)[] = [
  (scope) => {
    const { dice, version } = scope;
    const value = dice.pick([
      dice.pick(hosts[version]),
      dice.pick(wide[version]),
      braces([...some(dice, hosts[version]), ...some(dice, wide[version])]),
      `@nets${version}`,
      `@hosts${version}`,
    ]);
    return `${address(scope, dice.pick(['saddr', 'daddr']))} ${negation(dice)}${value}`;
  },
  ({ dice, version }) =>
    `${dice.pick(['meta', 'ct'])} mark ${negation(dice)}${dice.pick([dice.pick(marks), braces(some(dice, marks)), `@marks${version}`])}`,
  ({ dice }) => {
    const mask = dice.pick(masks);
    const value = dice.chance(0.5) ? mask : '0x0';
    return `${dice.pick(['meta', 'ct'])} mark & ${mask} ${dice.pick(['==', '!='])} ${value}`;
  },
  ({ dice }) => `meta mark ${dice.pick(['<', '>', '<=', '>='])} 0x4000`,
  () => 'th dport > 1024',
  ({ dice, version }) =>
    `${dice.pick(['iifname', 'oifname'])} ${negation(dice)}${dice.pick([dice.pick(links), braces(some(dice, links)), `@links${version}`])}`,
  ({ dice }) => `${dice.pick(['iif', 'oif'])} ${negation(dice)}"lo"`,
  ({ dice }) =>
    dice.pick([
      'ct state new',
      'ct state established,related',
      'ct state != new',
      'ct state ! invalid,untracked',
      'ct state { new, established }',
      'ct state == new | established',
      'ct status dnat',
      'ct status snat,dnat',
      'ct status ! seen-reply',
      'ct status & (snat | dnat) == dnat',
      'ct direction reply',
    ]),
  ({ dice, version }) =>
    `ct ${dice.pick(['original', 'reply'])} ${version === 4 ? 'ip' : 'ip6'} ${dice.pick(['saddr', 'daddr'])} ${negation(dice)}${dice.pick(hosts[version])}`,
  ({ dice, version }) =>
    dice.pick([
      'fib daddr type local',
      'fib daddr . iif type { local, broadcast }',
      'fib saddr type != local',
      'fib saddr . iif oif missing',
      'fib saddr . mark . iif oif exists',
      'fib saddr oifname "eth0"',
      `fib daddr type @types${version}`,
    ]),
  ({ dice }) =>
    dice.pick([
      'meta length 100-1000',
      'meta length > 1280',
      'meta skuid 1000',
      'meta skuid != { 0, 1000-2000 }',
      'meta pkttype host',
      'meta pkttype { broadcast, multicast }',
      'numgen random mod 4 < 2',
      'numgen inc mod 3 offset 10 11',
      'symhash mod 2 1',
    ]),
  ({ dice, version }) =>
    version === 4
      ? dice.pick([
          'ip ttl 64',
          'ip ttl < 5',
          'ip dscp cs1',
          'ip length 100-200',
          'ip saddr & 255.0.255.0 == 10.0.1.0',
        ])
      : dice.pick(['ip6 hoplimit 255', 'ip6 dscp { ef, cs1 }']),
  (scope) =>
    `iifname . ${address(scope, 'saddr')} ${braces([`"eth0" . ${dice4(scope)}`, `"cni*" . ${scope.dice.pick(wide[scope.version])}`])}`,
];

function dice4({ dice, version }: Scope): string {
  return dice.pick(hosts[version]);
}

function spellTransport(scope: Scope): string {
  const { dice, transport, version } = scope;
  if (transport === 'icmp') {
    return version === 4
      ? dice.pick([
          'icmp type echo-request',
          'icmp type { echo-reply, destination-unreachable, time-exceeded }',
          'icmp type != 8-10',
          'icmp type destination-unreachable icmp code frag-needed',
        ])
      : dice.pick([
          'icmpv6 type nd-neighbor-solicit',
          'icmpv6 type { echo-request, nd-router-advert, packet-too-big }',
          'icmpv6 code no-route',
        ]);
  }
  if (transport === 'none')
    return dice.pick(['meta l4proto { tcp, udp }', 'meta l4proto != icmp', 'meta l4proto 250']);
  const port = `${transport} ${dice.pick(['sport', 'dport'])}`;
  const choices = [
    `${port} ${negation(dice)}${dice.pick(ports)}`,
    `${port} ${negation(dice)}${braces(some(dice, ports))}`,
    `${port} @ports${version}`,
    `meta l4proto ${transport} th dport ${dice.pick(ports)}`,
    `${address(scope, 'daddr')} . ${transport} dport ${braces([`${dice4(scope)} . 80`, `${dice.pick(wide[version])} . 1-1023`])}`,
    `${address(scope, 'daddr')} . meta l4proto . th dport @pairs${version}`,
    `meta l4proto ${transport} ct original proto-dst 80`,
  ];
  if (transport === 'udp') return dice.pick(choices);
  return dice.pick([
    ...choices,
    'tcp flags syn',
    'tcp flags syn,ack',
    'tcp flags ! syn,rst',
    'tcp flags & (fin | syn | rst | ack) == syn',
    'tcp flags & (syn | ack) != syn | ack',
    'tcp flags == fin | psh | urg',
    'tcp flags { syn, syn | ack }',
  ]);
}

function spellAction(scope: Scope, hasTransport: boolean): string {
  const { dice, transport } = scope;
  const hasPorts = hasTransport && (transport === 'tcp' || transport === 'udp');
  const kinds = [spellVerdictMap, spellMark, spellTranslation, spellReject];
  if (dice.chance(0.4)) return spellVerdict(dice);
  return dice.pick(kinds)(scope, hasPorts);
}

function spellVerdictMap(scope: Scope, hasPorts: boolean): string {
  const { dice, transport, version } = scope;
  const choices = [
    `ct state vmap { new : ${spellVerdict(dice)}, established : accept }`,
    `numgen random mod 2 vmap { 0 : ${spellVerdict(dice)}, 1 : drop }`,
    `iifname vmap { "lo" : accept, "eth0" : ${spellVerdict(dice)} }`,
    `meta mark & 0xff vmap { 0x1 : accept, 0x2 : ${spellVerdict(dice)} }`,
    `${address(scope, 'saddr')} vmap { ${dice.pick(wide[version])} : drop, ${dice4(scope)} : ${spellVerdict(dice)} }`,
  ];
  if (!hasPorts) return dice.pick(choices);
  return dice.pick([
    ...choices,
    `${transport} dport vmap { 22 : accept, 80-90 : ${spellVerdict(dice)} }`,
    `${address(scope, 'daddr')} . th dport vmap @verdicts${version}`,
  ]);
}

function spellMark({ dice, version }: Scope): string {
  const [own, other] = dice.chance(0.5) ? ['meta mark', 'ct mark'] : ['ct mark', 'meta mark'];
  const constant = dice.pick(marks.slice(1, -1));
  const mask = dice.pick(masks);
  return dice.pick([
    `${own} set ${constant}`,
    `${own} set ${own} | ${constant}`,
    `${own} set ${own} & ${mask}`,
    `${own} set ${own} ^ ${constant}`,
    `${own} set ${own} & ${mask} | ${constant}`,
    `${own} set ${other}`,
    `${own} set ${other} & ${mask}`,
    `${own} set ${other} | ${constant}`,
    'notrack',
    'meta nftrace set 1',
    `${version === 4 ? 'ip' : 'ip6'} dscp set cs1`,
  ]);
}

function spellTranslation(scope: Scope, hasPorts: boolean): string {
  const { dice, family, version } = scope;
  const of = family === 'inet' ? (version === 4 ? ' ip' : ' ip6') : '';
  const to = dice.pick(hosts[version]);
  const inBrackets = version === 6 ? `[${to}]` : to;
  const range = version === 4 ? '10.0.0.1-10.0.0.9' : 'fd00::1-fd00::9';
  const flags = dice.chance(0.3)
    ? ` ${dice.pick(['random', 'fully-random', 'persistent', 'random,persistent'])}`
    : '';
  const choices = [
    `dnat${of} to ${to}${flags}`,
    `snat${of} to ${range}${flags}`,
    `masquerade${flags}`,
    `redirect${flags}`,
    `dnat${of} to numgen random mod 2 map { 0 : ${dice4(scope)}, 1 : ${to} }`,
    `snat${of} prefix to ${version === 4 ? '192.0.2.0/24' : 'fd00:9::/64'}`,
  ];
  if (!hasPorts) return dice.pick(choices);
  const clamp =
    scope.transport === 'tcp' ? ['tcp option maxseg size set 1240', 'tcp option maxseg size set rt mtu'] : [];
  const transport = scope.transport;
  return dice.pick([
    ...choices,
    ...clamp,
    `dnat${of} to ${inBrackets}:8080${flags}`,
    `dnat${of} to ${inBrackets}:8000-8010${flags}`,
    `masquerade to :1024-2048${flags}`,
    'redirect to :15001',
    `redirect to :${transport} dport map { 80 : 8080, 443 : 8443 }`,
    `dnat${of} to ${address(scope, 'daddr')} map @targets${version}`,
    `dnat${of} to ${address(scope, 'daddr')} map { ${dice4(scope)} : ${to} . 8080 }`,
    `dnat${of} to ${transport} dport map { 80 : ${to} . 8080, 443 : ${dice4(scope)} . 8443 }`,
    `tproxy${family === 'inet' ? of : ''} to ${inBrackets}:15001`,
    `tproxy${of} to :15001`,
  ]);
}

function spellReject({ dice, family, version, transport }: Scope, hasPorts: boolean): string {
  const ofVersion =
    version === 4
      ? [
          'reject with icmp host-prohibited',
          'reject with icmp net-unreachable',
          'reject with icmp admin-prohibited',
        ]
      : [
          'reject with icmpv6 no-route',
          'reject with icmpv6 admin-prohibited',
          'reject with icmpv6 policy-fail',
        ];
  const ofBoth =
    family === 'inet' ? ['reject with icmpx admin-prohibited', 'reject with icmpx no-route'] : [];
  const reset = hasPorts && transport === 'tcp' ? ['reject with tcp reset'] : [];
  return dice.pick(['reject', ...ofVersion, ...ofBoth, ...reset]);
}
