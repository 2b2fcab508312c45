// The walk over the policy rules: which rule's table, or which rule itself, decides a flow. Every lookup in waylaid comes
// through here, the explained ones with a list of steps to fill, the bulk ones without; there is no second semantics.
// In: a Routing and a flow. Out: a Decision, written into the caller's object so that bulk lookups allocate nothing.
// The order of things is fib_rules_lookup's, fib4_rule_action's and fib6_rule_action's (Linux 6.12).
import type { Missing } from '../fact/known.ts';
import { candidateKinds } from '../model/routing.ts';
import type { Routing, RoutingRule, RoutingTable } from '../model/routing.ts';
import type { NexthopFact } from '../snapshot/namespace-facts.ts';
import type { FlowKey } from './flow-key.ts';
import type { RuleStep } from './lookup.ts';
import { matches, matchRule } from './rule-match.ts';
import { findCandidate, noCandidate } from './table-lookup.ts';
import type { Doubt } from './table-lookup.ts';
import { listNexthops } from './usable-nexthops.ts';

export const outcomes = {
  found: 0,
  netUnreachable: 1,
  hostUnreachable: 2,
  prohibited: 3,
  blackhole: 4,
  unknown: 5,
} as const;

export interface Decision extends Doubt {
  /** One of outcomes. */
  outcome: number;
  rule: RoutingRule | undefined;
  table: RoutingTable | undefined;
  /** The candidate that decided, or -1. */
  candidate: number;
  /** What could not be interpreted. */
  opaque: string | undefined;
}

export function makeDecision(): Decision {
  return {
    outcome: outcomes.netUnreachable,
    rule: undefined,
    table: undefined,
    candidate: -1,
    missing: undefined,
    opaque: undefined,
  };
}

/** Decides a flow. With only default rules, an answer that hangs on the merged local and main table is unknown. */
export function decideFlow(
  routing: Routing,
  flow: FlowKey,
  decision: Decision,
  steps: RuleStep[] | undefined,
): void {
  walkRules(routing, flow, decision, steps);
  if (routing.merged === undefined || decision.outcome === outcomes.unknown) return;
  const other = makeDecision();
  walkMerged(routing, routing.merged, flow, other);
  const isSame =
    other.outcome === decision.outcome &&
    (other.outcome !== outcomes.found || routeOf(other) === routeOf(decision));
  if (isSame) return;
  decision.outcome = outcomes.unknown;
  decision.opaque =
    'the local and main tables answer this differently while no rule was ever added, and that cannot be seen';
}

/** The route that decided, where one did. */
export function routeOf(decision: Decision): RoutingTable['routes'][number] | undefined {
  return decision.table?.routes[decision.candidate];
}

function walkRules(routing: Routing, flow: FlowKey, decision: Decision, steps: RuleStep[] | undefined): void {
  decision.table = undefined;
  decision.candidate = -1;
  decision.rule = undefined;
  if (routing.missingRules !== undefined) {
    endUnknown(decision, routing.missingRules);
    return;
  }
  const rules = routing.rules;
  let at = 0;
  while (at < rules.length) {
    const rule = rules[at] as RoutingRule;
    const match = matchRule(rule, flow);
    if (match === matches.no) {
      steps?.push({ rule: rule.fact, outcome: 'no-match' });
      at++;
      continue;
    }
    const next = applyRule(routing, rule, flow, decision, steps);
    if (next === ends && match === matches.yes) {
      decision.rule = rule;
      return;
    }
    if (match === matches.maybe && (next === ends || next === jumps)) {
      endOpaque(decision, rule, steps);
      return;
    }
    at = next === jumps ? rule.target : at + 1;
  }
  decision.table = undefined;
  decision.candidate = -1;
  decision.outcome = outcomes.netUnreachable;
}

const ends = 0;
const continues = 1;
const jumps = 2;

/** What a matching rule does: end the walk with a decision, pass on, or jump. */
function applyRule(
  routing: Routing,
  rule: RoutingRule,
  flow: FlowKey,
  decision: Decision,
  steps: RuleStep[] | undefined,
): number {
  switch (rule.fact.action.kind) {
    case 'lookup':
      return lookInTable(routing, rule, flow, decision, steps);
    case 'goto':
      steps?.push({ rule: rule.fact, outcome: rule.target < 0 ? 'skipped' : 'jumped' });
      return rule.target < 0 ? continues : jumps;
    case 'nop':
      steps?.push({ rule: rule.fact, outcome: 'skipped' });
      return continues;
    case 'unreachable':
      return endByRule(rule, decision, outcomes.netUnreachable, steps);
    case 'prohibit':
      return endByRule(rule, decision, outcomes.prohibited, steps);
    case 'blackhole':
      return endByRule(rule, decision, outcomes.blackhole, steps);
    case 'opaque':
      decision.opaque = rule.fact.action.text;
      return endByRule(rule, decision, outcomes.unknown, steps);
  }
}

function endByRule(
  rule: RoutingRule,
  decision: Decision,
  outcome: number,
  steps: RuleStep[] | undefined,
): number {
  steps?.push({ rule: rule.fact, outcome: 'decided' });
  decision.table = undefined;
  decision.candidate = -1;
  decision.outcome = outcome;
  return ends;
}

