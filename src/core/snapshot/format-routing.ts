// Routes and rules in iproute2's own words, as `ip route` and `ip rule` print and take them. For quotes, sentences and
// commands alike, so that what a person reads is what a person can type.
import { formatPrefix, widthOf } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { RouteEdit, RuleEdit } from './change.ts';
import type { NexthopFact } from './namespace-facts.ts';

/** `10.42.2.0/24 via 10.42.2.0 dev flannel.1 onlink`; with `table 52` unless it is main. */
export function formatRoute(route: RouteEdit): string {
  return routeWords(route).join(' ');
}

/** The words of a route, as `ip route add` takes them. */
export function routeWords(route: RouteEdit): readonly string[] {
  const words: string[] = [];
  if (route.type !== 'unicast' && route.type !== 'opaque') words.push(route.type);
  words.push(formatDestination(route.destination));
  if (route.from !== undefined) words.push('from', formatPrefix(route.from));
  if (route.tos !== 0) words.push('tos', `0x${route.tos.toString(16)}`);
  const isSingle = route.nexthops.length === 1;
  if (isSingle) pushNexthop(words, route.nexthops[0] as NexthopFact);
  if (route.table !== 'main') words.push('table', route.table);
  if (route.preferredSource !== undefined) words.push('src', route.preferredSource);
  if (route.metric !== 0) words.push('metric', String(route.metric));
  for (const hop of isSingle ? [] : route.nexthops) {
    words.push('nexthop');
    pushNexthop(words, hop);
    words.push('weight', String(hop.weight));
  }
  return words;
}

function pushNexthop(words: string[], hop: NexthopFact): void {
  if (hop.gateway !== undefined) words.push('via', hop.gateway);
  if (hop.link !== undefined) words.push('dev', hop.link);
  if (hop.flags.includes('onlink')) words.push('onlink');
}

function formatDestination(prefix: Prefix): string {
  if (prefix.length === 0) return 'default';
  return prefix.length === widthOf(prefix.family) ? prefix.address : formatPrefix(prefix);
}

/** `5270: from all lookup 52`. */
export function formatRule(rule: RuleEdit): string {
  return `${rule.priority}: ${[...selectorWords(rule), ...actionWords(rule)].join(' ')}`;
}

/** The words of a rule as `ip rule add` takes them, its priority included. */
export function ruleWords(rule: RuleEdit): readonly string[] {
  const selectors = selectorWords(rule);
  const isPlain = selectors.length === 2 && selectors[1] === 'all';
  return [...(isPlain ? [] : selectors), 'priority', String(rule.priority), ...actionWords(rule)];
}

function selectorWords(rule: RuleEdit): readonly string[] {
  const words: string[] = [];
  if (rule.from !== undefined) words.push('from', formatDestination(rule.from));
  if (rule.to !== undefined) words.push('to', formatDestination(rule.to));
  if (rule.tos !== undefined) words.push('tos', `0x${rule.tos.toString(16)}`);
  if (rule.dscp !== undefined) words.push('dscp', String(rule.dscp));
  if (rule.mark !== undefined) words.push('fwmark', formatMark(rule.mark));
  if (rule.inputLink !== undefined) words.push('iif', rule.inputLink);
  if (rule.outputLink !== undefined) words.push('oif', rule.outputLink);
  if (rule.ipProtocol !== undefined) words.push('ipproto', String(rule.ipProtocol));
  words.push(
    ...portWords('sport', rule.sourcePorts),
    ...portWords('dport', rule.destinationPorts),
    ...portWords('uidrange', rule.uids),
  );
  if (rule.isL3mdev === true) words.push('l3mdev');
  words.push(...rule.opaqueSelectors);
  if (words.length === 0) words.push('from', 'all');
  return rule.isInverted ? ['not', ...words] : words;
}

function portWords(
  name: string,
  range: { readonly from: number; readonly to: number } | undefined,
): readonly string[] {
  if (range === undefined) return [];
  const isSingle = range.from === range.to && name !== 'uidrange';
  return [name, isSingle ? String(range.from) : `${range.from}-${range.to}`];
}

function formatMark(mark: { readonly value: number; readonly mask: number }): string {
  const value = `0x${mark.value.toString(16)}`;
  return mark.mask === 0xffffffff ? value : `${value}/0x${mark.mask.toString(16)}`;
}

function actionWords(rule: RuleEdit): readonly string[] {
  const { action } = rule;
  const suppress = [
    ...(rule.suppressPrefixLength === undefined
      ? []
      : ['suppress_prefixlength', String(rule.suppressPrefixLength)]),
    ...(rule.suppressGroup === undefined ? [] : ['suppress_ifgroup', rule.suppressGroup]),
  ];
  switch (action.kind) {
    case 'lookup':
      return ['lookup', action.table, ...suppress];
    case 'goto':
      return ['goto', String(action.priority)];
    case 'opaque':
      return [action.text];
    default:
      return [action.kind];
  }
}
