// Random rules of iptables in the vocabulary that waylaid knows, as a person or a program may spell them: names where
// iptables-save prints numbers, masks as lengths or dotted, options of older versions. In: dice, and the place of the
// rule. Out: its text without `-A CHAIN`. Every rule is one that iptables 1.8.9 takes at that place.
import type { Dice } from './random.ts';

export interface RulePlace {
  readonly family: 4 | 6;
  readonly table: string;
  readonly chain: string;
}

type Maker = (dice: Dice, place: RulePlace) => string;

const links = ['eth0', 'tailscale0', 'cni+', 'veth1234', 'flannel.1', 'tail+'];

export function makeRule(dice: Dice, place: RulePlace): string {
  const protocol = dice.pick(protocolsOf(place));
  const parts = [...makeBasics(dice, place, protocol), ...makeMatches(dice, place, protocol)];
  const target = makeTarget(dice, place, protocol);
  // One module may stand there twice, but iptables-nft joins two of `tcp` into one.
  const isTwice = target.startsWith('-m tcp');
  return [...parts.filter((part) => !(isTwice && part.startsWith('-m tcp'))), target]
    .filter((part) => part !== '')
    .join(' ');
}

type Protocol = '' | 'tcp' | 'udp' | 'icmp' | 'sctp' | 'other';

function protocolsOf({ family }: RulePlace): readonly Protocol[] {
  return family === 4
    ? ['', '', 'tcp', 'tcp', 'udp', 'icmp', 'sctp', 'other']
    : ['', '', 'tcp', 'udp', 'icmp', 'other'];
}

function spellProtocol(dice: Dice, place: RulePlace, protocol: Protocol): string {
  const spellings: Readonly<Record<Protocol, readonly string[]>> = {
    '': [''],
    tcp: ['-p tcp', '-p 6'],
    udp: ['-p udp', '-p 17', '--protocol udp'],
    icmp: place.family === 4 ? ['-p icmp', '-p 1'] : ['-p ipv6-icmp', '-p 58', '-p icmpv6'],
    sctp: ['-p sctp', '-p 132'],
    other: ['-p gre', '-p esp', '-p 112', '! -p tcp', '! -p 17', '-p 253'],
  };
  return dice.pick(spellings[protocol]);
}

function makeBasics(dice: Dice, place: RulePlace, protocol: Protocol): string[] {
  const not = dice.chance(0.25) ? '! ' : '';
  const takesInput = !/OUTPUT|POSTROUTING/.test(place.chain);
  const takesOutput = !/INPUT|PREROUTING/.test(place.chain);
  return [
    dice.chance(0.4) ? `${not}-s ${network(dice, place)}` : '',
    dice.chance(0.4) ? `${dice.chance(0.25) ? '! ' : ''}-d ${network(dice, place)}` : '',
    takesInput && dice.chance(0.25) ? `${dice.chance(0.25) ? '! ' : ''}-i ${dice.pick(links)}` : '',
    takesOutput && dice.chance(0.25) ? `${dice.chance(0.25) ? '! ' : ''}-o ${dice.pick(links)}` : '',
    spellProtocol(dice, place, protocol),
    place.family === 4 && protocol === '' && dice.chance(0.05) ? dice.pick(['-f', '! -f']) : '',
  ];
}

function address(dice: Dice, { family }: RulePlace): string {
  if (family === 4) return `10.${dice.below(256)}.${dice.below(256)}.${dice.below(256)}`;
  const group = (): string => dice.below(65536).toString(16);
  return dice.pick([`fd00:${group()}::${group()}`, `fd7a:115c:a1e0::${group()}`, `2001:db8::${group()}`]);
}

function network(dice: Dice, place: RulePlace): string {
  const base = address(dice, place);
  if (place.family === 6) return dice.pick([base, `${base}/64`, `${base}/48`, `${base}/128`, `${base}/7`]);
  return dice.pick([
    base,
    `${base}/8`,
    `${base}/24`,
    `${base}/32`,
    `${base}/255.255.240.0`,
    `${base}/255.128.0.0`,
  ]);
}

function range(dice: Dice, limit: number): string {
  const from = dice.below(limit);
  return dice.chance(0.6) ? String(from) : `${from}:${from + 1 + dice.below(limit - from)}`;
}

function hex(dice: Dice): string {
  const value = dice.pick([
    0x1,
    0x4000,
    0x8000,
    0x40000,
    0x80000,
    0xff0000,
    0xffffffff,
    dice.below(2 ** 31) * 2,
  ]);
  return dice.chance(0.5) ? `0x${value.toString(16)}` : String(value);
}

