// The rules that decided a packet's fate in a chain, as elements that a change can name and evidence that can be read.
import { readRule, ruleEvidence } from '../../model/filter-program.ts';
import type { ProgramChain } from '../../model/filter-program.ts';
import type { NamespaceId } from '../../model/network.ts';
import type { Evidence } from '../../fact/evidence.ts';
import type { FilterRule } from '../../snapshot/filter-facts.ts';
import type { FilterPlace, FilterRulePlace } from '../../snapshot/filter-place.ts';
import type { Element, FilterEffect } from '../flow.ts';
import type { Decider } from './chain-outcome.ts';

export function elementOfDecider(namespace: NamespaceId, decider: Decider): Element {
  const { place, rule } = decider;
  const evidence = evidenceOfDecider(decider);
  if (rule === undefined) return { kind: 'filter-policy', namespace, chain: placeOf(place), evidence };
  return {
    kind: 'filter-rule',
    namespace,
    rule: rulePlaceOf(place, rule),
    effect: effectOf(decider),
    evidence,
  };
}

export function evidenceOfDecider({ place, rule }: Decider): Evidence {
  if (rule !== undefined) return ruleEvidence(place.owner, place.chain, rule);
  const { chain, owner } = place;
  const policy = chain.base?.policy.toUpperCase() ?? '';
  return { path: owner.path, at: chain.at, quote: `${owner.table.name} ${chain.name} policy ${policy}` };
}

/** `FORWARD: -A FORWARD -i eth0 -j DROP`, shortened for a sentence by whoever shows it. */
export function describeDecider(decider: Decider): string {
  return evidenceOfDecider(decider).quote ?? decider.place.chain.name;
}

export function placeOf({ owner, chain }: ProgramChain): FilterPlace {
  const { table, path } = owner;
  return { path, origin: table.origin, family: table.family, table: table.name, chain: chain.name };
}

function rulePlaceOf(place: ProgramChain, rule: FilterRule): FilterRulePlace {
  const { source } = rule;
  const text = source.syntax === 'nft-json' ? JSON.stringify(source.statements) : source.text;
  return {
    ...placeOf(place),
    at: rule.at,
    text,
    ...(rule.handle === undefined ? {} : { handle: rule.handle }),
  };
}

/** The strongest thing that the rule does. */
export function effectOf({ place, rule }: Decider): FilterEffect {
  if (rule === undefined) return 'drops';
  const { steps } = readRule(place.owner, rule);
  for (const step of steps) {
    if (step.kind === 'nat' || step.kind === 'netmap' || step.kind === 'tproxy') return 'translates';
    if (step.kind === 'set-mark') return 'marks';
    if (step.kind === 'untrack') return 'untracks';
    if (step.kind === 'verdict' && step.verdict.kind === 'drop') return 'drops';
    if (step.kind === 'verdict' && step.verdict.kind === 'reject') return 'rejects';
    if (step.kind === 'verdict' && step.verdict.kind === 'accept') return 'accepts';
  }
  return 'leads';
}
