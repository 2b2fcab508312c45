// A namespace nobody would build by hand: links, addresses, rules, routes and settings chosen by a seed.
// In: a seed. Out: the commands that make it. Addresses come from a small space, so that prefixes nest and collide.
// Commands may fail (a gateway that is not on-link, an address twice): what counts is what the kernel then dumps.
import { rollDice } from './random.ts';
import type { Dice } from './random.ts';

export interface World {
  readonly seed: number;
  /** Words for `ip` that make the links, before the settings are written. */
  readonly linkCommands: readonly string[];
  /** Words for `ip` that run after the settings are written; `-6` in front means the other family. */
  readonly commands: readonly string[];
  /** Files under /proc/sys/net and what to write into them. */
  readonly settings: readonly (readonly [string, string])[];
  readonly links: readonly string[];
  /** False where no rule is ever added, so that local and main stay one table. */
  readonly hasRules: boolean;
}

const tables: readonly string[] = ['main', 'main', '52', '100', '101', 'default', 'local'];

/** Without rules only these are asked, and with routes in local nearly every answer would depend on the merged table. */
const tablesWithoutRules: readonly string[] = ['main', 'main', 'main', 'main', 'main', 'default'];

export function makeWorld(seed: number): World {
  const dice = rollDice(seed);
  const links = ['lo', 'v0', 'v1', 't0', 'br0', ...(dice.chance(0.5) ? ['w.5', 'w1'] : [])];
  const hasRules = dice.chance(0.9);
  const hasTurns = dice.chance(0.5);
  const routes: RouteChoice = { dice, links, tables: hasRules ? tables : tablesWithoutRules, hasTurns };
  const linkCommands = makeLinks(dice, links);
  const commands = [
    ...makeAddresses4(dice, links),
    ...makeAddresses6(dice, links),
    ...makeNexthops(dice, links),
    ...repeat(10 + dice.below(60), () => makeRoute4(routes)),
    ...repeat(10 + dice.below(60), () => makeRoute6(routes)),
    ...nexthopIds6.map(
      (id) => `-6 route add ${prefix6(dice)} nhid ${id} table ${dice.pick(tables)}${metric6(dice)}`,
    ),
    ...(hasRules ? repeat(1 + dice.below(14), () => makeRule(dice, links, 4)) : []),
    ...(hasRules ? repeat(1 + dice.below(14), () => makeRule(dice, links, 6)) : []),
    ...makeNeighbors(dice, links),
    ...(hasTurns ? makeTurns(dice, links, hasRules) : []),
  ];
  return { seed, linkCommands, commands, settings: makeSettings(dice, links), links, hasRules };
}

function repeat(count: number, make: () => string): string[] {
  return Array.from({ length: count }, make);
}

function makeLinks(dice: Dice, links: readonly string[]): string[] {
  const lines = [
    'link set lo up',
    'link add v0 type veth peer name v1',
    'tuntap add mode tun name t0',
    'link add br0 type bridge',
  ];
  if (links.includes('w1')) lines.push('link add w.5 type veth peer name w1');
  for (const link of links.slice(1)) {
    if (dice.chance(0.3)) lines.push(`link set ${link} group ${dice.pick([3, 7])}`);
    if (dice.chance(0.5)) lines.push(`link set ${link} addrgenmode none`);
    if (dice.chance(0.92)) lines.push(`link set ${link} up`);
  }
  return lines;
}

/** Few third octets and few hosts, so that routes, addresses and queries meet. */
export function address4(dice: Dice): string {
  return `10.${dice.below(3)}.${dice.below(4)}.${dice.pick([0, 1, 1, 2, 3, 5, 77, 128, 255])}`;
}

export function address6(dice: Dice): string {
  const host = dice.pick(['1', '2', '3', '5', '77', '8000:0:0:1', 'ffff:ffff:ffff:ffff']);
  const prefix = `fd00:${dice.below(3)}:${dice.below(3)}:${dice.below(3)}`;
  return host.includes(':') ? `${prefix}:${host}` : `${prefix}::${host}`;
}

export function prefix4(dice: Dice): string {
  if (dice.chance(0.12)) return 'default';
  if (dice.chance(0.05)) return `127.0.${dice.below(2)}.0/${dice.pick([16, 24, 25])}`;
  return mask4(address4(dice), dice.pick([8, 9, 14, 16, 16, 22, 23, 24, 24, 25, 30, 31, 32, 32]));
}

