// `ip route add|replace|del …` as a change. In: the words after the verb, and the routes there are. Out: the route to add;
// or the route that the kernel would delete: the first that has everything that was said, in main unless said otherwise.
import type { Family } from '../../core/net/address.ts';
import { defaultPrefix, samePrefix } from '../../core/net/prefix.ts';
import type { RouteEdit } from '../../core/snapshot/change.ts';
import type { NexthopFact, RouteFact, RouteType } from '../../core/snapshot/namespace-facts.ts';
import { Failure } from '../failure.ts';
import { tableWord } from './parse-rule.ts';
import { addressWord, numberWord, prefixWord } from './words.ts';
import type { Words } from './words.ts';

export type RouteParts = { -readonly [Key in keyof Omit<RouteEdit, 'nexthops'>]?: RouteEdit[Key] } & {
  gateway?: NonNullable<NexthopFact['gateway']>;
  link?: string;
  isOnlink?: boolean;
};

const types: readonly RouteType[] = [
  'unicast',
  'local',
  'broadcast',
  'multicast',
  'anycast',
  'blackhole',
  'unreachable',
  'prohibit',
  'throw',
];

export function parseRouteParts(words: Words, family: Family): RouteParts {
  const parts: RouteParts = { family };
  const type = types.find((one) => words.take(one) !== undefined);
  if (type !== undefined) parts.type = type;
  while (!words.isEmpty()) readWord(parts, words, family);
  parts.destination ??= defaultPrefix(parts.family ?? family);
  parts.family = parts.destination.length === 0 ? (parts.family ?? family) : parts.destination.family;
  return parts;
}

function readWord(parts: RouteParts, words: Words, family: Family): void {
  const word = words.next();
  const value = (): string => words.value(word);
  switch (word) {
    case 'via':
      words.take('inet', 'inet6');
      parts.gateway = addressWord(value());
      return;
    case 'dev':
      parts.link = value();
      return;
    case 'table':
      parts.table = tableWord(value());
      return;
    case 'metric':
    case 'priority':
    case 'preference':
      parts.metric = numberWord(value(), word);
      return;
    case 'src':
      parts.preferredSource = addressWord(value());
      return;
    case 'onlink':
      parts.isOnlink = true;
      return;
    case 'to':
      parts.destination = prefixWord(value(), family);
      return;
    default:
      readRareWord(parts, words, word, family);
  }
}

function readRareWord(parts: RouteParts, words: Words, word: string, family: Family): void {
  const value = (): string => words.value(word);
  switch (word) {
    case 'tos':
    case 'dsfield':
      parts.tos = numberWord(value(), word);
      return;
    case 'proto':
    case 'protocol':
      parts.protocol = value();
      return;
    case 'scope':
      parts.scope = value();
      return;
    case 'mtu':
      words.take('lock');
      parts.mtuBytes = numberWord(value(), word);
      return;
    case 'from':
      parts.from = prefixWord(value(), family);
      return;
    default:
      if (parts.destination !== undefined) {
        throw new Failure(`--what-if: waylaid cannot simulate "${word}" of "ip route".`);
      }
      parts.destination = prefixWord(word, family);
  }
}

export function completeRoute(parts: RouteParts): RouteEdit {
  const { gateway, link, isOnlink, ...rest } = parts;
  const family = parts.family ?? 4;
  const type = parts.type ?? 'unicast';
  const hasNexthop = gateway !== undefined || link !== undefined;
  if (type === 'unicast' && !hasNexthop) {
    throw new Failure('--what-if: a route needs "via ADDRESS", "dev DEVICE" or a type such as "blackhole".');
  }
  return {
    ...rest,
    family,
    type,
    destination: parts.destination ?? defaultPrefix(family),
    table: parts.table ?? 'main',
    scope: parts.scope ?? usualScope(type, gateway !== undefined, family),
    // Without a metric IPv6 takes 1024 (IP6_RT_PRIO_USER), IPv4 none.
    metric: parts.metric ?? (family === 6 ? 1024 : 0),
    tos: parts.tos ?? 0,
    nexthops: hasNexthop
      ? [
          {
            weight: 1,
            flags: isOnlink === true ? ['onlink'] : [],
            ...(link === undefined ? {} : { link }),
            ...(gateway === undefined ? {} : { gateway }),
          },
        ]
      : [],
  };
}

function usualScope(type: RouteType, hasGateway: boolean, family: Family): string {
  if (family === 6) return 'global';
  if (type === 'local') return 'host';
  return type === 'unicast' && !hasGateway ? 'link' : 'global';
}

export function findRoute(parts: RouteParts, existing: readonly RouteFact[]): RouteFact | undefined {
  return existing.find((route) => isMatch(parts, route));
}

function isMatch(parts: RouteParts, route: RouteFact): boolean {
  const hop = route.nexthops[0];
  const { destination } = parts;
  const checks: readonly (readonly [wanted: unknown, found: unknown])[] = [
    [parts.type, route.type],
    [parts.metric, route.metric],
    [parts.tos, route.tos],
    [parts.protocol, route.protocol],
    [parts.scope, route.scope],
    [parts.preferredSource, route.preferredSource],
    [parts.gateway, hop?.gateway],
    [parts.link, hop?.link],
  ];
  return (
    route.table === (parts.table ?? 'main') &&
    destination !== undefined &&
    samePrefix(destination, route.destination) &&
    checks.every(([wanted, found]) => wanted === undefined || wanted === found)
  );
}