function masked(dice: Dice): string {
  return dice.chance(0.6) ? `${hex(dice)}/${hex(dice)}` : hex(dice);
}

function not(dice: Dice): string {
  return dice.chance(0.3) ? '! ' : '';
}

function some(dice: Dice, names: readonly string[]): string {
  const chosen = names.filter(() => dice.chance(0.4));
  return chosen.length === 0 ? dice.pick(names) : chosen.join(',');
}

function makeMatches(dice: Dice, place: RulePlace, protocol: Protocol): string[] {
  const transport = dice.chance(0.6) ? makeTransport(dice, place, protocol) : '';
  const count = dice.below(3);
  const others = Array.from({ length: count }, () => dice.pick(matchesAt(place))(dice, place));
  return dice.chance(0.5) ? [transport, ...others] : [...others, transport];
}

const ports: Maker = (dice) => `--${dice.pick(['sport', 'source-port'])} ${range(dice, 65000)}`;

function makeTransport(dice: Dice, place: RulePlace, protocol: Protocol): string {
  const port = dice.chance(0.4) ? ports(dice, place) : '';
  const both = `${port} ${not(dice)}--dport ${range(dice, 65000)}`;
  const list = Array.from({ length: 1 + dice.below(6) }, () => range(dice, 65000)).join(',');
  const multiport = `-m multiport ${not(dice)}--${dice.pick(['ports', 'dports', 'sports'])} ${list}`;
  switch (protocol) {
    case 'tcp':
      return dice.pick([
        `-m tcp ${both}`,
        multiport,
        `-m tcp ${not(dice)}--syn`,
        `-m tcp ${not(dice)}--tcp-flags ${some(dice, tcpFlags)} ${dice.pick(['NONE', some(dice, tcpFlags)])}`,
        '-m tcp --tcp-flags ALL SYN,ACK',
      ]);
    case 'udp':
      return dice.pick([`-m udp ${both}`, multiport, '-m udp']);
    case 'sctp':
      return dice.pick([`-m sctp ${both}`, multiport]);
    case 'icmp':
      return place.family === 4
        ? `-m icmp ${not(dice)}--icmp-type ${dice.pick(['8', 'echo-request', '3/4', 'host-unreachable', 'time-exceeded', '13/0'])}`
        : `-m icmp6 ${not(dice)}--icmpv6-type ${dice.pick(['128', 'echo-reply', 'packet-too-big', '1/3', 'no-route', 'router-advertisement'])}`;
    default:
      return '';
  }
}

const tcpFlags = ['FIN', 'SYN', 'RST', 'PSH', 'ACK', 'URG'];

const comments = [
  'plain',
  '"two words"',
  '"it\'s \\"quoted\\" \\\\ and ! odd"',
  '--dport',
  '-j',
  '"default/web:http cluster IP"',
  '"é -j DROP"',
];