function mask4(address: string, length: number): string {
  const value = address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0);
  const masked = Math.floor(value / 2 ** (32 - length)) * 2 ** (32 - length);
  const octets = [24, 16, 8, 0].map((shift) => Math.floor(masked / 2 ** shift) % 256);
  return `${octets.join('.')}/${length}`;
}

export function prefix6(dice: Dice): string {
  if (dice.chance(0.12)) return 'default';
  if (dice.chance(0.5)) return `${address6(dice)}/128`;
  const groups = `fd00:${dice.below(3)}:${dice.below(3)}:${dice.below(3)}`.split(':');
  const kept = dice.pick([1, 2, 3, 4]);
  return `${groups.slice(0, kept).join(':')}::/${kept * 16}`;
}

function makeAddresses4(dice: Dice, links: readonly string[]): string[] {
  const lines: string[] = [];
  for (const link of links) {
    for (let count = dice.below(link === 'lo' ? 2 : 4); count > 0; count--) {
      const scope = dice.chance(0.25) ? ` scope ${dice.pick(['link', 'host', 'site'])}` : '';
      const length = dice.pick([16, 24, 24, 24, 30, 32]);
      const isPeer = dice.chance(0.15);
      const own = isPeer ? `${address4(dice)} peer ${address4(dice)}/32` : `${address4(dice)}/${length}`;
      const broadcast = dice.chance(0.6) && !isPeer ? ' brd +' : '';
      lines.push(`addr add ${own}${broadcast}${scope} dev ${link}`);
    }
  }
  return lines;
}

function makeAddresses6(dice: Dice, links: readonly string[]): string[] {
  const lines: string[] = [];
  for (const link of links) {
    for (let count = dice.below(link === 'lo' ? 2 : 4); count > 0; count--) {
      const old = dice.chance(0.15) ? ' preferred_lft 0' : '';
      const own = dice.pick([
        address6(dice),
        address6(dice),
        `2001:db8:${dice.below(3)}::${dice.below(9) + 1}`,
      ]);
      lines.push(`-6 addr add ${own}/${dice.pick([48, 64, 64, 128])} dev ${link} nodad${old}`);
    }
    if (dice.chance(0.2)) lines.push(`-6 addr add fe80::${dice.below(9) + 1}/64 dev ${link} nodad`);
  }
  return lines;
}

function makeNexthops(dice: Dice, links: readonly string[]): string[] {
  const lines: string[] = [];
  for (const id of [1, 2, 3, 4]) {
    const way = dice.chance(0.5) ? `via ${address4(dice)} onlink ` : '';
    lines.push(`nexthop add id ${id} ${way}dev ${dice.pick(links)}`);
  }
  for (const id of [11, 12, 13, 14, 15, 16]) {
    const way = dice.chance(0.5) ? `via ${address6(dice)} onlink ` : '';
    lines.push(`-6 nexthop add id ${id} ${way}dev ${dice.pick(links)}`);
  }
  lines.push('nexthop add id 5 blackhole', 'nexthop add id 6 group 1/2,3');
  lines.push('-6 nexthop add id 17 blackhole', '-6 nexthop add id 18 group 15/16,3');
  return lines;
}

/**
 * One IPv6 route for each nexthop object: the kernel caches a route by its nexthop, so of two that share one it may name
 * the other (Linux 6.18, rt6_get_pcpu_route). The legs of a group have no routes of their own for the same reason.
 */
const nexthopIds6: readonly number[] = [11, 12, 13, 14, 17, 18];

function optional(dice: Dice, probability: number, text: () => string): string {
  return dice.chance(probability) ? ` ${text()}` : '';
}

const errorTypes = ['blackhole', 'unreachable', 'prohibit', 'throw'];

interface RouteChoice {
  readonly dice: Dice;
  readonly links: readonly string[];
  readonly tables: readonly string[];
  readonly hasTurns: boolean;
}

