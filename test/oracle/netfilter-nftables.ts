// Rules of nftables over the whole vocabulary, chosen by dice: tables of every family that routes packets, several base
// chains on a hook, sets, intervals, concatenations, maps, verdict maps. In: dice. Out: text for `nft -f`.
import {
  flowPorts,
  foreignSources,
  hex,
  marks,
  outsideAddresses,
  pickDestination,
  pickMask,
  pickPrefix,
  repeat,
  routerAddresses,
  targetPorts,
} from './netfilter-pools.ts';
import type { Version } from './netfilter-pools.ts';
import type { Dice } from './random.ts';
import { makeMatches, named } from './netfilter-nft-matches.ts';
import type { ChainPlace, Hook, NamedSet, NftScope, TableFamily } from './netfilter-nft-matches.ts';

export function makeNftRuleset(dice: Dice, versions: readonly Version[]): string {
  const families = (['ip', 'ip6', 'inet'] as const).filter(
    (family) => family === 'inet' || versions.includes(family === 'ip' ? 4 : 6),
  );
  return repeat(1 + dice.below(3), (index) => makeTable(dice, dice.pick(families), `t${index}`)).join('\n');
}

function makeTable(dice: Dice, family: TableFamily, name: string): string {
  const versions: readonly Version[] = family === 'inet' ? [4, 6] : family === 'ip' ? [4] : [6];
  const scope: NftScope = { dice, family, versions, sets: makeNamedSets(dice, versions) };
  const chains = repeat(1 + dice.below(4), (index) => makeBaseChain(scope, `base${index}`)).join('');
  const sets = scope.sets.map((set) => writeSet(scope, set)).join('');
  // The chain that verdict maps lead to comes before them.
  const goal = `  chain goal {\n${repeat(1 + dice.below(2), () => `    ${makeMatches(scope, goalPlace)} ${dice.pick(['accept', 'drop', 'counter', 'return'])}\n`).join('')}  }\n`;
  return `table ${family} ${name} {\n${goal}${sets}${chains}}\n`;
}

const goalPlace: ChainPlace = { hook: 'forward', type: 'filter', below: [], priority: 0 };

function makeNamedSets(dice: Dice, versions: readonly Version[]): NamedSet[] {
  const kinds = [
    'addresses',
    'ports',
    'pairs',
    'links',
    'marks',
    'verdicts',
    'pair-verdicts',
    'targets',
  ] as const;
  return kinds.flatMap((kind) =>
    dice.chance(0.6) ? [{ name: `s-${kind}`.replace('pair-', 'p'), kind, version: dice.pick(versions) }] : [],
  );
}

function writeSet(scope: NftScope, set: NamedSet): string {
  const { dice } = scope;
  const address = set.version === 4 ? 'ipv4_addr' : 'ipv6_addr';
  const to = (count: number, make: () => string): string =>
    [...new Map(repeat(count, make).map((each) => [each.split(' : ')[0], each])).values()].join(', ');
  const host = (): string => pickDestination(dice, set.version);
  const port = (): number => dice.pick(flowPorts);
  const verdict = (): string => dice.pick(['accept', 'drop', 'goto goal', 'jump goal', 'return', 'continue']);
  const body: Record<NamedSet['kind'], () => string> = {
    addresses: () =>
      `type ${address}; flags interval; auto-merge; elements = { ${to(3, () => withoutAll(pickPrefix(dice, set.version)))} }`,
    ports: () =>
      `type inet_service; flags interval; auto-merge; elements = { ${to(3, () => dice.pick([String(port()), '30000-32767']))} }`,
    pairs: () =>
      `type ${address} . inet_proto . inet_service; elements = { ${to(4, () => `${host()} . ${dice.pick(['tcp', 'udp'])} . ${port()}`)} }`,
    links: () =>
      `type ifname; elements = { ${to(2, () => dice.pick(['"eth0"', '"eth1"', '"cni0"', '"tailscale0"', '"lo"']))} }`,
    marks: () => `type mark; elements = { ${to(3, () => hex(dice.pick(marks)))} }`,
    verdicts: () => `type ${address} : verdict; elements = { ${to(4, () => `${host()} : ${verdict()}`)} }`,
    'pair-verdicts': () =>
      `type ${address} . inet_proto . inet_service : verdict; elements = { ${to(6, () => `${host()} . ${dice.pick(['tcp', 'udp'])} . ${port()} : ${verdict()}`)} }`,
    targets: () =>
      `type inet_service : ${address}; elements = { ${to(3, () => `${port()} : ${dice.pick(outsideAddresses[set.version])}`)} }`,
  };
  const keyword =
    set.kind === 'verdicts' || set.kind === 'pair-verdicts' || set.kind === 'targets' ? 'map' : 'set';
  return `  ${keyword} ${set.name} { ${body[set.kind]()}; }\n`;
}

