// One rule and one branch of a packet. In: the rule's place, its steps, and the branch that meets it. Out: the branches
// that leave it, and where each goes: to the next rule, back, into another chain, or to a verdict.
import { evidenceLabel } from '../../fact/evidence.ts';
import { ruleEvidence } from '../../model/filter-program.ts';
import type { ProgramChain } from '../../model/filter-program.ts';
import type { FilterRule } from '../../snapshot/filter-facts.ts';
import type { FilterStep } from '../../snapshot/filter-steps.ts';
import { addAssumptions, addDecider, addDoubt, findDoubt } from './branch.ts';
import type { Branch } from './branch.ts';
import type { ChainVerdict } from './chain-outcome.ts';
import { isCondition, judgeCondition } from './judge-condition.ts';
import type { Answer, Condition, RuleSite } from './judge-condition.ts';
import { applyStatement } from './apply-statement.ts';
import type { Way } from './apply-statement.ts';

export type Exit =
  | { readonly kind: 'next' }
  | { readonly kind: 'return' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string }
  | { readonly kind: 'end'; readonly verdict: ChainVerdict };

export interface Leaving {
  readonly branch: Branch;
  readonly exit: Exit;
}

export interface RuleRun extends RuleSite {
  readonly place: ProgramChain;
  readonly rule: FilterRule;
}

/** A branch inside the rule: at which step, and what the rule did to it so far. */
interface Inside {
  readonly at: number;
  readonly branch: Branch;
  readonly did: readonly string[];
}

const next: Exit = { kind: 'next' };

export function runRule(run: RuleRun, branch: Branch): readonly Leaving[] {
  if (!run.steps.some(hasEffect)) return [{ branch, exit: next }];
  const left: Leaving[] = [];
  const inside: Inside[] = [{ at: 0, branch, did: [] }];
  for (let one = inside.pop(); one !== undefined; one = inside.pop()) {
    const step = run.steps[one.at];
    if (step === undefined) left.push(leave(run, one, next));
    else if (isCondition(step)) inside.push(...ask(run, one, left));
    else inside.push(...act(run, one, step, left));
  }
  return left;
}

/** Labels a place for a person: `nodes/n1/iptables-save.txt:12`. */
export function labelRule(run: Pick<RuleRun, 'place' | 'rule'>): string {
  return evidenceLabel(ruleEvidence(run.place.owner, run.place.chain, run.rule));
}

function hasEffect(step: FilterStep): boolean {
  if (step.kind === 'verdict') return step.verdict.kind !== 'continue';
  return step.kind !== 'note' && !isCondition(step);
}

/** Asks the conditions that follow each other at once: one that fails spares the question that nobody can answer. */
function ask(run: RuleRun, one: Inside, left: Leaving[]): readonly Inside[] {
  const conditions = leadingConditions(run.steps, one.at);
  const answers = judgeAll(run, conditions, one.branch);
  const refusal = answers.find(({ kind }) => kind === 'no');
  const branch = addAssumptions(one.branch, listAssumptions(answers));
  if (refusal !== undefined) {
    left.push(leave(run, { ...one, branch }, next));
    return [];
  }
  const hit = { ...one, at: one.at + conditions.length, branch };
  const miss = leave(run, one, next);
  if (!run.steps.slice(hit.at).some(hasEffect)) {
    left.push(miss);
    return [];
  }
  const isEither = answers.some(({ kind }) => kind === 'either');
  if (isEither) left.push(miss);
  const unknown = answers.filter((answer) => answer.kind === 'unknown');
  return unknown.length === 0 ? [hit] : split(run, { miss, hit, isEither, unknown }, left);
}

/** All answers, or only the first that says no without taking anything for granted. */
function judgeAll(run: RuleRun, conditions: readonly Condition[], branch: Branch): readonly Answer[] {
  const answers: Answer[] = [];
  for (const condition of conditions) {
    const answer = judgeCondition(run, condition, branch);
    if (answer.kind === 'no' && answer.assumes === undefined) return [answer];
    answers.push(answer);
  }
  const refusal = answers.find(({ kind }) => kind === 'no');
  return refusal === undefined ? answers : [refusal];
}

function listAssumptions(answers: readonly Answer[]): readonly string[] {
  return answers.flatMap((answer) =>
    'assumes' in answer && answer.assumes !== undefined ? [answer.assumes] : [],
  );
}

interface Split {
  readonly miss: Leaving;
  readonly hit: Inside;
  readonly isEither: boolean;
  readonly unknown: readonly Extract<Answer, { kind: 'unknown' }>[];
}

/** Both answers to what nobody knows, unless the branch gave one to the same rule before. */
function split(run: RuleRun, { miss, hit, isEither, unknown }: Split, left: Leaving[]): readonly Inside[] {
  const evidence = ruleEvidence(run.place.owner, run.place.chain, run.rule);
  const later = run.steps.slice(0, hit.at).filter(hasEffect).length;
  const id = `${evidence.path} ${run.rule.at}${later === 0 ? '' : ` step ${hit.at}`}`;
  const answered = findDoubt(hit.branch, id);
  if (answered !== undefined) {
    if (answered.side === 'matches') return [hit];
    if (!isEither) left.push(miss);
    return [];
  }
  const texts = unknown.map(({ text }) => `"${text}"`).join(' and ');
  const reasons = [...new Set(unknown.map(({ why }) => why))].join('; ');
  const missing = unknown.find((answer) => answer.missing !== undefined)?.missing;
  const doubt = {
    id,
    question: `does ${texts} match the packet? (${reasons})`,
    ...(missing === undefined ? {} : { missing }),
  };
  if (!isEither) left.push({ ...miss, branch: addDoubt(miss.branch, { ...doubt, side: 'does not match' }) });
  return [{ ...hit, branch: addDoubt(hit.branch, { ...doubt, side: 'matches' }) }];
}

function leadingConditions(steps: readonly FilterStep[], from: number): readonly Condition[] {
  const conditions: Condition[] = [];
  for (let at = from; at < steps.length; at++) {
    const step = steps[at];
    if (step === undefined || !isCondition(step)) break;
    conditions.push(step);
  }
  return conditions;
}

function act(
  run: RuleRun,
  one: Inside,
  step: Exclude<FilterStep, Condition>,
  left: Leaving[],
): readonly Inside[] {
  const stay: Inside[] = [];
  for (const way of applyStatement(run, step, one.branch)) {
    const did = way.did === undefined ? one.did : [...one.did, way.did];
    const moved: Inside = { at: one.at + 1, branch: way.branch, did };
    if (way.then === 'on') stay.push(moved);
    else left.push(leave(run, moved, exitOf(run, way)));
  }
  return stay;
}

function exitOf(run: RuleRun, { then }: Way): Exit {
  if (then === 'on' || then === 'off') return next;
  switch (then.kind) {
    case 'unknown':
      return { kind: 'end', verdict: { ...then, question: `${labelRule(run)}: ${then.question}` } };
    case 'continue':
      return next;
    case 'return':
      return { kind: 'return' };
    case 'jump':
    case 'goto':
      return then;
    case 'accept':
    case 'drop':
      return { kind: 'end', verdict: { kind: then.kind } };
    case 'reject':
      return { kind: 'end', verdict: then };
  }
}

function leave(run: RuleRun, { branch, did }: Inside, exit: Exit): Leaving {
  if (did.length === 0) return { branch, exit };
  const { place, rule } = run;
  const isFinal = exit.kind === 'end';
  return { branch: addDecider(branch, { place, rule, did: did.join(', '), isFinal }), exit };
}
