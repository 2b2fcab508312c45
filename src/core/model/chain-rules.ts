// The rules of a chain that a packet can match, read. In: a chain and the packet. Out: its rules in order, with what they
// do. Of a chain with many rules (kube-proxy has one for each Service) those that name another address or port exactly
// are passed over without having been read: they could not have matched.
import type { FilterChain, FilterRule } from '../snapshot/filter-facts.ts';
import type { RuleBody } from '../snapshot/filter-steps.ts';
import { buildChainIndex, findRules } from './filter/chain-index.ts';
import type { ChainIndex, PacketEnds } from './filter/chain-index.ts';
import { readRule } from './filter-program.ts';
import type { ProgramChain } from './filter-program.ts';

export interface ChainRule {
  readonly fact: FilterRule;
  readonly body: RuleBody;
}

/** Below it a walk costs less than an index. */
const fewestIndexed = 32;

const indexes = new WeakMap<FilterChain, ChainIndex>();

export function* listRules(place: ProgramChain, packet: PacketEnds): Generator<ChainRule> {
  const { chain, owner } = place;
  for (const fact of selectRules(chain, packet)) yield { fact, body: readRule(owner, fact) };
}

function selectRules(chain: FilterChain, packet: PacketEnds): readonly FilterRule[] {
  if (chain.rules.length < fewestIndexed) return chain.rules;
  let index = indexes.get(chain);
  if (index === undefined) indexes.set(chain, (index = buildChainIndex(chain.rules)));
  return findRules(index, packet);
}