/** The whole of a family as an interval has no form that nft 1.0.6 takes back. */
function withoutAll(prefix: string): string {
  return prefix.replace('0.0.0.0/0', '10.42.0.0/15').replace('::/0', 'fd00:40::/28');
}

const natHooks: readonly (readonly [Hook, readonly number[]])[] = [
  ['prerouting', [-100, -101, -95]],
  ['output', [-100, -90]],
  ['postrouting', [100, 99, 110]],
  ['input', [100]],
];
const filterHooks: readonly Hook[] = ['prerouting', 'input', 'forward', 'forward', 'output', 'postrouting'];

function makeBaseChain(scope: NftScope, name: string): string {
  const { dice } = scope;
  const kind = dice.below(10);
  const [natHook, priorities] = dice.pick(natHooks);
  const isNat = kind < 4;
  const type = isNat ? 'nat' : kind === 4 ? 'route' : 'filter';
  const hook = isNat ? natHook : type === 'route' ? 'output' : dice.pick(filterHooks);
  const priority = isNat
    ? dice.pick(priorities)
    : dice.pick([-350, -300, -160, -150, -150, -110, -5, 0, 0, 0, 5, 10, 50, 150, 310]);
  const policy = !isNat && dice.chance(0.15) ? 'drop' : 'accept';
  const names = repeat(dice.below(3), (index) => `${name}-${index}`);
  const chains = names.map((own, index) => {
    const place: ChainPlace = { hook, type, below: names.slice(index + 1), priority };
    return `  chain ${own} {\n${makeRules(scope, place)}  }\n`;
  });
  const place: ChainPlace = { hook, type, below: names, priority };
  const base = `  chain ${name} {\n    type ${type} hook ${hook} priority ${priority}; policy ${policy};\n${makeRules(scope, place)}  }\n`;
  return [...chains.reverse(), base].join('');
}

function makeRules(scope: NftScope, place: ChainPlace): string {
  return repeat(1 + scope.dice.below(5), () => `    ${makeRule(scope, place)}\n`).join('');
}

function makeRule(scope: NftScope, place: ChainPlace): string {
  const { dice } = scope;
  const version = dice.pick(scope.versions);
  const matches = makeMatches(scope, place, version);
  const counter = dice.chance(0.3) ? 'counter ' : '';
  return `${matches} ${counter}${makeStatement(scope, place, version)}`.replaceAll(/ +/g, ' ').trim();
}

function makeStatement(scope: NftScope, place: ChainPlace, version: Version): string {
  const { dice } = scope;
  const kind = dice.below(100);
  if (place.below.length > 0 && kind < 25)
    return `${dice.pick(['jump', 'jump', 'jump', 'goto'])} ${dice.pick(place.below)}`;
  if (kind < 30) return dice.pick(['return', 'continue', 'counter', 'log prefix "seen "']);
  if (kind < 44) return makeMarkStatement(dice, place);
  if (kind < 52) return makeVerdictMap(scope, version);
  if (place.type === 'nat') return makeNatStatement(scope, place, version);
  if (place.priority === -300 && kind < 60 && (place.hook === 'prerouting' || place.hook === 'output'))
    return 'notrack';
  if (kind < 84) return 'accept';
  if (kind < 95 || place.hook === 'prerouting' || place.hook === 'postrouting') return 'drop';
  return makeReject(scope, version);
}

function makeReject({ dice, family }: NftScope, version: Version): string {
  if (dice.chance(0.3)) return 'meta l4proto tcp reject with tcp reset';
  if (family === 'inet')
    return `reject with icmpx ${dice.pick(['port-unreachable', 'admin-prohibited', 'host-unreachable', 'no-route'])}`;
  return version === 4
    ? `reject with icmp ${dice.pick(['port-unreachable', 'host-prohibited', 'net-unreachable'])}`
    : `reject with icmpv6 ${dice.pick(['port-unreachable', 'admin-prohibited', 'no-route'])}`;
}

