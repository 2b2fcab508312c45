// Questions for a world, aimed at what it holds: at routes' first addresses, at and beside boundaries, at own addresses.
// In: a world's dumped namespace and a seed. Out: queries in waylaid's words, and as lines for `ip -batch`.
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address, Family } from '../../src/core/net/address.ts';
import { formatAddress, wordsOf } from '../../src/core/net/address.ts';
import type { Namespace } from '../../src/core/model/network.ts';
import type { RouteQuery } from '../../src/core/trace/lookup.ts';
import { rollDice } from './random.ts';
import type { Dice } from './random.ts';
import { address4, address6 } from './routing-world.ts';

export interface Question {
  readonly query: RouteQuery;
  /** Ask for the matching FIB entry instead of the resolved route. */
  readonly isFibMatch: boolean;
}

export function makeQuestions(namespace: Namespace, seed: number, count: number): Question[] {
  const dice = rollDice(seed ^ 0x5eed);
  const pools = { 4: gatherTargets(namespace, 4), 6: gatherTargets(namespace, 6) };
  return Array.from({ length: count }, () => {
    const family: Family = dice.chance(0.5) ? 4 : 6;
    const query = makeQuery(dice, namespace, family, pools[family]);
    // Of a limited broadcast or multicast the kernel prints its own idea of the type, not the entry's.
    const hasOwnType = query.to === '255.255.255.255' || query.to.startsWith('224.');
    return { query, isFibMatch: dice.chance(0.4) && !hasOwnType };
  });
}

function gatherTargets(namespace: Namespace, family: Family): readonly Address[] {
  const { routes, addresses } = namespace.facts;
  if (!routes[family].known || !addresses.known) throw new Error('the world was not dumped');
  const own = addresses.value
    .map((fact) => fact.address)
    .filter((text) => text.includes(':') === (family === 6));
  return [...routes[family].value.map((route) => route.destination.address), ...own];
}

function makeTarget(dice: Dice, family: Family, pool: readonly Address[]): Address {
  const kind = dice.below(10);
  if (kind < 3 && pool.length > 0) return dice.pick(pool);
  if (kind < 5 && pool.length > 0) return moveAddress(dice.pick(pool), family, dice);
  if (kind === 9 && dice.chance(0.5)) return toAddress(dice.pick(family === 4 ? odd4 : odd6));
  return toAddress(family === 4 ? address4(dice) : address6(dice));
}

const odd4 = ['127.0.0.1', '127.0.0.9', '127.0.1.7', '8.8.8.8', '255.255.255.255', '0.1.2.3', '192.0.2.1'];
const odd6 = ['::1', 'fe80::1', 'fe80::5', '2001:db8::1', 'ff02::1', 'ff05::2', '2001:db8:1::9'];

function toAddress(text: string): Address {
  const address = parseAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

/** A neighbour in number, which boundaries tell apart. */
function moveAddress(address: Address, family: Family, dice: Dice): Address {
  const [w0, w1, w2, w3] = wordsOf(address);
  const step = dice.pick([1, 2, 255, 256, 4096]);
  const moved = (dice.chance(0.6) ? w3 + step : Math.max(0, w3 - step)) >>> 0;
  return formatAddress(family, [w0, w1, w2, moved]);
}

function makeQuery(dice: Dice, namespace: Namespace, family: Family, pool: readonly Address[]): RouteQuery {
  const links = [...namespace.linksByName.keys()];
  const isInput = dice.chance(0.5);
  const hasSource = isInput || dice.chance(0.4);
  const protocol = dice.pick([6, 6, 17, family === 4 ? 1 : 58]);
  const hasPorts = protocol === 6 || protocol === 17;
  const isUsable = (to: Address): boolean => !isOddQuestion(to, isInput, hasSource);
  const to = [1, 2, 3].map(() => makeTarget(dice, family, pool)).find(isUsable);
  return {
    to: to ?? toAddress(family === 4 ? '192.0.2.1' : '2001:db8::1'),
    ...(hasSource ? { from: makeSource(dice, namespace, family, pool) } : {}),
    mark: dice.chance(0.6) ? 0 : dice.pick([1, 2, 0x80000, 0x84000, 0x4000, 0x40001]),
    ...(isInput ? { inputLink: dice.pick(links.filter((link) => link !== 'lo')) } : {}),
    ...(!isInput && dice.chance(0.25) ? { outputLink: dice.pick(links) } : {}),
    tos: dice.chance(0.6) ? 0 : dice.pick([0x04, 0x08, 0x10, 0x1c, 0x30, 0xb8]),
    ipProtocol: protocol,
    ...(hasPorts ? { sourcePort: dice.pick([53, 1000, 40000, 61000]) } : {}),
    ...(hasPorts ? { destinationPort: dice.pick([53, 80, 443, 444, 8080]) } : {}),
    uid: isInput ? 0 : dice.pick([0, 0, 999, 1500, 65534]),
  };
}

/**
 * What cannot be compared: a received IPv6 multicast packet, for which `ip -6 route get` asks the multicast router and
 * fails with EMSGSIZE; ::, which sockets turn into ::1 before they ask; and a broadcast from an address that two devices
 * have, which goes by the one that got it last.
 */
function isOddQuestion(to: Address, isInput: boolean, hasSource: boolean): boolean {
  return (isInput && to.startsWith('ff')) || to === '::' || (hasSource && to === '255.255.255.255');
}

/** Often an address of the namespace, since a local sender's other sources are refused before any lookup. */
function makeSource(dice: Dice, namespace: Namespace, family: Family, pool: readonly Address[]): Address {
  const { addresses } = namespace.facts;
  const own = addresses.known
    ? addresses.value.map((fact) => fact.address).filter((text) => text.includes(':') === (family === 6))
    : [];
  if (own.length > 0 && dice.chance(0.4)) return dice.pick(own);
  const any = makeTarget(dice, family, pool);
  // iproute2 takes these for "no source at all".
  return any === '0.0.0.0' || any === '::' ? toAddress(family === 4 ? '10.0.0.1' : 'fd00::1') : any;
}

export function writeQuestion({ query, isFibMatch }: Question): string {
  const family = query.to.includes(':') ? 6 : 4;
  const icmp = family === 4 ? 'icmp' : 'ipv6-icmp';
  const protocol = { 6: 'tcp', 17: 'udp', 1: icmp, 58: icmp }[query.ipProtocol] ?? 'tcp';
  return [
    'route get',
    isFibMatch ? 'fibmatch' : '',
    query.to,
    query.from === undefined ? '' : `from ${query.from}`,
    query.inputLink === undefined ? '' : `iif ${query.inputLink}`,
    query.outputLink === undefined ? '' : `oif ${query.outputLink}`,
    query.mark === 0 ? '' : `mark ${query.mark}`,
    query.tos === 0 ? '' : `tos 0x${query.tos.toString(16)}`,
    `ipproto ${protocol}`,
    query.sourcePort === undefined ? '' : `sport ${query.sourcePort}`,
    query.destinationPort === undefined ? '' : `dport ${query.destinationPort}`,
    `uid ${query.uid ?? 0}`,
  ]
    .filter((part) => part !== '')
    .join(' ');
}
