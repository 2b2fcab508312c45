// A change as the commands that a person would type, and those that undo it. In: a change. Out: argv lists with where they
// run. The words come from format-routing.ts, so that what is simulated, shown and run is one and the same.
import { formatPrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Change, RouteEdit } from '../snapshot/change.ts';
import { routeWords, ruleWords } from '../snapshot/format-routing.ts';
import { isFilterChange } from '../snapshot/edit-filter.ts';
import { filterCommands } from './filter-commands.ts';
import type { ChangeCommands } from './plan.ts';

export function commandsOf(change: Change): ChangeCommands {
  if (isFilterChange(change)) return filterCommands(change);
  if (isEntryChange(change)) return entryCommands(change);
  switch (change.kind) {
    case 'remove-route':
      return pair(change.namespace, route(change.route.family, 'del', change), restoreRoute(change.route));
    case 'add-route':
      return pair(
        change.namespace,
        route(change.route.family, 'replace', change),
        route(change.route.family, 'del', change),
      );
    case 'remove-rule':
      return pair(
        change.namespace,
        rule(change.rule.family, 'del', change),
        rule(change.rule.family, 'add', change),
      );
    case 'add-rule':
      return pair(
        change.namespace,
        rule(change.rule.family, 'add', change),
        rule(change.rule.family, 'del', change),
      );
    case 'stop-accepting-routes':
      return pair(
        change.namespace,
        ['tailscale', 'set', '--accept-routes=false'],
        ['tailscale', 'set', '--accept-routes=true'],
      );
    case 'move-vtep':
    case 'withdraw-routes':
      return { do: [], undo: [] };
  }
}

type EntryChange = Extract<
  Change,
  { kind: 'set-sysctl' | 'set-neighbor' | 'set-fdb' | 'set-link-up' | 'set-mtu' }
>;

const entryKinds: readonly Change['kind'][] = [
  'set-sysctl',
  'set-neighbor',
  'set-fdb',
  'set-link-up',
  'set-mtu',
];

function isEntryChange(change: Change): change is EntryChange {
  return entryKinds.includes(change.kind);
}

/** Switches, devices and what stands in their tables. */
function entryCommands(change: EntryChange): ChangeCommands {
  switch (change.kind) {
    case 'set-sysctl':
      return pair(
        change.namespace,
        sysctl(change.key, change.value),
        change.was === undefined ? undefined : sysctl(change.key, change.was),
      );
    case 'set-neighbor':
      return pair(
        change.namespace,
        neighbor(change, change.mac),
        change.was === undefined
          ? ['ip', 'neigh', 'del', change.address, 'dev', change.link]
          : neighbor(change, change.was),
      );
    case 'set-fdb':
      return pair(
        change.namespace,
        fdb(change, change.remote, change.was),
        change.was === undefined
          ? ['bridge', 'fdb', 'del', change.mac, 'dev', change.link, 'dst', change.remote, 'self']
          : fdb(change, change.was, change.remote),
      );
    case 'set-link-up':
      return pair(
        change.namespace,
        ['ip', 'link', 'set', change.link, 'up'],
        ['ip', 'link', 'set', change.link, 'down'],
      );
    case 'set-mtu':
      return pair(
        change.namespace,
        ['ip', 'link', 'set', change.link, 'mtu', String(change.mtuBytes)],
        change.was === undefined ? undefined : ['ip', 'link', 'set', change.link, 'mtu', String(change.was)],
      );
  }
}

function pair(on: string, forward: readonly string[], back: readonly string[] | undefined): ChangeCommands {
  return { do: [{ on, argv: forward }], undo: back === undefined ? [] : [{ on, argv: back }] };
}

type RouteChange = Extract<Change, { kind: 'remove-route' | 'add-route' }>;
type RuleChange = Extract<Change, { kind: 'remove-rule' | 'add-rule' }>;

function route(family: 4 | 6, verb: string, change: RouteChange): readonly string[] {
  return [...ip(family), 'route', verb, ...routeWords(change.route)];
}

/** A route as it was, with what does not tell it from others and yet belongs to it. */
function restoreRoute(route: RouteEdit): readonly string[] {
  const words = routeWords(route);
  const at = words.includes('nexthop') ? words.indexOf('nexthop') : words.length;
  return [
    ...ip(route.family),
    'route',
    'add',
    ...words.slice(0, at),
    ...detailWords(route),
    ...words.slice(at),
  ];
}

function detailWords(route: RouteEdit): readonly string[] {
  const { protocol, scope, mtuBytes, preference } = route;
  const hasGateway = route.nexthops.some((hop) => hop.gateway !== undefined);
  // What `ip route add` takes for granted (iproute2 6.1, iproute.c): link without a gateway, global with one.
  const usual = hasGateway || route.type !== 'unicast' ? 'global' : 'link';
  const isNamed = route.family === 4 && route.type === 'unicast' && scope !== usual;
  return [
    ...(protocol === undefined || protocol === 'boot' ? [] : ['proto', protocol]),
    ...(isNamed ? ['scope', scope] : []),
    ...(mtuBytes === undefined ? [] : ['mtu', String(mtuBytes)]),
    ...(preference === undefined || preference === 'medium' ? [] : ['pref', preference]),
  ];
}

function rule(family: 4 | 6, verb: string, change: RuleChange): readonly string[] {
  return [...ip(family), 'rule', verb, ...ruleWords(change.rule)];
}

export function ip(family: 4 | 6): readonly string[] {
  return family === 6 ? ['ip', '-6'] : ['ip'];
}

function sysctl(key: string, value: string): readonly string[] {
  return ['sysctl', '-w', `${key}=${value}`];
}

function neighbor(change: Extract<Change, { kind: 'set-neighbor' }>, mac: string): readonly string[] {
  return ['ip', 'neigh', 'replace', change.address, 'lladdr', mac, 'dev', change.link, 'nud', 'permanent'];
}

/** `replace` takes the place of an entry; a MAC without one gets it appended. */
function fdb(
  change: Extract<Change, { kind: 'set-fdb' }>,
  remote: string,
  was: string | undefined,
): readonly string[] {
  const verb = was === undefined ? 'append' : 'replace';
  return ['bridge', 'fdb', verb, change.mac, 'dev', change.link, 'dst', remote, 'self', 'permanent'];
}

/** What stays advertised when some prefixes are withdrawn; an empty list advertises nothing. */
export function advertiseArgv(remaining: readonly Prefix[]): readonly string[] {
  return ['tailscale', 'set', `--advertise-routes=${remaining.map(formatPrefix).join(',')}`];
}
