// Where a lost packet would go: the same flow through the network as it is once every root cause is gone. The network is
// built at most once, and only when somebody asks.
import { buildNetwork } from '../model/build-network.ts';
import type { Network } from '../model/network.ts';
import type { Judgement } from '../pipeline.ts';
import { applyChanges } from '../snapshot/apply-changes.ts';
import type { Flow, Trace } from '../trace/flow.ts';
import { traceFlow } from '../trace/trace-flow.ts';

export function makeHealedTracer(judgement: Judgement): (flow: Flow) => Trace | undefined {
  const changes = judgement.diagnosis.causes.flatMap((cause) => cause.changes);
  let network: Network | undefined;
  return (flow) => {
    if (changes.length === 0) return undefined;
    network ??= buildNetwork(applyChanges(judgement.snapshot, changes));
    return traceFlow(network, flow);
  };
}