function makeRoute4({ dice, links, tables: among }: RouteChoice): string {
  const table = dice.pick(among);
  const common = [
    optional(dice, 0.3, () => `metric ${dice.pick([0, 5, 10, 100])}`),
    optional(dice, 0.15, () => `tos ${dice.pick(['0x04', '0x08', '0x10', '0x1c'])}`),
  ].join('');
  const verb = dice.chance(0.15) ? 'append' : 'add';
  const start = `route ${verb}`;
  const end = `table ${table}${common}`;
  if (dice.chance(0.2)) return `${start} ${dice.pick(errorTypes)} ${prefix4(dice)} ${end}`;
  if (dice.chance(0.1)) return `${start} ${prefix4(dice)} nhid ${dice.pick([1, 2, 3, 4, 5, 6])} ${end}`;
  if (dice.chance(0.12)) {
    const legs = repeat(2 + dice.below(2), () => {
      const gateway = dice.chance(0.7) ? `via ${address4(dice)} ` : '';
      return `nexthop ${gateway}dev ${dice.pick(links)} weight ${dice.below(3) + 1}${gateway === '' ? '' : ' onlink'}`;
    });
    return `${start} ${prefix4(dice)} ${end} ${legs.join(' ')}`;
  }
  const type = dice.chance(0.08) ? `${dice.pick(['local', 'broadcast', 'multicast'])} ` : '';
  const gateway = type === '' && dice.chance(0.5) ? ` via ${address4(dice)}` : '';
  const onlink = gateway !== '' && dice.chance(0.7) ? ' onlink' : '';
  // A gateway behind a route of host scope is silently not used (nhc_scope, Linux 6.18), which no dump shows.
  const scope =
    gateway === '' ? optional(dice, 0.2, () => `scope ${dice.pick(['global', 'site', 'link'])}`) : '';
  const source = optional(dice, 0.15, () => `src ${address4(dice)}`);
  return `${start} ${type}${prefix4(dice)}${gateway} dev ${dice.pick(links)}${onlink}${scope}${source} ${end}`;
}

function makeRoute6({ dice, links, tables: among, hasTurns }: RouteChoice): string {
  const table = dice.pick(among);
  // Once a plain route of a prefix is gone, Linux 6.18 may miss its source-specific ones (fib6_repair_tree).
  const from = hasTurns ? '' : optional(dice, 0.12, () => `from ${prefix6(dice)}`);
  const verb = dice.chance(0.2) ? 'append' : 'add';
  const start = `-6 route ${verb}`;
  const end = `table ${table}${metric6(dice)}`;
  if (dice.chance(0.2)) return `${start} ${dice.pick(errorTypes)} ${prefix6(dice)} ${end}`;
  if (dice.chance(0.12)) {
    const legs = repeat(2 + dice.below(2), () => {
      const gateway = dice.chance(0.8) ? `via ${gateway6(dice)} ` : '';
      return `nexthop ${gateway}dev ${dice.pick(links)} weight ${dice.below(3) + 1}${gateway === '' ? '' : ' onlink'}`;
    });
    return `${start} ${prefix6(dice)}${from} ${end} ${legs.join(' ')}`;
  }
  const type = dice.chance(0.08) ? `${dice.pick(['local', 'anycast', 'multicast'])} ` : '';
  const gateway = type === '' && dice.chance(0.5) ? ` via ${gateway6(dice)}` : '';
  const onlink = gateway !== '' && dice.chance(0.7) ? ' onlink' : '';
  const preference = optional(dice, 0.2, () => `pref ${dice.pick(['low', 'medium', 'high'])}`);
  const source = optional(dice, 0.15, () => `src ${address6(dice)}`);
  return `${start} ${type}${prefix6(dice)}${from}${gateway} dev ${dice.pick(links)}${onlink}${source}${preference} ${end}`;
}

function metric6(dice: Dice): string {
  return optional(dice, 0.4, () => `metric ${dice.pick([5, 10, 256, 1024])}`);
}

function gateway6(dice: Dice): string {
  return dice.chance(0.3) ? `fe80::${dice.below(9) + 1}` : address6(dice);
}

function makeRule(dice: Dice, links: readonly string[], family: 4 | 6): string {
  const prefix = (): string => (family === 4 ? prefix4(dice) : prefix6(dice)).replace('default', 'all');
  const port = (): string => dice.pick(['53', '80-443', '1000-60000', '0-1023']).replace(/^0-/, '1-');
  const selectors = [
    dice.chance(0.15) ? 'not' : '',
    optional(dice, 0.3, () => `from ${prefix()}`),
    optional(dice, 0.3, () => `to ${prefix()}`),
    optional(dice, 0.2, () => `iif ${dice.pick([...links, 'gone0'])}`),
    optional(dice, 0.1, () => `oif ${dice.pick([...links, 'gone1'])}`),
    optional(dice, 0.25, () => `fwmark ${dice.pick(['1', '0x80000/0xff0000', '0x4000/0x4000', '0x0/0x1'])}`),
    optional(
      dice,
      0.1,
      () => `tos ${dice.pick(family === 4 ? ['0x08', '0x10', '0x1c'] : ['0x08', '0x10', '0xb8'])}`,
    ),
    optional(dice, 0.1, () => `ipproto ${dice.pick(['tcp', 'udp', family === 4 ? 'icmp' : 'ipv6-icmp'])}`),
    optional(dice, 0.08, () => `sport ${port()}`),
    optional(dice, 0.08, () => `dport ${port()}`),
    optional(dice, 0.08, () => `uidrange ${dice.pick(['0-0', '0-999', '1000-2000'])}`),
  ].join(' ');
  const priority = dice.pick([0, 50, 100, 100, 200, 300, 400, 5210, 5270, 20000, 32766, 32767, 40000]);
  return `${family === 6 ? '-6 ' : ''}rule add pref ${priority} ${selectors} ${makeAction(dice)}`;
}

