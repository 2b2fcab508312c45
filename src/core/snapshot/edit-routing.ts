// Routes and policy rules, edited in one namespace's facts. In: facts and a route or rule. Out: facts with it added or
// removed; two are the same where they are written the same.
import { mapKnown } from '../fact/known.ts';
import type { RouteEdit, RuleEdit } from './change.ts';
import { proposedEvidence } from './edit-snapshot.ts';
import { formatRoute, formatRule } from './format-routing.ts';
import type { NamespaceFacts, RouteFact, RuleFact } from './namespace-facts.ts';

export function removeRoute(facts: NamespaceFacts, route: RouteEdit): NamespaceFacts {
  return editRoutes(facts, route, (rows) => rows.filter((row) => !isSameRoute(row, route)));
}

export function addRoute(facts: NamespaceFacts, route: RouteEdit): NamespaceFacts {
  return editRoutes(facts, route, (rows) => [
    ...rows.filter((row) => !isSameRoute(row, route)),
    { ...route, evidence: proposedEvidence },
  ]);
}

export function removeRule(facts: NamespaceFacts, rule: RuleEdit): NamespaceFacts {
  return editRules(facts, rule, (rows) => rows.filter((row) => !isSameRule(row, rule)));
}

export function addRule(facts: NamespaceFacts, rule: RuleEdit): NamespaceFacts {
  return editRules(facts, rule, (rows) => insertRule(rows, { ...rule, evidence: proposedEvidence }));
}

function editRoutes(
  facts: NamespaceFacts,
  route: RouteEdit,
  edit: (rows: readonly RouteFact[]) => readonly RouteFact[],
): NamespaceFacts {
  return {
    ...facts,
    routes: { ...facts.routes, [route.family]: mapKnown(facts.routes[route.family], edit) },
  };
}

function editRules(
  facts: NamespaceFacts,
  rule: RuleEdit,
  edit: (rows: readonly RuleFact[]) => readonly RuleFact[],
): NamespaceFacts {
  return { ...facts, rules: { ...facts.rules, [rule.family]: mapKnown(facts.rules[rule.family], edit) } };
}

export function isSameRoute(a: RouteEdit, b: RouteEdit): boolean {
  return formatRoute(a) === formatRoute(b);
}

export function isSameRule(a: RuleEdit, b: RuleEdit): boolean {
  return formatRule(a) === formatRule(b);
}

/** A new rule goes behind those of the same priority, as the kernel puts it. */
function insertRule(rows: readonly RuleFact[], rule: RuleFact): readonly RuleFact[] {
  const before = rows.filter((row) => row.priority <= rule.priority);
  return [...before, rule, ...rows.filter((row) => row.priority > rule.priority)];
}