const anywhere: readonly Maker[] = [
  (dice) => `-m comment --comment ${dice.pick(comments)}`,
  (dice) => `-m mark ${not(dice)}--mark ${masked(dice)}`,
  (dice) => `-m connmark ${not(dice)}--mark ${masked(dice)}`,
  (dice) =>
    `-m conntrack ${not(dice)}--ctstate ${some(dice, ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID', 'DNAT', 'SNAT', 'UNTRACKED'])}`,
  (dice) => `-m state ${not(dice)}--state ${some(dice, ['NEW', 'ESTABLISHED', 'RELATED', 'INVALID'])}`,
  (dice, place) => `-m conntrack ${not(dice)}--ctorigdst ${network(dice, place)}`,
  (dice, place) => `-m conntrack ${not(dice)}--ctreplsrc ${network(dice, place)}`,
  (dice, place) =>
    `-m conntrack --ctstate NEW,ESTABLISHED --ctproto ${dice.pick(['tcp', '17'])} --ctorigsrc ${network(dice, place)} --ctorigdstport ${range(dice, 60000)}`,
  (dice) =>
    `-m conntrack --ctstatus ${some(dice, ['EXPECTED', 'SEEN_REPLY', 'ASSURED', 'CONFIRMED'])} --ctdir ${dice.pick(['ORIGINAL', 'REPLY'])}`,
  (dice) => `-m conntrack ${not(dice)}--ctrepldstport ${range(dice, 60000)}`,
  (dice) =>
    `-m addrtype ${not(dice)}--${dice.pick(['src', 'dst'])}-type ${dice.pick(['LOCAL', 'UNICAST', 'MULTICAST'])}`,
  (dice, { family }) =>
    `-m set ${not(dice)}--match-set ${dice.pick(['pods', 'nets', 'ports'])}${family} ${dice.pick(['src', 'dst', 'dst,dst', 'src,dst'])}`,
  (dice) =>
    `-m statistic --mode random ${not(dice)}--probability ${dice.pick(['0.5', '0.33333333349', '1', '0', '0.00000000001'])}`,
  (dice) => `-m statistic --mode nth ${not(dice)}--every ${dice.pick(['1', '2', '5'])} --packet 0`,
  (dice) => `-m recent ${not(dice)}--set --name ${dice.pick(['A', 'KUBE-SEP-X'])} --rsource`,
  (dice) => `-m physdev ${not(dice)}--physdev-in ${dice.pick(links)}`,
  (dice) =>
    `-m limit --limit ${dice.pick(['5/min', '10/second', '1/hour'])} --limit-burst ${1 + dice.below(9)}`,
  (dice) =>
    `-m hashlimit --hashlimit-${dice.pick(['above', 'upto'])} ${dice.pick(['5/min', '10/sec'])} --hashlimit-mode srcip --hashlimit-name h${dice.below(1000)}`,
  (dice) => `-m connlimit --connlimit-${dice.pick(['above', 'upto'])} ${dice.pick(['0', '3'])}`,
  (dice) => `-m pkttype ${not(dice)}--pkt-type ${dice.pick(['unicast', 'broadcast', 'multicast'])}`,
  (dice) => `-m length ${not(dice)}--length ${range(dice, 1400)}`,
  (dice, { family }) =>
    family === 4
      ? `-m ttl ${dice.pick(['--ttl-eq 64', '! --ttl-eq 1', '--ttl-lt 5', '--ttl-gt 64'])}`
      : `-m hl ${dice.pick(['--hl-eq 64', '! --hl-eq 1', '--hl-lt 5', '--hl-gt 64'])}`,
  (dice) => `-m dscp ${not(dice)}--dscp ${dice.pick(['0x2e', '10'])}`,
  (dice) => `-m tos ${not(dice)}--tos ${dice.pick(['0x10/0xfc', '0x20/0xe0'])}`,
  (dice, place) => {
    const [from = '', to = ''] = [address(dice, place), address(dice, place)].sort(compareWritten);
    return `-m iprange ${not(dice)}--${dice.pick(['src', 'dst'])}-range ${from}-${to}`;
  },
];

/** Numeric order for dotted quads; IPv6 ranges begin and end at one address. */
function compareWritten(a: string, b: string): number {
  const value = (text: string): number =>
    text.split('.').reduce((sum, part) => sum * 256 + Number.parseInt(part, 10), 0);
  return value(a) - value(b);
}

function matchesAt({ family, table, chain }: RulePlace): readonly Maker[] {
  const physdevOut: Maker = (dice) => `-m physdev ${not(dice)}--physdev-out ${dice.pick(links)}`;
  const isBridged: Maker = (dice) => `-m physdev ${not(dice)}--physdev-is-bridged`;
  const owner: Maker = (dice) => `-m owner ${not(dice)}--uid-owner ${dice.pick(['0', '1000-2000'])}`;
  const reversePath: Maker = (dice) =>
    `-m rpfilter ${some(dice, ['--loose', '--validmark', '--invert']).replaceAll(',', ' ')}`;
  const limited: Maker = (dice) =>
    `-m addrtype --dst-type ${dice.pick(['LOCAL', 'LOCAL,BROADCAST'])} --limit-iface-in`;
  return [
    ...anywhere.filter((make) => family === 4 || !make.toString().includes('-m iprange')),
    ...(chain === 'FORWARD' ? [physdevOut, isBridged] : []),
    ...(chain === 'OUTPUT' || chain === 'POSTROUTING' ? [owner] : []),
    ...(chain === 'PREROUTING' && (table === 'raw' || table === 'mangle') ? [reversePath] : []),
    ...(family === 4 && chain === 'INPUT' ? [limited] : []),
  ];
}

function makeTarget(dice: Dice, place: RulePlace, protocol: Protocol): string {
  const common: readonly Maker[] = [
    () => '-j ACCEPT',
    () => (place.table === 'nat' ? '-j ACCEPT' : '-j DROP'),
    () => '-j RETURN',
    () => '-j OTHER',
    () => '-g OTHER',
    () => '',
    (rolled) =>
      `-j LOG --log-prefix ${rolled.pick(['"drop: "', 'plain', '"a \\"b\\""'])} --log-level ${rolled.pick(['4', 'debug'])}`,
    () => '-j NFLOG --nflog-prefix "x -j DROP" --nflog-group 5',
  ];
  return dice.pick([...common, ...targetsAt(place, protocol)])(dice, place);
}

