// One hook of a namespace, from its first base chain to its last, with what the kernel itself does between them: tracking
// the connection, and translating addresses. In: a packet's state and where it is. Out: every state it can leave the hook
// in, or its end. Order: Linux 6.12 include/uapi/linux/netfilter_ipv4.h (raw -300, conntrack -200, mangle -150, nat -100,
// filter 0, security 50, source nat 100); nat chains see only a connection's first packet (nf_nat_core.c).
import type { FilterProgram, ProgramChain } from '../../model/filter-program.ts';
import { trackPacket } from '../track-packet.ts';
import type { WalkState } from '../walk.ts';
import type { HookPlace, HookResult, IpHook } from './hook-place.ts';
import { passChain } from './pass-chain.ts';
import { translatePacket } from './translate-packet.ts';

type Station = (state: WalkState, place: HookPlace) => readonly HookResult[];

const trackingPriority = -200;
const natPriority = {
  prerouting: -100,
  output: -100,
  input: 100,
  postrouting: 100,
  forward: undefined,
} as const;

export function runHook(state: WalkState, place: HookPlace): readonly HookResult[] {
  let results: readonly HookResult[] = [{ kind: 'passed', state, isRerouted: false }];
  for (const station of listStations(place)) {
    results = results.flatMap((result) =>
      result.kind === 'ended'
        ? [result]
        : station(result.state, place).map((next) => keepRerouting(next, result)),
    );
  }
  return results;
}

/** The kernel routes at the chain that asks for it, not at the end of the hook. */
function keepRerouting(next: HookResult, before: Extract<HookResult, { kind: 'passed' }>): HookResult {
  if (next.kind === 'ended') return next;
  if (next.isRerouted) return { ...next, routedMark: next.state.packet.mark };
  return before.isRerouted ? { ...next, isRerouted: true, routedMark: before.routedMark } : next;
}

const stationTables = new WeakMap<FilterProgram, Map<IpHook, readonly Station[]>>();

function listStations(place: HookPlace): readonly Station[] {
  if (place.program === undefined) return makeStations(place);
  const tables = stationTables.get(place.program) ?? new Map<IpHook, readonly Station[]>();
  stationTables.set(place.program, tables);
  const known = tables.get(place.hook);
  if (known !== undefined) return known;
  const made = makeStations(place);
  tables.set(place.hook, made);
  return made;
}

function makeStations({ program, hook }: HookPlace): readonly Station[] {
  const chains = (program?.hooks.get(hook) ?? []).filter(doesSomething);
  const filters = chains.filter(({ chain }) => chain.base?.type !== 'nat');
  const nats = chains.filter(({ chain }) => chain.base?.type === 'nat');
  const isTracking = hook === 'prerouting' || hook === 'output';
  const stations: Station[] = [];
  const before = isTracking ? trackingPriority : Number.NEGATIVE_INFINITY;
  const nat = natPriority[hook] ?? Number.POSITIVE_INFINITY;
  stations.push(...between(filters, Number.NEGATIVE_INFINITY, before));
  if (isTracking) stations.push(trackAt);
  stations.push(...between(filters, before, nat));
  if (natPriority[hook] !== undefined) stations.push((state, place) => translatePacket(state, place, nats));
  stations.push(...between(filters, nat, Number.POSITIVE_INFINITY));
  return stations;
}

function doesSomething({ chain }: ProgramChain): boolean {
  return chain.rules.length > 0 || chain.base?.policy === 'drop';
}

/** Chains from the one priority up to, and without, the other. */
function between(chains: readonly ProgramChain[], from: number, to: number): readonly Station[] {
  return chains
    .filter(({ chain }) => {
      const priority = chain.base?.priority ?? 0;
      return priority >= from && priority < to;
    })
    .map((chain) => (state: WalkState, place: HookPlace) => passChain(state, place, chain));
}

function trackAt(state: WalkState, place: HookPlace): readonly HookResult[] {
  return [{ kind: 'passed', state: trackPacket(place.namespace, state), isRerouted: false }];
}
