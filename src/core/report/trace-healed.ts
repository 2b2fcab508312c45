// Flows traced again in other worlds, for the pictures: with every root cause gone (the way it should go), and with every
// other root cause gone (what one cause does by itself, where several stand in a packet's way). Each world's network is
// built at most once, and only when somebody asks.
import { buildNetwork } from '../model/build-network.ts';
import type { Network } from '../model/network.ts';
import type { Judgement } from '../pipeline.ts';
import { applyChanges } from '../snapshot/apply-changes.ts';
import type { Flow, Trace } from '../trace/flow.ts';
import { traceFlow } from '../trace/trace-flow.ts';

export interface Retracer {
  readonly traceHealed: (flow: Flow) => Trace | undefined;
  /** Nothing where this is the only cause: the flow's own trace shows it. */
  readonly traceAlone: (flow: Flow, causeId: string) => Trace | undefined;
}

export function makeRetracer(judgement: Judgement): Retracer {
  const { causes } = judgement.diagnosis;
  const networks = new Map<string | undefined, Network>();
  const traceWithout = (flow: Flow, spared: string | undefined): Trace => {
    const known = networks.get(spared);
    const gone = causes.filter((cause) => cause.id !== spared).flatMap((cause) => cause.changes);
    const network = known ?? buildNetwork(applyChanges(judgement.snapshot, gone));
    networks.set(spared, network);
    return traceFlow(network, flow);
  };
  return {
    traceHealed: (flow) => (causes.length === 0 ? undefined : traceWithout(flow, undefined)),
    traceAlone: (flow, causeId) => (causes.length < 2 ? undefined : traceWithout(flow, causeId)),
  };
}
