// What generated rules and flows of the netfilter oracle are made of: few addresses, ports and marks, so that rules meet
// flows and each other. In: dice. Out: addresses, prefixes, ports and marks as the tools take them.
import type { Dice } from './random.ts';
import { outside, routerAddresses4, routerAddresses6 } from './netfilter-topology.ts';

export type Version = 4 | 6;

const bare = (addresses: readonly string[]): string[] => addresses.map((each) => each.split('/')[0] ?? '');

export const outsideAddresses: Record<Version, readonly string[]> = {
  4: outside.flatMap((place) => bare(place.addresses4)),
  6: outside.flatMap((place) => bare(place.addresses6)),
};
/** Service addresses: nobody has them, and the default route leads to the server. */
export const virtualAddresses: Record<Version, readonly string[]> = {
  4: ['10.43.0.1', '10.43.0.10', '10.43.17.4'],
  6: ['fd00:43::1', 'fd00:43::a', 'fd00:43::17'],
};
export const routerAddresses: Record<Version, readonly string[]> = {
  4: routerAddresses4.filter((each) => each !== '127.0.0.1'),
  6: routerAddresses6.filter((each) => each !== '::1'),
};
/** Addresses that translations may make up as a source: nobody's. */
export const foreignSources: Record<Version, readonly string[]> = {
  4: ['192.0.2.77', '10.42.2.200', '192.168.8.1'],
  6: ['2001:db8:ff::77', 'fd00:42:2::200', 'fd00:2::1'],
};

const wide: Record<Version, readonly string[]> = {
  4: [
    '10.42.0.0/16',
    '10.43.0.0/16',
    '10.42.2.0/24',
    '10.42.2.0/25',
    '10.42.1.0/24',
    '100.64.0.0/10',
    '100.115.92.0/23',
    '172.16.0.0/12',
    '192.168.7.0/24',
    '192.168.0.0/16',
    '203.0.113.0/24',
    '224.0.0.0/4',
    '10.0.0.0/8',
    '0.0.0.0/0',
  ],
  6: [
    'fd00:42::/32',
    'fd00:43::/112',
    'fd00:42:2::/64',
    'fd00:42:2::/113',
    'fd00:42:1::/64',
    'fd7a:115c:a1e0::/48',
    'fd00:1::/64',
    'fd00::/16',
    '2001:db8::/32',
    'ff00::/8',
    '::/0',
  ],
};

export function pickDestination(dice: Dice, version: Version): string {
  const kind = dice.below(10);
  if (kind < 5) return dice.pick(outsideAddresses[version]);
  return kind < 8 ? dice.pick(virtualAddresses[version]) : dice.pick(routerAddresses[version]);
}

export function pickPrefix(dice: Dice, version: Version): string {
  if (dice.chance(0.4)) return dice.pick(wide[version]);
  return `${pickDestination(dice, version)}/${version === 4 ? 32 : 128}`;
}

/** Ports of flows; translations and rules use them too. */
export const flowPorts: readonly number[] = [22, 53, 80, 443, 8080, 9999, 10250, 30080, 31234];
/** What is translated to: something listens there, or nobody on the router does. */
export const targetPorts: readonly number[] = [53, 80, 443, 8080, 9999];

export function pickPorts(dice: Dice): string {
  const kind = dice.below(8);
  if (kind === 0) return '30000:32767';
  if (kind === 1)
    return `${dice.pick([1, 80, 1000])}:${dice.pick([443, 8080, 1024].filter((port) => port > 80))}`.replace(
      '1000:443',
      '1000:2000',
    );
  return String(dice.pick(flowPorts));
}

export const marks: readonly number[] = [
  0x1, 0x100, 0x2000, 0x4000, 0x8000, 0x10000, 0x20000, 0x40000, 0x80000, 0xff0000,
];

export function pickMask(dice: Dice): number {
  return dice.pick([0x1, 0x100, 0x2000, 0x4000, 0x8000, 0xff00, 0x10000, 0x30000, 0xff0000, 0xffffffff]);
}

export function hex(value: number): string {
  return `0x${(value >>> 0).toString(16)}`;
}

export const linkPatterns: readonly string[] = [
  'eth0',
  'eth1',
  'tailscale0',
  'cni0',
  'lo',
  'eth+',
  'tailscale+',
  'cni+',
  'docker0',
  'wlan+',
];

export function repeat<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