function makeAction(dice: Dice): string {
  const kind = dice.below(20);
  if (kind < 3) return `goto ${dice.pick([100, 200, 400, 5270, 6000, 20000, 32766])}`;
  if (kind < 5) return 'nop';
  if (kind < 7) return dice.pick(['blackhole', 'unreachable', 'prohibit']);
  const table = dice.pick([...tables, '999']);
  const length = optional(dice, 0.3, () => `suppress_prefixlength ${dice.pick([0, 8, 16, 24, 64])}`);
  const group = optional(dice, 0.15, () => `suppress_ifgroup ${dice.pick(['default', '3', '7'])}`);
  return `lookup ${table}${length}${group}`;
}

function makeNeighbors(dice: Dice, links: readonly string[]): string[] {
  return repeat(dice.below(8), () => {
    const link = dice.pick(links.slice(1));
    const state = dice.pick(['nud failed', 'nud failed', 'lladdr 02:00:00:00:00:01 nud permanent']);
    return dice.chance(0.8)
      ? `-6 neigh add ${gateway6(dice)} dev ${link} ${state}`
      : `neigh add ${address4(dice)} dev ${link} ${state}`;
  });
}

/** What happens to a namespace later: a device that loses its carrier or goes away, a rule deleted. */
function makeTurns(dice: Dice, links: readonly string[], hasRules: boolean): string[] {
  const lines: string[] = [];
  if (dice.chance(0.5)) lines.push('link set v1 down');
  if (dice.chance(0.3)) lines.push('link set br0 down');
  if (links.includes('w1') && dice.chance(0.3)) lines.push('link del w1');
  if (hasRules && dice.chance(0.3)) lines.push('rule del pref 0', 'rule add pref 210 lookup local');
  if (hasRules && dice.chance(0.3)) lines.push('-6 rule del pref 32766');
  if (hasRules && dice.chance(0.4)) lines.push('rule del pref 100');
  return lines;
}

function makeSettings(dice: Dice, links: readonly string[]): (readonly [string, string])[] {
  const settings: (readonly [string, string])[] = [];
  const set = (path: string, value: number): void => void settings.push([path, String(value)]);
  const someOf = (probability: number): number => (dice.chance(probability) ? 1 : 0);
  set('ipv4/ip_forward', someOf(0.8));
  set('ipv6/conf/all/forwarding', someOf(0.5));
  for (const link of ['all', ...links]) {
    if (dice.chance(0.4)) set(`ipv4/conf/${link}/rp_filter`, dice.pick([0, 1, 2]));
    else set(`ipv4/conf/${link}/rp_filter`, 0);
    if (dice.chance(0.15)) set(`ipv4/conf/${link}/accept_local`, 1);
    if (dice.chance(0.15)) set(`ipv4/conf/${link}/src_valid_mark`, 1);
    if (dice.chance(0.1)) set(`ipv4/conf/${link}/route_localnet`, 1);
    if (dice.chance(0.1)) set(`ipv4/conf/${link}/bc_forwarding`, 1);
    if (dice.chance(0.3)) set(`ipv4/conf/${link}/ignore_routes_with_linkdown`, 1);
    if (dice.chance(0.3)) set(`ipv6/conf/${link}/ignore_routes_with_linkdown`, 1);
    if (dice.chance(0.1)) set(`ipv6/conf/${link}/use_oif_addrs_only`, 1);
    if (dice.chance(0.15)) set(`ipv4/conf/${link}/send_redirects`, 0);
    if (link !== 'all' && dice.chance(0.2)) set(`ipv4/conf/${link}/forwarding`, someOf(0.5));
  }
  return settings;
}
