// A snapshot with some changes applied, and traces in it. Traces are kept per world, for one question comes up again and
// again while causes are sought.
import { buildNetwork } from '../model/build-network.ts';
import type { Network } from '../model/network.ts';
import { applyChanges } from '../snapshot/apply-changes.ts';
import type { Change } from '../snapshot/change.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Flow, Trace } from '../trace/flow.ts';
import { traceFlow } from '../trace/trace-flow.ts';

export interface World {
  readonly snapshot: Snapshot;
  readonly network: Network;
  readonly trace: (flow: Flow) => Trace;
}

export function openWorld(snapshot: Snapshot): World {
  const network = buildNetwork(snapshot);
  const traces = new Map<string, Trace>();
  const trace = (flow: Flow): Trace => {
    const key = JSON.stringify(flow);
    const known = traces.get(key);
    if (known !== undefined) return known;
    const made = traceFlow(network, flow);
    traces.set(key, made);
    return made;
  };
  return { snapshot, network, trace };
}

export function changeWorld(world: World, changes: readonly Change[]): World {
  return openWorld(applyChanges(world.snapshot, changes));
}