function targetsAt({ family, table, chain }: RulePlace, protocol: Protocol): readonly Maker[] {
  const hasPorts = protocol === 'tcp' || protocol === 'udp';
  if (table === 'filter') {
    const kinds =
      family === 4
        ? [
            'icmp-port-unreachable',
            'icmp-host-prohibited',
            'icmp-admin-prohibited',
            'icmp-net-unreachable',
            'port-unreach',
          ]
        : ['icmp6-port-unreachable', 'icmp6-adm-prohibited', 'icmp6-no-route'];
    const reject: Maker = (dice) =>
      `-j REJECT ${dice.chance(0.7) ? `--reject-with ${dice.pick(kinds.slice(0, 4))}` : ''}`;
    return protocol === 'tcp' ? [reject, () => '-j REJECT --reject-with tcp-reset'] : [reject];
  }
  if (table === 'mangle') return mangleTargets(chain, protocol, family);
  if (table === 'raw') return [() => '-j CT --notrack', () => '-j NOTRACK'];
  const portPart: Maker = (dice) =>
    hasPorts && dice.chance(0.7) ? `:${range(dice, 60000).replace(':', '-')}` : '';
  const target: Maker = (dice, place) => {
    const to = address(dice, place);
    const port = portPart(dice, place);
    return family === 6 && port !== '' ? `[${to}]${port}` : `${to}${port}`;
  };
  const flags: Maker = (dice) => dice.pick(['', '--random', '--persistent']);
  const netmap: Maker = (dice, place) =>
    `-j NETMAP --to ${family === 4 ? `10.${dice.below(256)}.0.0/16` : `${address(dice, place)}/64`}`;
  if (chain === 'PREROUTING' || chain === 'OUTPUT') {
    const dnat: Maker = (dice, place) =>
      `-j DNAT --to-destination ${target(dice, place)} ${flags(dice, place)}`;
    const redirect: Maker = (dice) =>
      hasPorts ? `-j REDIRECT --to-ports ${range(dice, 60000).replace(':', '-')}` : '-j REDIRECT';
    return [dnat, dnat, redirect, netmap];
  }
  const snat: Maker = (dice, place) =>
    `-j SNAT --to-source ${target(dice, place)} ${dice.pick(['', '--random', '--random-fully'])}`;
  const masquerade: Maker = (dice) =>
    `-j MASQUERADE ${hasPorts && dice.chance(0.5) ? `--to-ports ${range(dice, 60000).replace(':', '-')}` : ''} ${dice.pick(['', '--random-fully'])}`;
  return chain === 'POSTROUTING' ? [snat, masquerade, masquerade, netmap] : [snat];
}

function mangleTargets(chain: string, protocol: Protocol, family: 4 | 6): readonly Maker[] {
  const marks: readonly Maker[] = [
    (dice) => `-j MARK --set-${dice.pick(['xmark', 'mark'])} ${masked(dice)}`,
    (dice) => `-j MARK --${dice.pick(['and', 'or', 'xor'])}-mark ${hex(dice)}`,
    (dice) => `-j CONNMARK --set-${dice.pick(['xmark', 'mark'])} ${masked(dice)}`,
    (dice) =>
      `-j CONNMARK --${dice.pick(['save', 'restore'])}-mark ${dice.pick(['', '--mask 0xff0000', '--nfmask 0xff00 --ctmask 0xff0000'])}`,
    () => '-j CHECKSUM --checksum-fill',
    () => (family === 4 ? '-j TTL --ttl-set 64' : '-j HL --hl-inc 1'),
  ];
  const tproxy: Maker = (dice, place) =>
    `-j TPROXY --on-port ${1 + dice.below(9000)} ${dice.pick(['', `--on-ip ${address(dice, place)}`])} ${dice.pick(['', '--tproxy-mark 0x1/0x1'])}`;
  const clamp: Maker = (dice) =>
    `-m tcp --tcp-flags SYN,RST SYN -j TCPMSS ${dice.pick(['--clamp-mss-to-pmtu', '--set-mss 1200'])}`;
  return [
    ...marks,
    ...(chain === 'PREROUTING' && (protocol === 'tcp' || protocol === 'udp') ? [tproxy, tproxy] : []),
    ...(chain === 'FORWARD' && protocol === 'tcp' ? [clamp, clamp] : []),
  ];
}
