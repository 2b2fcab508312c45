// A random but reproducible state of a network namespace, as commands for `ip -batch` and `bridge -batch`. Commands that
// the kernel refuses are simply not part of the state, so the generator need not know every rule.

export type Random = () => number;

/** mulberry32: small, and the same on every machine. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(random: Random, choices: readonly T[]): T {
  return choices[Math.floor(random() * choices.length)]!;
}

/** Names that are words of iproute2's own language are names too. */
const links = ['eth0', 'eth1', 'cni0', 'flannel.1', 'tun0', 'dev', 'metric'] as const;
const tables = ['main', '52', '1000', 'local', '7', '4294967294'] as const;

export function linkCommands(): string {
  return [
    'link set lo up',
    'link add eth0 type veth peer name peer0',
    'link add eth1 type veth peer name peer1',
    'link add dev dev type veth peer name via',
    'link add name metric type macvlan',
    'link add link eth0 name metric type macvlan mode bridge',
    'link add cni0 type bridge',
    'link add name master type veth peer name state',
    'link set dev master master cni0',
    'link add flannel.1 type vxlan id 1 dstport 8472 dev eth0 local 192.0.2.11 nolearning',
    'link add vx6 type vxlan id 7 dstport 4789 local 2001:db8::1 remote 2001:db8::2',
    'link add vxmc type vxlan id 8 dstport 4790 group 239.1.1.1 dev metric',
    'tuntap add tun0 mode tun',
    ...[...links, 'peer0', 'master', 'state', 'via'].map((name) => `link set dev ${name} up`),
    'link set eth1 mtu 1380',
    'link set eth1 group 7',
    'link set eth1 alias a-second-card',
    'addr add 192.0.2.11/24 brd + dev eth0',
    'addr add 192.0.2.12/24 dev eth0 label eth0:1',
    'addr add 10.42.1.1/24 dev cni0',
    'addr add 10.42.1.0/32 dev flannel.1',
    'addr add 10.9.9.1 peer 10.9.9.2/32 dev eth1',
    'addr add 100.64.0.3/32 dev tun0 noprefixroute',
    'addr add 198.51.100.1/24 dev dev',
    'addr add 198.51.100.2/24 dev master',
    'addr add 2001:db8:1::1/64 dev eth0 nodad',
    'addr add 2001:db8:2::1/64 dev eth1 nodad valid_lft 10000 preferred_lft 5000',
    'addr add 2001:db8:3::1/128 dev tun0 nodad preferred_lft 0',
  ].join('\n');
}

export function randomCommands(random: Random, count: number): string {
  const commands = [
    'nexthop add id 1 via 192.0.2.1 dev eth0',
    'nexthop add id 2 via 10.9.9.2 dev eth1',
    'nexthop add id 3 group 1/2,3',
    'nexthop add id 4 blackhole',
    'nexthop add id 5 via 2001:db8:1::9 dev eth0',
  ];
  for (let at = 0; at < count; at++) {
    const kind = random();
    if (kind < 0.35) commands.push(randomRoute4(random));
    else if (kind < 0.55) commands.push(randomRoute6(random));
    else if (kind < 0.9) commands.push(randomRule(random));
    else commands.push(randomNeighbor(random));
  }
  return commands.join('\n');
}

function maybe(random: Random, chance: number, text: () => string): string {
  return random() < chance ? ` ${text()}` : '';
}

function number(random: Random, below: number): number {
  return Math.floor(random() * below);
}

