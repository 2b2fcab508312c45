// Takes a packet through a hook of a namespace. In: the state and where it is. Out: the states it can leave in, or its
// end. Which chains there are is the model's to say; where nobody collected them, those of the cluster's own programs are
// assumed, with what they refuse: a Service without endpoints.
import { compileFilter } from '../model/compile-filter.ts';
import type { FilterProgram } from '../model/filter-program.ts';
import type { Namespace, Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import { findAssumedService } from './filter/assumed-translation.ts';
import { runHook } from './filter/run-hook.ts';
import type { HookPlace, HookResult } from './filter/hook-place.ts';
import { addHop, endUnknown } from './walk.ts';
import type { Step, WalkState } from './walk.ts';

export type { HookResult } from './filter/hook-place.ts';
export type PassingPlace = Omit<HookPlace, 'program'>;

export function passHook(state: WalkState, place: PassingPlace): readonly HookResult[] {
  const program = findProgram(place.namespace, familyOf(state.packet.destination));
  const results = runHook(state, program === undefined ? place : { ...place, program });
  const isRefusing = place.hook === 'forward' || place.hook === 'output';
  if (program !== undefined || !isRefusing) return results;
  return results.map((result) => (result.kind === 'ended' ? result : refuseAssumed(result, place)));
}

/** The program of the namespace, where its dumps were collected. */
export function findProgram(namespace: Namespace, family: 4 | 6): FilterProgram | undefined {
  const { filter } = namespace.facts;
  if (filter === undefined) return undefined;
  const compiled = compileFilter(filter, family);
  return compiled.known ? compiled.value : undefined;
}

function refuseAssumed(
  result: Extract<HookResult, { kind: 'passed' }>,
  { network, namespace }: { readonly network: Network; readonly namespace: Namespace },
): HookResult {
  const { state } = result;
  if (state.isReply) return result;
  const entry = findAssumedService(network, namespace, state.packet);
  if (entry === undefined) return result;
  if (!entry.isKnown) {
    const question = `which endpoints has ${entry.service}?`;
    const { endpoints } = network.cluster;
    return {
      kind: 'ended',
      step: endUnknown(state, namespace.id, question, endpoints.known ? undefined : endpoints),
    };
  }
  if (entry.endpoints.length > 0) return result;
  const did = `${entry.service} has no ready endpoint: refused`;
  const hop = addHop(state, namespace.id, { step: 'nat', did, because: entry.evidence });
  return { kind: 'ended', step: refuse(hop, namespace) };
}

function refuse(state: WalkState, namespace: Namespace): Step {
  const disposition = { kind: 'refused', by: namespace.id, why: 'no-endpoints' } as const;
  return { state, stage: { kind: 'end', disposition } };
}
