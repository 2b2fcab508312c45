// What a base chain does with a packet. In: the chain and the packet as it arrives there. Out: every outcome that is
// possible: one, unless a rule draws or nobody knows whether it matches. The rules are those of nft_do_chain and
// ipt_do_table (Linux 6.12): accept ends this base chain only, a jump comes back, a goto comes back to where the chain
// that it left would have, and the policy judges what no rule did.
import type { ProgramChain } from '../../model/filter-program.ts';
import { addDecider, mergeOutcomes } from './branch.ts';
import type { Branch } from './branch.ts';
import type { ChainOutcome, ChainVerdict } from './chain-outcome.ts';
import type { FilterPacket } from './filter-packet.ts';
import { mostBranches, walkChain } from './walk-chain.ts';
import type { Ended, Walk } from './walk-chain.ts';

const mostRules = 2_000_000;

export function evaluateChain(place: ProgramChain, packet: FilterPacket): readonly ChainOutcome[] {
  const start = startBranch(packet);
  const { base } = place.chain;
  const hook = base === undefined ? {} : { hook: base.hook };
  const walk: Walk = { packet, ...hook, ended: [], rulesLeft: mostRules, isGivenUp: false };
  const fallen = walkChain(walk, place, [start], [place.chain.name]);
  const policy = base?.policy ?? 'accept';
  const ended = [
    ...walk.ended,
    ...fallen.map((branch): Ended => ({
      branch: judgeByPolicy(place, branch, policy),
      verdict: { kind: policy },
    })),
  ];
  if (walk.isGivenUp || ended.length > mostBranches) return [giveUp(place, start)];
  return mergeOutcomes(ended.map(makeOutcome));
}

/** A policy of accept is no more than that nothing stopped the packet. */
function judgeByPolicy(place: ProgramChain, branch: Branch, policy: 'accept' | 'drop'): Branch {
  return policy === 'accept' ? branch : addDecider(branch, { place, did: 'policy drops', isFinal: true });
}

function startBranch({ packet, connection }: FilterPacket): Branch {
  return {
    mark: packet.mark >>> 0,
    connectionMark: (connection?.mark ?? 0) >>> 0,
    isUntracked: connection?.state === 'untracked',
    isTproxy: false,
    deciders: [],
    doubts: [],
    assumes: [],
  };
}

function giveUp(place: ProgramChain, start: Branch): ChainOutcome {
  const { table } = place.owner;
  const question = `what do table ${table.name}'s ${place.chain.name} and its chains do? (too many outcomes)`;
  return makeOutcome({ branch: start, verdict: { kind: 'unknown', question } });
}

function makeOutcome({ branch, verdict }: Ended): ChainOutcome {
  const { isTproxy, ...rest } = branch;
  return { ...rest, verdict: withSocket(verdict, isTproxy) };
}

function withSocket(verdict: ChainVerdict, isTproxy: boolean): ChainVerdict {
  return isTproxy && verdict.kind === 'accept' ? { kind: 'accept', isTproxy: true } : verdict;
}
