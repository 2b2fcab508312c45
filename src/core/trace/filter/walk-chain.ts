// The rules of a chain in order, for every branch that a packet has there. In: the chain and the branches that enter it.
// Out: the branches that fall out at its end (or return); those with a verdict are put aside as outcomes. All branches
// take a rule together, so that those which it leaves alike are joined before the next.
import { listRules } from '../../model/chain-rules.ts';
import type { ChainRule } from '../../model/chain-rules.ts';
import type { ProgramChain } from '../../model/filter-program.ts';
import type { FilterHook } from '../../snapshot/filter-facts.ts';
import type { Branch } from './branch.ts';
import { mergeBranches } from './branch.ts';
import type { ChainVerdict } from './chain-outcome.ts';
import { describeVerdict } from './describe-verdict.ts';
import type { FilterPacket } from './filter-packet.ts';
import { labelRule, runRule } from './run-rule.ts';
import type { RuleRun } from './run-rule.ts';

export interface Ended {
  readonly branch: Branch;
  readonly verdict: ChainVerdict;
}

/** One evaluation of a base chain: what ended so far, and how much is left to spend. */
export interface Walk {
  readonly packet: FilterPacket;
  readonly hook?: FilterHook;
  readonly ended: Ended[];
  rulesLeft: number;
  /** Set once the walk has to be given up. */
  isGivenUp: boolean;
}

export const mostBranches = 1024;

/**
 * nf_tables allows 16 jumps into each other (NFT_JUMP_STACK_SIZE), and both refuse loops; iptables-legacy has no limit
 * of its own. What a dump shows beyond that was damaged.
 */
const mostNestedChains = { 'iptables-legacy': 200, 'iptables-nft': 16, nftables: 16 };

/** `path`: the names of the chains that led here, this one last. */
export function walkChain(
  walk: Walk,
  place: ProgramChain,
  entering: readonly Branch[],
  path: readonly string[],
): readonly Branch[] {
  const fallen: Branch[] = [];
  let live = entering;
  for (const rule of listRules(place, walk.packet.packet)) {
    if (live.length === 0 || isSpent(walk, live.length)) break;
    live = takeRule(walk, { place, rule, path, fallen }, live);
  }
  return mergeBranches([...fallen, ...live]);
}

interface RuleTurn {
  readonly place: ProgramChain;
  readonly rule: ChainRule;
  readonly path: readonly string[];
  /** Branches that leave the chain here. */
  readonly fallen: Branch[];
}

interface Detour {
  readonly chain: string;
  readonly isGoto: boolean;
  readonly branches: Branch[];
}

function isSpent(walk: Walk, liveCount: number): boolean {
  walk.rulesLeft -= liveCount;
  if (walk.rulesLeft < 0 || liveCount + walk.ended.length > mostBranches) walk.isGivenUp = true;
  return walk.isGivenUp;
}

function takeRule(walk: Walk, turn: RuleTurn, live: readonly Branch[]): readonly Branch[] {
  const { place, rule, fallen } = turn;
  const { owner } = place;
  const isXt = rule.fact.source.syntax === 'iptables';
  const run: RuleRun = {
    owner,
    place,
    packet: walk.packet,
    rule: rule.fact,
    steps: rule.body.steps,
    isXt,
    ...(walk.hook === undefined ? {} : { hook: walk.hook }),
  };
  const onward: Branch[] = [];
  const detours = new Map<string, Detour>();
  for (const { branch, exit } of live.flatMap((one) => runRule(run, one))) {
    if (exit.kind === 'next') onward.push(branch);
    else if (exit.kind === 'return') fallen.push(branch);
    else if (exit.kind === 'end') walk.ended.push({ branch, verdict: exit.verdict });
    else {
      const key = `${exit.kind} ${exit.chain}`;
      const detour = detours.get(key);
      if (detour === undefined)
        detours.set(key, { chain: exit.chain, isGoto: exit.kind === 'goto', branches: [branch] });
      else detour.branches.push(branch);
    }
  }
  for (const detour of detours.values()) {
    const back = takeDetour(walk, turn, detour);
    if (detour.isGoto) fallen.push(...back);
    else onward.push(...back.map((branch) => forgetJump(branch, rule, detour.chain)));
  }
  return mergeBranches(onward);
}

/** Goes through the other chain, if there is one that can be gone through. */
function takeDetour(walk: Walk, turn: RuleTurn, { chain, branches }: Detour): readonly Branch[] {
  const { place, path, rule } = turn;
  const { table } = place.owner;
  const target = table.chains.get(chain);
  const refuse = (why: string): readonly Branch[] => {
    const question = `${labelRule({ place, rule: rule.fact })}: what does chain ${chain} do? (${why})`;
    for (const branch of branches) walk.ended.push({ branch, verdict: { kind: 'unknown', question } });
    return [];
  };
  if (target === undefined) return refuse(`the dump does not show it in table ${table.name}`);
  if (path.includes(chain)) return refuse('it leads back to itself, which no kernel accepts');
  if (path.length > mostNestedChains[table.origin]) return refuse('the chains lead too deep');
  return walkChain(walk, { owner: place.owner, chain: target }, branches, [...path, chain]);
}

/** A jump that came back with nothing done is no part of what decided; a rule that also set a mark is. */
function forgetJump(branch: Branch, rule: ChainRule, chain: string): Branch {
  const last = branch.deciders.at(-1);
  if (last?.rule !== rule.fact || last.did !== describeVerdict({ kind: 'jump', chain })) return branch;
  return { ...branch, deciders: branch.deciders.slice(0, -1) };
}