function makeMarkStatement(dice: Dice, place: ChainPlace): string {
  const value = hex(dice.pick(marks));
  const mask = hex(pickMask(dice));
  const mark = [
    `meta mark set ${value}`,
    `meta mark set meta mark | ${value}`,
    `meta mark set meta mark & ${hex(~Number(value))}`,
    `meta mark set meta mark ^ ${value}`,
    `meta mark set meta mark & ${hex(~Number(mask))} | ${hex(Number(value) & Number(mask))}`,
  ];
  const connection = [
    `ct mark set ${value}`,
    'ct mark set meta mark',
    'meta mark set ct mark',
    `ct mark set ct mark | ${value}`,
    `ct mark set meta mark & ${mask}`,
    `meta mark set ct mark & ${mask}`,
  ];
  return dice.pick(place.priority > -200 && dice.chance(0.3) ? connection : mark);
}

function makeVerdictMap(scope: NftScope, version: Version): string {
  const { dice } = scope;
  const ip = version === 4 ? 'ip' : 'ip6';
  const verdict = (): string => dice.pick(['accept', 'drop', 'jump goal', 'goto goal', 'return']);
  const single = named(scope, 'verdicts', version);
  const pair = named(scope, 'pair-verdicts', version);
  const kinds = [
    `tcp dport vmap { 80 : ${verdict()}, 443 : ${verdict()}, 30000-32767 : ${verdict()} }`,
    `meta l4proto vmap { tcp : ${verdict()}, udp : ${verdict()} }`,
    `ct state vmap { established : ${verdict()}, invalid : drop, related : accept }`,
    `numgen random mod 3 vmap { 0 : ${verdict()}, 1 : ${verdict()}, 2 : ${verdict()} }`,
    ...(single === undefined ? [] : [`${ip} ${dice.pick(['saddr', 'daddr'])} vmap @${single}`]),
    ...(pair === undefined
      ? []
      : [`meta l4proto { tcp, udp } ${ip} daddr . meta l4proto . th dport vmap @${pair}`]),
  ];
  return dice.pick(kinds);
}

function makeNatStatement(scope: NftScope, place: ChainPlace, version: Version): string {
  const { dice } = scope;
  if (dice.chance(0.1)) return 'accept';
  if (place.hook === 'postrouting' || place.hook === 'input')
    return makeSourceStatement(scope, place.hook, version);
  const port = dice.pick(targetPorts);
  const kind = dice.below(10);
  if (kind < 2) return `meta l4proto { tcp, udp } redirect to :${port}`;
  if (kind === 2) return 'redirect';
  return makeDestinationStatement(scope, version, port);
}

function makeDestinationStatement(scope: NftScope, version: Version, port: number): string {
  const { dice, family } = scope;
  const ip = version === 4 ? 'ip' : 'ip6';
  const dnat = family === 'inet' ? `dnat ${ip}` : 'dnat';
  const address = dice.pick(dice.chance(0.15) ? routerAddresses[version] : outsideAddresses[version]);
  const range = version === 4 ? '10.42.2.5-10.42.2.6' : 'fd00:42:2::5-fd00:42:2::6';
  const [one, other] = outsideAddresses[version].slice(6);
  const targets = named(scope, 'targets', version);
  const choices = [
    `${dnat} to ${ip} daddr map { ${pickDestination(dice, version)} : ${address} }`,
    `meta l4proto tcp ${dnat} to numgen random mod 2 map { 0 : ${one ?? ''}, 1 : ${other ?? ''} }`,
    `${dnat} to ${range}`,
    `${dnat} to ${address}`,
    `meta l4proto { tcp, udp } ${dnat} to ${version === 6 ? `[${address}]` : address}:${port}`,
    `meta l4proto { tcp, udp } ${dnat} to ${version === 6 ? `[${address}]` : address}:${port}`,
    ...(targets === undefined ? [] : [`${dnat} to tcp dport map @${targets}`]),
  ];
  return dice.pick(choices);
}

function makeSourceStatement({ dice, family }: NftScope, hook: Hook, version: Version): string {
  const owner = family === 'inet' ? ` ${version === 4 ? 'ip' : 'ip6'}` : '';
  const kind = dice.below(10);
  if (hook === 'postrouting' && kind < 6)
    return dice.pick([
      'masquerade',
      'masquerade',
      'masquerade fully-random',
      'meta l4proto { tcp, udp } masquerade to :50000-50100',
    ]);
  const source = dice.pick(hook === 'input' ? outsideAddresses[version] : foreignSources[version]);
  if (kind < 9) return `snat${owner} to ${source}`;
  return `meta l4proto { tcp, udp } snat${owner} to ${version === 6 ? `[${source}]` : source}:50000-50100`;
}
