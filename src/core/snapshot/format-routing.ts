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
  const type = route.type === 'unicast' || route.type === 'opaque' ? [] : [route.type];
  const single = route.nexthops.length === 1 ? nexthopWords(route.nexthops[0] as NexthopFact) : [];
  const many =
    route.nexthops.length > 1
      ? route.nexthops.flatMap((hop) => ['nexthop', ...nexthopWords(hop), 'weight', String(hop.weight)])
      : [];
  return [
    ...type,
    formatDestination(route.destination),
    ...(route.from === undefined ? [] : ['from', formatPrefix(route.from)]),
    ...(route.tos === 0 ? [] : ['tos', `0x${route.tos.toString(16)}`]),
    ...single,
    ...(route.table === 'main' ? [] : ['table', route.table]),
    ...(route.preferredSource === undefined ? [] : ['src', route.preferredSource]),
    ...(route.metric === 0 ? [] : ['metric', String(route.metric)]),
    ...many,
  ];
}

function nexthopWords(hop: NexthopFact): readonly string[] {
  return [
    ...(hop.gateway === undefined ? [] : ['via', hop.gateway]),
    ...(hop.link === undefined ? [] : ['dev', hop.link]),
    ...(hop.flags.includes('onlink') ? ['onlink'] : []),
  ];
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
  const words = [
    ...(rule.from === undefined ? [] : ['from', formatDestination(rule.from)]),
    ...(rule.to === undefined ? [] : ['to', formatDestination(rule.to)]),
    ...(rule.tos === undefined ? [] : ['tos', `0x${rule.tos.toString(16)}`]),
    ...(rule.dscp === undefined ? [] : ['dscp', String(rule.dscp)]),
    ...(rule.mark === undefined ? [] : ['fwmark', formatMark(rule.mark)]),
    ...(rule.inputLink === undefined ? [] : ['iif', rule.inputLink]),
    ...(rule.outputLink === undefined ? [] : ['oif', rule.outputLink]),
    ...(rule.ipProtocol === undefined ? [] : ['ipproto', String(rule.ipProtocol)]),
    ...portWords('sport', rule.sourcePorts),
    ...portWords('dport', rule.destinationPorts),
    ...portWords('uidrange', rule.uids),
    ...(rule.isL3mdev === true ? ['l3mdev'] : []),
    ...rule.opaqueSelectors,
  ];
  const body = words.length === 0 ? ['from', 'all'] : words;
  return rule.isInverted ? ['not', ...body] : body;
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
