// A snapshot with some changes applied, and traces in it. Many questions are asked of many worlds that differ little, so
// work follows the difference: the same snapshot and the same changes give the same world, and a flow that visits nothing
// that was changed keeps the trace of the world it came from.
import { buildNetwork } from '../model/build-network.ts';
import type { Network } from '../model/network.ts';
import { applyChanges } from '../snapshot/apply-changes.ts';
import { namespaceOfChange } from '../snapshot/change.ts';
import type { Change } from '../snapshot/change.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Flow, Journey, Trace } from '../trace/flow.ts';
import { traceFlow } from '../trace/trace-flow.ts';

export interface World {
  readonly snapshot: Snapshot;
  readonly network: Network;
  readonly trace: (flow: Flow) => Trace;
}

const opened = new WeakMap<Snapshot, World>();

export function openWorld(snapshot: Snapshot): World {
  const known = opened.get(snapshot);
  if (known !== undefined) return known;
  const world = makeWorld(snapshot);
  opened.set(snapshot, world);
  return world;
}

/** Where a changed world came from, and which namespaces the changes touch; absent where they may touch any. */
interface Origin {
  readonly world: World;
  readonly touched: ReadonlySet<string> | undefined;
}

function makeWorld(snapshot: Snapshot, origin?: Origin): World {
  const network = buildNetwork(snapshot);
  const traces = new Map<string, Trace>();
  const trace = (flow: Flow): Trace => {
    const key = flowKey(flow);
    const known = traces.get(key);
    if (known !== undefined) return known;
    const made = keepTrace(flow, origin) ?? traceFlow(network, flow);
    traces.set(key, made);
    return made;
  };
  return { snapshot, network, trace };
}

function flowKey(flow: Flow): string {
  return `${flow.from} ${flow.fromAddress ?? ''} ${flow.to} ${flow.protocol} ${flow.port ?? ''} ${flow.mark ?? ''} ${flow.fromPort ?? ''} ${flow.sizeBytes ?? ''} ${flow.isRequestSmall === true ? 'answers' : ''}`;
}

/** The origin's trace, if nothing that decided it was touched. */
function keepTrace(flow: Flow, origin: Origin | undefined): Trace | undefined {
  if (origin?.touched === undefined) return undefined;
  const before = origin.world.trace(flow);
  const { touched } = origin;
  const { owners } = origin.world.network;
  const isTouched =
    touched.has(flow.from) || before.journeys.some((journey) => visits(journey, touched, owners));
  return isTouched ? undefined : before;
}

function visits(journey: Journey, touched: ReadonlySet<string>, owners?: Network['owners']): boolean {
  const { end } = journey;
  if (end.kind === 'unknown') return true;
  if (end.kind === 'delivered' && touched.has(end.to)) return true;
  // A packet that left the evidence was judged by how its destination's own machine routes, which it did not visit.
  const asked = end.kind === 'lost' && !end.isCertain ? journey.hops.at(-1)?.packet.destination : undefined;
  if (asked !== undefined && owners === undefined) return true;
  if (asked !== undefined && (owners?.get(asked) ?? []).some((owner) => touched.has(owner.namespace)))
    return true;
  return (
    journey.hops.some(
      (hop) => touched.has(hop.at) || (hop.nested !== undefined && visits(hop.nested, touched, owners)),
    ) || (journey.replies ?? []).some((reply) => visits(reply, touched, owners))
  );
}

const localKinds: readonly Change['kind'][] = [
  'remove-route',
  'add-route',
  'remove-rule',
  'add-rule',
  'set-sysctl',
  'set-neighbor',
  'set-fdb',
  'set-link-up',
  'set-mtu',
  'remove-filter-rule',
  'insert-filter-rule',
  'set-filter-policy',
  'remove-connection',
  'rewrite-filter',
];

/** Whether the changes could matter to a flow: false only where they edit nothing that its trace met. */
export function mayMeet(trace: Trace, changes: readonly Change[]): boolean {
  const touched = new Set(changes.flatMap((change) => namespaceOfChange(change) ?? []));
  const isLocal = changes.every((change) => localKinds.includes(change.kind));
  return (
    !isLocal || touched.has(trace.flow.from) || trace.journeys.some((journey) => visits(journey, touched))
  );
}

const changed = new WeakMap<World, Map<string, World>>();

export function changeWorld(world: World, changes: readonly Change[]): World {
  if (changes.length === 0) return world;
  const worlds = changed.get(world) ?? new Map<string, World>();
  changed.set(world, worlds);
  const key = JSON.stringify(changes);
  const known = worlds.get(key);
  if (known !== undefined) return known;
  const snapshot = applyChanges(world.snapshot, changes);
  const made = makeWorld(snapshot, { world, touched: listTouched(world.snapshot, snapshot) });
  worlds.set(key, made);
  return made;
}

/** Namespaces whose facts are other objects than before; nothing where the tailnet's own facts changed. */
function listTouched(before: Snapshot, after: Snapshot): ReadonlySet<string> | undefined {
  const touched = new Set<string>();
  for (const [kind, from, to] of [
    ['node', before.nodes, after.nodes],
    ['host', before.hosts, after.hosts],
  ] as const) {
    for (const [name, machine] of to) {
      const old = from.get(name);
      if (old === machine) continue;
      if (old?.tailscale !== machine.tailscale) return undefined;
      if (old.root !== machine.root) touched.add(`${kind}/${name}`);
      for (const [pod, facts] of machine.pods) if (old.pods.get(pod) !== facts) touched.add(`pod/${pod}`);
    }
  }
  return touched;
}
