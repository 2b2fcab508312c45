// One way through a chain, so far: what the rules did to the packet, and what that rests on. A branch never changes; a
// rule makes new ones. Branches that can no longer be told apart are joined, so that a rule which nobody can judge and
// which changes nothing costs nothing.
import type { ChainOutcome, Decider, Doubt, NatChoice } from './chain-outcome.ts';

export interface Branch {
  readonly mark: number;
  readonly connectionMark: number;
  readonly isUntracked: boolean;
  /** A tproxy statement handed it to a socket. */
  readonly isTproxy: boolean;
  readonly nat?: NatChoice;
  readonly clampMss?: number | 'path';
  readonly deciders: readonly Decider[];
  readonly doubts: readonly Doubt[];
  readonly assumes: readonly string[];
}

/** What is asked twice gets one answer: the second time the branch has it already. */
export function findDoubt(branch: Branch, id: string): Doubt | undefined {
  return branch.doubts.find((doubt) => doubt.id === id);
}

export function addDoubt(branch: Branch, doubt: Doubt): Branch {
  return { ...branch, doubts: [...branch.doubts, doubt] };
}

export function addAssumptions(branch: Branch, assumes: readonly string[]): Branch {
  const added = assumes.filter((text) => !branch.assumes.includes(text));
  return added.length === 0 ? branch : { ...branch, assumes: [...branch.assumes, ...added] };
}

export function addDecider(branch: Branch, decider: Decider): Branch {
  return { ...branch, deciders: [...branch.deciders, decider] };
}

/** Joins what comes to the same whichever way a doubt is answered. */
export function mergeBranches(branches: readonly Branch[]): readonly Branch[] {
  return branches.length < 2 ? branches : mergeAlike(branches, describeBranch);
}

export function mergeOutcomes(outcomes: readonly ChainOutcome[]): readonly ChainOutcome[] {
  if (outcomes.length < 2) return outcomes;
  return mergeAlike(outcomes, (outcome) => `${JSON.stringify(outcome.verdict)} ${describeEffects(outcome)}`);
}

function describeBranch(branch: Branch): string {
  return `${branch.isTproxy ? 'tproxy ' : ''}${describeEffects(branch)}`;
}

function describeEffects(effects: Branch | ChainOutcome): string {
  const { mark, connectionMark, isUntracked, nat, clampMss } = effects;
  return JSON.stringify([mark, connectionMark, isUntracked, nat ?? 0, clampMss ?? 0]);
}

type Mergeable = Pick<Branch, 'deciders' | 'doubts' | 'assumes'>;

function mergeAlike<T extends Mergeable>(all: readonly T[], describe: (one: T) => string): readonly T[] {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const key = describe(one);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [one]);
    else group.push(one);
  }
  if (groups.size === all.length) return all;
  return [...groups.values()].flatMap((group) => (group.length < 2 ? group : resolveDoubts(group)));
}

/** Ways that end alike: two that differ in the answer to one question are one way without the question. */
function resolveDoubts<T extends Mergeable>(group: readonly T[]): readonly T[] {
  const byDoubts = new Map<string, T>();
  const waiting = [...group];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const key = nameDoubts(one.doubts);
    const same = byDoubts.get(key);
    if (same !== undefined) {
      byDoubts.set(key, joinTwo(same, one, one.doubts));
      continue;
    }
    const met = findOpposite(byDoubts, one);
    if (met === undefined) byDoubts.set(key, one);
    else {
      byDoubts.delete(met.key);
      waiting.push(joinTwo(met.other, one, met.doubts));
    }
  }
  const certain = byDoubts.get('');
  return certain === undefined ? [...byDoubts.values()].reverse() : [certain];
}

function findOpposite<T extends Mergeable>(
  byDoubts: ReadonlyMap<string, T>,
  one: T,
): { key: string; other: T; doubts: readonly Doubt[] } | undefined {
  for (const [at, doubt] of one.doubts.entries()) {
    const side = doubt.side === 'matches' ? 'does not match' : 'matches';
    const key = nameDoubts(one.doubts.with(at, { ...doubt, side }));
    const other = byDoubts.get(key);
    if (other !== undefined) return { key, other, doubts: one.doubts.toSpliced(at, 1) };
  }
  return undefined;
}

/** The shorter way stands for both; what either takes for granted, both do. */
function joinTwo<T extends Mergeable>(a: T, b: T, doubts: readonly Doubt[]): T {
  const kept = b.deciders.length < a.deciders.length ? b : a;
  return { ...kept, doubts, assumes: [...new Set([...a.assumes, ...b.assumes])] };
}

function nameDoubts(doubts: readonly Doubt[]): string {
  return doubts
    .map(({ id, side }) => `${id}\t${side}`)
    .sort()
    .join('\n');
}
