// What rules of nftables look at, chosen by dice: addresses, ports, devices, marks, connections, lookups, in every form that
// a value can take. In: the table and the chain that a rule is for. Out: the words of its matches.
import {
  flowPorts,
  hex,
  marks,
  outsideAddresses,
  pickDestination,
  pickMask,
  pickPrefix,
  repeat,
} from './netfilter-pools.ts';
import type { Version } from './netfilter-pools.ts';
import type { Dice } from './random.ts';

export type TableFamily = 'ip' | 'ip6' | 'inet';
export type Hook = 'prerouting' | 'input' | 'forward' | 'output' | 'postrouting';

export interface NftScope {
  readonly dice: Dice;
  readonly family: TableFamily;
  readonly versions: readonly Version[];
  readonly sets: readonly NamedSet[];
}

export interface NamedSet {
  readonly name: string;
  readonly kind:
    'addresses' | 'ports' | 'pairs' | 'links' | 'marks' | 'verdicts' | 'pair-verdicts' | 'targets';
  readonly version: Version;
}

export interface ChainPlace {
  readonly hook: Hook;
  readonly type: 'filter' | 'nat' | 'route';
  readonly below: readonly string[];
  readonly priority: number;
}

const not = (dice: Dice, probability = 0.2): string => (dice.chance(probability) ? '!= ' : '');

export function named(scope: NftScope, kind: NamedSet['kind'], version: Version): string | undefined {
  return scope.sets.find((set) => set.kind === kind && set.version === version)?.name;
}

export function makeMatches(
  scope: NftScope,
  place: ChainPlace,
  version = scope.dice.pick(scope.versions),
): string {
  const { dice } = scope;
  const words = repeat(dice.pick([0, 1, 1, 1, 2, 2, 3]), () => makeMatch(scope, place, version));
  return words.join(' ');
}

function makeMatch(scope: NftScope, place: ChainPlace, version: Version): string {
  const { dice } = scope;
  const ip = version === 4 ? 'ip' : 'ip6';
  const end = dice.pick(['saddr', 'daddr', 'daddr']);
  const pair = named(scope, 'pairs', version);
  const kinds: (() => string)[] = [
    () =>
      `${ip} ${end} ${not(dice)}${pickPrefix(dice, version)}`.replace(
        /(0\.0\.0\.0|::)\/0$/,
        dice.pick(outsideAddresses[version]),
      ),
    () => `${ip} ${end} ${not(dice)}{ ${listOf(dice, 3, () => pickDestination(dice, version))} }`,
    () => `${ip} ${end} ${not(dice)}${version === 4 ? '10.42.1.0-10.42.2.99' : 'fd00:42:1::-fd00:42:2::99'}`,
    () => `${ip} ${end} ${not(dice)}@${named(scope, 'addresses', version) ?? ''}`,
    () => `meta l4proto { tcp, udp } ${ip} daddr . meta l4proto . th dport ${not(dice)}@${pair ?? ''}`,
    () =>
      `${ip} daddr . tcp dport { ${listOf(dice, 3, () => `${pickDestination(dice, version)} . ${dice.pick(flowPorts)}`)} }`,
    () => makePortMatch(scope, version),
    () => makePortMatch(scope, version),
    () =>
      `meta l4proto ${not(dice)}${dice.pick(['tcp', 'udp', '{ tcp, udp }', version === 4 ? 'icmp' : 'ipv6-icmp'])}`,
    () => makeLinkMatch(scope, place, version),
    () => makeLinkMatch(scope, place, version),
    () => makeMarkMatch(scope, version),
    () => makeMarkMatch(scope, version),
    () => makeConnectionMatch(scope, place, version),
    () => makeConnectionMatch(scope, place, version),
    () => makeLookupMatch(dice, place),
    () =>
      `${version === 4 ? 'icmp' : 'icmpv6'} type ${not(dice, 0.1)}${dice.pick(['echo-request', '{ echo-request, echo-reply }'])}`,
    () =>
      dice.pick([
        'tcp flags & (fin | syn | rst | ack) == syn',
        'tcp flags syn',
        'tcp flags & (syn | ack) != syn',
      ]),
    () =>
      version === 4
        ? `ip ttl ${dice.pick(['64', '63', '< 64'])}`
        : `ip6 hoplimit ${dice.pick(['64', '63', '> 63'])}`,
    () => (scope.family === 'inet' ? `meta nfproto ${version === 4 ? 'ipv4' : 'ipv6'}` : ''),
    () => `${ip} ${version === 4 ? 'protocol' : 'nexthdr'} ${dice.pick(['tcp', 'udp'])}`,
    () => 'limit rate 10000/second burst 10000 packets',
  ];
  const text = dice.pick(kinds)();
  // A set of the kind that was not made.
  return text.endsWith('@') ? '' : text;
}

