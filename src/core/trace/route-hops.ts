// Puts a routing answer into words: the rule that led to the table where it is not an everyday one, and the route.
import { formatRoute, formatRule } from '../snapshot/format-routing.ts';
import type { RouteAnswer } from './lookup.ts';
import type { Element, RefusedWhy } from './flow.ts';
import { addHop } from './walk.ts';
import type { WalkState } from './walk.ts';
import type { NamespaceId } from '../model/network.ts';
import type { NexthopFact, RuleFact } from '../snapshot/namespace-facts.ts';

type Found = Extract<RouteAnswer, { kind: 'route' }>;
type Failed = Extract<RouteAnswer, { kind: 'error' }>;

/** The kernel's own three rules need no mention. */
const everydayTables: readonly string[] = ['local', 'main', 'default'];

export function addRouteHops(state: WalkState, at: NamespaceId, found: Found, hop: NexthopFact): WalkState {
  const withRule = addRuleHop(state, at, found.rule);
  return addHop(withRule, at, {
    step: 'route',
    did: formatRoute({
      ...found.route,
      nexthops: found.route.nexthops.length > 1 ? [hop] : found.route.nexthops,
    }),
    because: [found.route.evidence],
    elements: [
      { kind: 'route', namespace: at, route: found.route },
      { kind: 'rule', namespace: at, rule: found.rule },
    ],
    ...(hop.link === undefined ? {} : { link: hop.link }),
  });
}

function addRuleHop(state: WalkState, at: NamespaceId, rule: RuleFact): WalkState {
  const isEveryday =
    rule.action.kind === 'lookup' && everydayTables.includes(rule.action.table) && isUnconditional(rule);
  if (isEveryday) return state;
  return addHop(state, at, {
    step: 'rule',
    did: formatRule(rule),
    because: [rule.evidence],
    elements: [{ kind: 'rule', namespace: at, rule }],
  });
}

function isUnconditional(rule: RuleFact): boolean {
  return rule.from === undefined && rule.to === undefined && rule.mark === undefined && !rule.isInverted;
}

export function addErrorHop(state: WalkState, at: NamespaceId, failed: Failed): WalkState {
  const elements: Element[] = [];
  if (failed.route !== undefined) elements.push({ kind: 'route', namespace: at, route: failed.route });
  if (failed.rule !== undefined) elements.push({ kind: 'rule', namespace: at, rule: failed.rule });
  const decided = failed.route === undefined ? failed.rule : failed.route;
  const text = failed.route === undefined ? describeRule(failed.rule) : formatRoute(failed.route);
  return addHop(state, at, {
    step: 'route',
    did: `${text}: ${errorWords[failed.error]}`,
    because: decided === undefined ? [] : [decided.evidence],
    elements,
  });
}

function describeRule(rule: RuleFact | undefined): string {
  return rule === undefined ? 'no route' : formatRule(rule);
}

const errorWords: Readonly<Record<Failed['error'], string>> = {
  'net-unreachable': 'network is unreachable',
  'host-unreachable': 'no route to host',
  prohibited: 'prohibited',
  blackhole: 'dropped silently',
};

export function refusalOf(error: Exclude<Failed['error'], 'blackhole'>): RefusedWhy {
  return error;
}
