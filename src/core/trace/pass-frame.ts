// The chains below IP: nftables' netdev tables at the device a frame comes in by, and the bridge family's tables for what a
// bridge carries, hands up or sends. In: the packet in its frame, and its devices (a bridge's ports here, not the bridge).
// Out: the states in which it goes on, or its end. Order: Linux 6.12 net/core/dev.c (ingress first of all),
// net/bridge/br_input.c, br_forward.c. Connections of the bridge family's own are not told apart from IP's.
import type { ProgramChain } from '../model/filter-program.ts';
import type { Namespace, Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { FilterHook } from '../snapshot/filter-facts.ts';
import type { Doubt } from './filter/chain-outcome.ts';
import { passChain } from './filter/pass-chain.ts';
import { findProgram } from './pass-hook.ts';
import type { HookResult } from './pass-hook.ts';
import type { WalkState } from './walk.ts';

export interface FramePlace {
  readonly network: Network;
  readonly namespace: Namespace;
  /** In the order the frame meets them. */
  readonly hooks: readonly FilterHook[];
  readonly inputLink?: string;
  readonly outputLink?: string;
}

export function passFrame(state: WalkState, place: FramePlace): readonly HookResult[] {
  let results: readonly HookResult[] = [{ kind: 'passed', state, isRerouted: false }];
  for (const hook of place.hooks) {
    for (const chain of listChains(place, hook, state)) {
      results = results.flatMap((result) =>
        result.kind === 'ended' ? [result] : passOne(result.state, place, chain),
      );
    }
  }
  return results;
}

function listChains(place: FramePlace, hook: FilterHook, state: WalkState): readonly ProgramChain[] {
  const program = findProgram(place.namespace, familyOf(state.packet.destination));
  if (program === undefined) return [];
  const chains = (hook === 'ingress' ? program.deviceHooks : program.bridgeHooks).get(hook) ?? [];
  return chains.filter(({ chain }) => {
    const links = chain.base?.links;
    const isHere = links?.includes(place.inputLink ?? '') ?? true;
    return isHere && (chain.rules.length > 0 || chain.base?.policy === 'drop');
  });
}

function passOne(state: WalkState, place: FramePlace, chain: ProgramChain): readonly HookResult[] {
  const { network, namespace, inputLink, outputLink } = place;
  const results = passChain(
    state,
    {
      network,
      namespace,
      hook: 'prerouting',
      ...(inputLink === undefined ? {} : { inputLink }),
      ...(outputLink === undefined ? {} : { outputLink }),
    },
    chain,
  );
  const isPlaced = chain.chain.base?.hook !== 'ingress' || chain.chain.base.links !== undefined;
  if (isPlaced || results.every((result) => result.kind === 'passed')) return results;
  return beInDoubt(state, results, chain);
}

/** nft 1.0.6 prints the chains of a device without the device (`-j`): it may be another one. */
function beInDoubt(
  state: WalkState,
  results: readonly HookResult[],
  { owner, chain }: ProgramChain,
): readonly HookResult[] {
  const doubt: Doubt = {
    id: `${owner.path} ${chain.at}`,
    question: `which device is the chain ${chain.name} of ${owner.table.name} for (nft list ruleset)?`,
    side: 'matches',
  };
  return [
    ...results.map((result) => withDoubt(result, doubt)),
    withDoubt({ kind: 'passed', state, isRerouted: false }, { ...doubt, side: 'does not match' }),
  ];
}

function withDoubt(result: HookResult, doubt: Doubt): HookResult {
  const add = (state: WalkState): WalkState => ({ ...state, doubts: [...state.doubts, doubt] });
  return result.kind === 'ended'
    ? { kind: 'ended', step: { ...result.step, state: add(result.step.state) } }
    : { ...result, state: add(result.state) };
}