function prefix4(random: Random): string {
  const length = pick(random, [8, 12, 16, 20, 24, 28, 31, 32]);
  const bits = ((0x0a000000 | number(random, 0x1000000)) & (0xffffffff << (32 - length))) >>> 0;
  const address = [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
  return random() < 0.05 ? 'default' : `${address}/${length}`;
}

function prefix6(random: Random): string {
  if (random() < 0.05) return 'default';
  return `fd${pick(random, ['00', '42', '7a'])}:${number(random, 65536).toString(16)}::/${pick(random, [16, 32])}`;
}

const gateways4 = [
  'via 192.0.2.1 dev eth0',
  'via 10.9.9.2 dev eth1',
  'via 10.42.2.0 dev flannel.1 onlink',
  'dev tun0',
  'dev cni0',
  'dev dev',
  'via inet6 2001:db8:1::9 dev eth0',
];

function nexthops(random: Random, gateways: readonly string[]): string {
  const hops = Array.from({ length: 2 + number(random, 2) }, () => {
    const [via = '', ...onlink] = pick(random, gateways).split(' onlink');
    return `nexthop ${via} weight ${1 + number(random, 200)}${onlink.length > 0 ? ' onlink' : ''}`;
  });
  return hops.join(' ');
}

function randomRoute4(random: Random): string {
  const head =
    `route add${maybe(random, 0.1, () => pick(random, ['local', 'broadcast', 'multicast', 'anycast']))} ` +
    `${prefix4(random)}${maybe(random, 0.2, () => `tos 0x${pick(random, ['10', '08', '04', '1c'])}`)}`;
  const tail =
    maybe(random, 0.6, () => `table ${pick(random, tables)}`) +
    maybe(random, 0.5, () => `metric ${pick(random, [1, 100, 1024, 4278198272])}`) +
    maybe(random, 0.3, () => `proto ${pick(random, ['static', 'kernel', 'bird', '99', 'dhcp'])}`) +
    maybe(random, 0.1, () => `scope ${pick(random, ['global', 'link', 'host', '99'])}`);
  const way = random();
  if (way < 0.2)
    return `${head.replace('add', `add ${pick(random, ['blackhole', 'unreachable', 'prohibit', 'throw'])}`)}${tail}`;
  if (way < 0.3) return `${head}${tail} nhid ${1 + number(random, 4)}`;
  if (way < 0.45) return `${head}${tail} ${nexthops(random, gateways4)}`;
  const extra =
    maybe(random, 0.2, () => 'src 192.0.2.12') +
    maybe(random, 0.2, () => `mtu ${pick(random, ['1280', 'lock 1400'])}`) +
    maybe(random, 0.05, () => 'realm 5') +
    maybe(random, 0.05, () => 'advmss 1200 initcwnd 20');
  return `${head} ${pick(random, gateways4)}${tail}${extra}`;
}

const gateways6 = [
  'via 2001:db8:1::9 dev eth0',
  'via 2001:db8:2::9 dev eth1',
  'dev tun0',
  'dev eth0',
  'dev dev',
];

function randomRoute6(random: Random): string {
  const head = `-6 route add ${prefix6(random)}${maybe(random, 0.15, () => 'from 2001:db8:1::/64')}`;
  const tail =
    maybe(random, 0.5, () => `table ${pick(random, tables)}`) +
    maybe(random, 0.5, () => `metric ${pick(random, [1, 256, 1024])}`) +
    maybe(random, 0.2, () => `proto ${pick(random, ['static', 'ra', '99'])}`);
  const way = random();
  if (way < 0.2)
    return `${head.replace('add', `add ${pick(random, ['blackhole', 'unreachable', 'prohibit', 'throw'])}`)}${tail}`;
  if (way < 0.3) return `${head}${tail} nhid 5`;
  if (way < 0.45) return `${head}${tail} ${nexthops(random, gateways6)}`;
  const extra =
    maybe(random, 0.2, () => `pref ${pick(random, ['low', 'high'])}`) +
    maybe(random, 0.2, () => 'mtu 1300') +
    maybe(random, 0.1, () => 'expires 3000');
  return `${head} ${pick(random, gateways6)}${tail}${extra}`;
}

function randomRule(random: Random): string {
  const isV6 = random() < 0.3;
  const prefix = (): string => {
    const text = isV6 ? prefix6(random) : prefix4(random);
    return text === 'default' ? 'all' : text;
  };
  const selectors =
    maybe(random, 0.4, () => `from ${prefix()}`) +
    maybe(random, 0.4, () => `to ${prefix()}`) +
    maybe(
      random,
      0.3,
      () => `fwmark ${pick(random, ['0x80000/0xff0000', '5', '0x1/0x1', '0x10000/0x10000'])}`,
    ) +
    maybe(random, 0.2, () => `iif ${pick(random, [...links, 'nosuch', 'lo'])}`) +
    maybe(random, 0.2, () => `oif ${pick(random, [...links, 'nosuch'])}`) +
    maybe(random, 0.1, () => `tos 0x${pick(random, ['10', '08', '20'])}`) +
    maybe(
      random,
      0.2,
      () => `ipproto ${pick(random, ['tcp', 'udp', '47', '200', isV6 ? 'ipv6-icmp' : 'icmp'])}`,
    ) +
    maybe(random, 0.2, () => `sport ${pick(random, ['53', '1000-2000'])}`) +
    maybe(random, 0.2, () => `dport ${pick(random, ['443', '30000-32767'])}`) +
    maybe(random, 0.1, () => `uidrange ${pick(random, ['0-0', '1000-2000', '0-4294967294'])}`) +
    maybe(random, 0.05, () => 'tun_id 7') +
    maybe(random, 0.1, () => `suppress_prefixlength ${number(random, 3)}`) +
    maybe(random, 0.05, () => 'suppress_ifgroup 7') +
    maybe(random, 0.1, () => 'protocol 99');
  const action = pick(random, [
    `table ${pick(random, tables)}`,
    `table ${pick(random, tables)}`,
    `table ${pick(random, tables)}`,
    'unreachable',
    'prohibit',
    'blackhole',
    'nop',
    'goto 20000',
    'goto 32766',
  ]);
  return `${isV6 ? '-6 ' : ''}rule add${maybe(random, 0.2, () => 'not')}${selectors} ${action} pref ${1 + number(random, 19000)}`;
}

/** Selectors of newer kernels and tools. An `ip` that does not know one gives up its batch, so each is run by itself. */
export function newerRules(random: Random): readonly string[] {
  return [
    `rule add sport 0x50/0xfff0 dport 443 table 52 pref ${19001 + number(random, 100)}`,
    `rule add dport 0x1bb/0xffff table 52 pref ${19101 + number(random, 100)}`,
    `rule add dscp ${pick(random, ['CS1', '10'])} table 52 pref ${19201 + number(random, 100)}`,
    `rule add dscp 0x8/0x38 table 52 pref ${19301 + number(random, 100)}`,
    `-6 rule add flowlabel ${pick(random, ['0x5', '0x10/0xff'])} table 52 pref ${19401 + number(random, 100)}`,
  ];
}

function randomNeighbor(random: Random): string {
  const mac = `02:42:0a:2a:${number(random, 90) + 10}:00`;
  const link = pick(random, ['eth0', 'flannel.1', 'cni0', 'dev']);
  const address =
    random() < 0.3
      ? `2001:db8:1::${number(random, 9999)}`
      : `10.42.${number(random, 256)}.${number(random, 256)}`;
  return random() < 0.15
    ? `neigh add proxy ${address} dev ${link}`
    : `neigh add ${address} dev ${link} lladdr ${mac} nud ${pick(random, ['permanent', 'noarp', 'stale'])}`;
}

export function bridgeCommands(random: Random, count: number): string {
  return Array.from({ length: count }, () => {
    const mac = `02:42:0a:2b:${number(random, 90) + 10}:00`;
    return pick(random, [
      `fdb append ${mac} dev flannel.1 dst 192.0.2.${2 + number(random, 200)} self permanent`,
      `fdb append ${mac} dev flannel.1 dst 192.0.2.77 via dev self permanent`,
      `fdb append ${mac} dev vx6 dst 2001:db8::${2 + number(random, 200)} self`,
      `fdb append 00:00:00:00:00:00 dev flannel.1 dst 192.0.2.9 port 4789 vni 7 self permanent`,
      `fdb add ${mac} dev master master static`,
      `fdb add ${mac} dev master master dynamic extern_learn`,
      `link set dev master hairpin ${pick(random, ['on', 'off'])}`,
      `link set dev master isolated ${pick(random, ['on', 'off'])}`,
    ]);
  }).join('\n');
}