function lookInTable(
  routing: Routing,
  rule: RoutingRule,
  flow: FlowKey,
  decision: Decision,
  steps: RuleStep[] | undefined,
): number {
  if (routing.missingRoutes !== undefined) {
    endUnknown(decision, routing.missingRoutes);
    return ends;
  }
  const table = rule.table;
  const candidate = table === undefined ? noCandidate.nothing : findCandidate(routing, table, flow, decision);
  if (table === undefined || candidate === noCandidate.nothing) {
    steps?.push({ rule: rule.fact, outcome: 'nothing-in-table' });
    return continues;
  }
  decision.table = table;
  decision.candidate = candidate;
  if (candidate === noCandidate.uncertain) {
    endUnknown(decision, decision.missing);
    return ends;
  }
  const outcome = judgeCandidate(table, candidate, decision);
  if (outcome === throws) {
    steps?.push({ rule: rule.fact, outcome: 'throw', ...citeRoute(table, candidate) });
    return continues;
  }
  decision.outcome = outcome;
  if (outcome === outcomes.found && (rule.suppressLength >= 0 || rule.suppressGroup !== undefined)) {
    const verdict = judgeSuppression(routing, rule, flow, decision);
    if (verdict === continues) {
      steps?.push({ rule: rule.fact, outcome: 'suppressed', ...citeRoute(table, candidate) });
      return continues;
    }
  }
  steps?.push({ rule: rule.fact, outcome: 'decided', ...citeRoute(table, candidate) });
  return ends;
}

const throws = -1;

function judgeCandidate(table: RoutingTable, candidate: number, decision: Decision): number {
  switch (table.kinds[candidate]) {
    case candidateKinds.throw:
      return throws;
    case candidateKinds.unreachable:
      return outcomes.hostUnreachable;
    case candidateKinds.prohibit:
      return outcomes.prohibited;
    case candidateKinds.blackhole:
      return outcomes.blackhole;
    case candidateKinds.opaque:
      decision.missing = undefined;
      decision.opaque = table.routes[candidate]?.evidence.quote ?? 'a route of a kind waylaid does not know';
      return outcomes.unknown;
    default:
      return outcomes.found;
  }
}

function citeRoute(table: RoutingTable, candidate: number): Pick<RuleStep, 'route'> {
  const route = table.routes[candidate];
  return route === undefined ? {} : { route };
}

/** Whether the rule discards what its table found; unknown links leave a decision by group unknown. */
function judgeSuppression(routing: Routing, rule: RoutingRule, flow: FlowKey, decision: Decision): number {
  const { table, candidate } = decision;
  if (table === undefined) return ends;
  if (prefixLengthOf(table, candidate) <= rule.suppressLength) return continues;
  if (rule.suppressGroup === undefined) return ends;
  const links = listDeciders(routing, table, candidate, flow).map((nexthop) => nexthop.link);
  if ('known' in routing.links) {
    endUnknown(decision, routing.links);
    return ends;
  }
  const known = routing.links;
  const isHit = links.map((link) => groupOf(known.get(link ?? '')?.group) === groupOf(rule.suppressGroup));
  if (isHit.every((hit) => !hit)) return ends;
  if (isHit.every((hit) => hit)) return continues;
  decision.outcome = outcomes.unknown;
  decision.opaque = `rule ${rule.fact.priority} suppresses some of the nexthops, and the kernel picks one by a hash`;
  return ends;
}

function prefixLengthOf(table: RoutingTable, candidate: number): number {
  return table.routes[candidate]?.destination.length ?? 0;
}

/** The nexthops whose device a suppressor looks at: the first of an IPv4 route, the chosen one of an IPv6 route. */
function listDeciders(
  routing: Routing,
  table: RoutingTable,
  candidate: number,
  flow: FlowKey,
): readonly NexthopFact[] {
  if (routing.family === 6) return listNexthops(routing, table, candidate, flow).nexthops;
  return table.routes[candidate]?.nexthops.slice(0, 1) ?? [];
}

/** Device groups by number; iproute2 names only group 0 unless /etc/iproute2/group says more. */
function groupOf(group: string | undefined): string {
  return group === undefined || group === 'default' ? '0' : group;
}

function endUnknown(decision: Decision, missing: Missing | undefined): void {
  decision.outcome = outcomes.unknown;
  decision.missing = missing;
  decision.opaque = undefined;
}

function endOpaque(decision: Decision, rule: RoutingRule, steps: RuleStep[] | undefined): void {
  if (steps?.at(-1)?.rule === rule.fact) steps.pop();
  decision.rule = rule;
  decision.table = undefined;
  decision.candidate = -1;
  decision.outcome = outcomes.unknown;
  decision.missing = undefined;
  const { priority, opaqueSelectors } = rule.fact;
  decision.opaque =
    opaqueSelectors.length > 0
      ? `rule ${priority} has selectors that waylaid cannot evaluate: ${opaqueSelectors.join(', ')}`
      : `whether rule ${priority} matches cannot be seen from how it was printed`;
}

/** The one lookup of a namespace that never saw a rule: the merged table, and on any error the default table. */
function walkMerged(routing: Routing, merged: RoutingTable, flow: FlowKey, decision: Decision): void {
  lookInOneTable(routing, merged, flow, decision);
  if (decision.outcome === outcomes.found || decision.outcome === outcomes.unknown) return;
  const fallback = routing.tables.get('default');
  if (fallback !== undefined) lookInOneTable(routing, fallback, flow, decision);
}

function lookInOneTable(routing: Routing, table: RoutingTable, flow: FlowKey, decision: Decision): void {
  const candidate = findCandidate(routing, table, flow, decision);
  decision.table = table;
  decision.candidate = candidate;
  if (candidate === noCandidate.uncertain) {
    decision.outcome = outcomes.unknown;
    return;
  }
  const outcome =
    candidate === noCandidate.nothing ? outcomes.netUnreachable : judgeCandidate(table, candidate, decision);
  decision.outcome = outcome === throws ? outcomes.netUnreachable : outcome;
}