function listOf(dice: Dice, most: number, make: () => string): string {
  return [...new Set(repeat(1 + dice.below(most), make))].join(', ');
}

function makePortMatch(scope: NftScope, version: Version): string {
  const { dice } = scope;
  const set = named(scope, 'ports', version);
  const values = [
    String(dice.pick(flowPorts)),
    String(dice.pick(flowPorts)),
    `{ ${listOf(dice, 3, () => String(dice.pick(flowPorts)))} }`,
    '{ 80, 443, 30000-32767 }',
    '30000-32767',
    ...(set === undefined ? [] : [`@${set}`]),
  ];
  if (dice.chance(0.1))
    return `${dice.pick(['tcp', 'udp'])} sport ${dice.pick(['1024-30000', '>= 20000', '< 40000'])}`;
  return `${dice.pick(['tcp', 'tcp', 'udp', 'th'])} dport ${not(dice)}${dice.pick(values)}`.replace(
    /^th/,
    'meta l4proto { tcp, udp } th',
  );
}

function makeLinkMatch(scope: NftScope, { hook }: ChainPlace, version: Version): string {
  const { dice } = scope;
  const isInput = hook === 'prerouting' || hook === 'input' || (hook === 'forward' && dice.chance(0.5));
  const key = isInput ? 'iifname' : 'oifname';
  const set = named(scope, 'links', version);
  const values = [
    '"eth0"',
    '"eth1"',
    '"tailscale0"',
    '"cni0"',
    '"eth*"',
    '"tailscale0*"',
    '{ "eth0", "cni0" }',
    '"lo"',
    ...(set === undefined ? [] : [`@${set}`]),
  ];
  return `${key} ${not(dice)}${dice.pick(values)}`;
}

function makeMarkMatch(scope: NftScope, version: Version): string {
  const { dice } = scope;
  const key = dice.pick(['meta mark', 'meta mark', 'ct mark']);
  const mask = pickMask(dice);
  const set = named(scope, 'marks', version);
  if (set !== undefined && dice.chance(0.2)) return `${key} ${not(dice)}@${set}`;
  if (dice.chance(0.3)) return `${key} ${not(dice)}${hex(dice.pick([0, ...marks]))}`;
  return `${key} & ${hex(mask)} ${dice.pick(['==', '!='])} ${hex(dice.chance(0.4) ? 0 : dice.pick(marks) & mask)}`;
}

function makeConnectionMatch(scope: NftScope, place: ChainPlace, version: Version): string {
  const { dice } = scope;
  const ip = version === 4 ? 'ip' : 'ip6';
  const kinds = [
    () =>
      `ct state ${not(dice)}${dice.pick(['new', 'established', 'established,related', 'invalid', '{ new, untracked }', 'untracked'])}`,
    () => `ct state ${dice.pick(['new', 'established,related'])}`,
    () => `ct direction ${dice.pick(['original', 'reply'])}`,
    () => `ct status ${dice.pick(['dnat', 'snat', 'seen-reply', 'confirmed', 'dnat,snat'])}`,
    () => `ct original ${ip} daddr ${not(dice)}${pickDestination(dice, version)}`,
    () =>
      `ct original ${ip} saddr ${pickPrefix(dice, version)}`.replace(
        /(0\.0\.0\.0|::)\/0$/,
        dice.pick(outsideAddresses[version]),
      ),
    () => `meta l4proto tcp ct original proto-dst ${dice.pick(flowPorts)}`,
    () => `ct reply ${ip} saddr ${pickDestination(dice, version)}`,
  ];
  return place.priority < -200 && dice.chance(0.7) ? '' : dice.pick(kinds)();
}

function makeLookupMatch(dice: Dice, { hook }: ChainPlace): string {
  const kinds = [
    'fib daddr type local',
    'fib daddr type != local',
    'fib daddr type { unicast, local }',
    'fib saddr type local',
  ];
  if (hook === 'prerouting')
    kinds.push(
      'fib daddr . iif type local',
      'fib saddr . iif oif missing',
      'fib saddr . iif oif exists',
      'fib saddr . mark . iif oif exists',
      'fib saddr oif "eth0"',
    );
  return dice.pick(kinds);
}
