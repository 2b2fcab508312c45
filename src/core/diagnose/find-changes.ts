// From failing flows to the smallest changes that heal them. In: the observed world and the flows that fail in it. Out:
// the chosen changes, and which flow needs which. Each flow is followed to its loss, the few changes that would decide
// otherwise there are tried, and where one uncovers the next loss the search goes on (a stale entry *and* a hijacked
// route). What was found for one flow is tried first on the next, so that one fault stays one change.
import type { Candidate } from './candidate.ts';
import type { JudgedIntent } from './diagnosis.ts';
import { findFailingWay } from './failing-way.ts';
import { proposeChanges } from './propose-changes.ts';
import { changeWorld, mayMeet } from './world.ts';
import type { World } from './world.ts';
import { serviceKey } from '../model/service-table.ts';
import type { Flow, Trace } from '../trace/flow.ts';

export interface FoundChanges {
  readonly chosen: readonly Candidate[];
  /** Which of the chosen each failing intent needs, by intent id; an empty list: nothing found heals it. */
  readonly needed: ReadonlyMap<string, readonly Candidate[]>;
  /** The world with all of the chosen applied. */
  readonly healed: World;
  /** Other single changes that would do the same as a chosen one, by its key. */
  readonly alternatives: ReadonlyMap<string, readonly Candidate[]>;
}

const maxDepth = 6;
const maxTriesPerFlow = 160;

export function findChanges(
  world: World,
  failing: readonly JudgedIntent[],
  working: readonly JudgedIntent[],
  isTried: (candidate: Candidate) => boolean = () => true,
): FoundChanges {
  const search: Search = {
    base: world,
    working,
    isTried,
    chosen: [],
    healed: world,
    alternatives: new Map(),
  };
  for (const { intent } of failing) healFlow(search, intent.flow);
  for (const { intent } of failing) relieveFlow(search, intent.flow);
  dropIdle(search, failing);
  return {
    chosen: search.chosen,
    needed: new Map(failing.map(({ intent }) => [intent.id, needs(search, intent.flow)])),
    healed: search.healed,
    alternatives: search.alternatives,
  };
}

interface Search {
  readonly base: World;
  readonly working: readonly JudgedIntent[];
  /** Which candidates count in this search. */
  readonly isTried: (candidate: Candidate) => boolean;
  chosen: readonly Candidate[];
  healed: World;
  readonly alternatives: Map<string, readonly Candidate[]>;
}

function healFlow(search: Search, flow: Flow): void {
  if (isHealed(search.healed.trace(flow))) return;
  const budget = { left: maxTriesPerFlow };
  for (let depth = 1; depth <= maxDepth; depth++) {
    const found = tryChanges(search, { world: search.healed, flow, depth, path: [] }, budget);
    if (found === undefined) continue;
    search.chosen = [...search.chosen, ...found];
    // On top of what was healed before, not from the start: so its traces are kept where nothing else changed.
    search.healed = withCandidates(search.healed, found);
    return;
  }
}

/**
 * A flow that nothing heals may be relieved: one change takes the loss away, and only a missing fact further on keeps
 * anybody from saying that it arrives. That supports a cause and proves none.
 */
function relieveFlow(search: Search, flow: Flow): void {
  if (isServedByNobody(search.healed, flow)) return;
  const trace = search.healed.trace(flow);
  const way = isRelieved(trace) ? undefined : findFailingWay(trace.journeys);
  if (way === undefined) return;
  const found = proposeChanges(search.healed.network, way).find((candidate) => {
    if (!search.isTried(candidate)) return false;
    const world = changeWorld(search.healed, candidate.changes);
    return isRelieved(world.trace(flow)) && breaksNothing(search, search.healed, candidate);
  });
  if (found === undefined) return;
  search.chosen = [...search.chosen, found];
  search.healed = withCandidates(search.healed, [found]);
}

/** A Service without endpoints answers nobody: a packet that gets further than before proves nothing. */
function isServedByNobody({ network }: World, flow: Flow): boolean {
  const entry = network.services.byKey.get(serviceKey(flow.to, flow.protocol, flow.port ?? 0));
  return entry?.isKnown === true && entry.endpoints.length === 0;
}

interface Attempt {
  readonly world: World;
  readonly flow: Flow;
  /** How many more changes may be made. */
  readonly depth: number;
  readonly path: readonly Candidate[];
}

/** Depth first, the best candidate first, never more changes than allowed: called with growing depth, so smallest wins. */
function tryChanges(
  search: Search,
  attempt: Attempt,
  budget: { left: number },
): readonly Candidate[] | undefined {
  const way = findFailingWay(attempt.world.trace(attempt.flow).journeys);
  if (way === undefined) return undefined;
  const candidates = proposeChanges(attempt.world.network, way).filter(
    (candidate) => search.isTried(candidate) && !attempt.path.some((made) => made.key === candidate.key),
  );
  const tried: { readonly candidate: Candidate; readonly world: World }[] = [];
  const healing: Candidate[] = [];
  for (const candidate of candidates) {
    if (budget.left-- <= 0) break;
    // Better ones come first: what is worse than one that heals need not be tried.
    const first = healing[0];
    if (first !== undefined && candidate.rank > first.rank && breaksNothing(search, attempt.world, first))
      break;
    const world = changeWorld(attempt.world, candidate.changes);
    if (isHealed(world.trace(attempt.flow))) healing.push(candidate);
    else if (hasMoved(attempt.world, world, attempt.flow)) tried.push({ candidate, world });
  }
  const best = healing.find((candidate) => breaksNothing(search, attempt.world, candidate));
  if (best !== undefined) {
    search.alternatives.set(
      best.key,
      healing.filter((candidate) => candidate !== best && candidate.rank === best.rank),
    );
    return [...attempt.path, best];
  }
  if (attempt.depth <= 1) return undefined;
  for (const { candidate, world } of tried) {
    const path = [...attempt.path, candidate];
    const found = tryChanges(search, { world, flow: attempt.flow, depth: attempt.depth - 1, path }, budget);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The packet gets somewhere else than before: only then is it worth to go on from there. */
function hasMoved(before: World, after: World, flow: Flow): boolean {
  return describeLoss(before.trace(flow)) !== describeLoss(after.trace(flow));
}

function describeLoss(trace: Trace): string {
  const way = findFailingWay(trace.journeys);
  if (way === undefined) return trace.verdict;
  return `${way.hops.length} ${way.hops.at(-1)?.did ?? ''} ${JSON.stringify(way.end)}`;
}

function isHealed(trace: Trace): boolean {
  return trace.verdict === 'arrives';
}

/** It arrives, or nobody can say for want of a fact that the bundle should have, or because it left the evidence. */
function isRelieved(trace: Trace): boolean {
  return isOpenAtMost(trace, (end) => end.missing !== undefined || end.leftBy !== undefined);
}

type OpenEnd = Extract<Trace['journeys'][number]['end'], { kind: 'unknown' }>;

function isOpenAtMost(trace: Trace, mayBeOpen: (end: OpenEnd) => boolean): boolean {
  if (isHealed(trace)) return true;
  if (trace.verdict !== 'unknown') return false;
  const ways = trace.journeys.flatMap((journey) => [journey, ...(journey.replies ?? [])]);
  return ways.every(
    ({ end, doubts }) =>
      (end.kind !== 'unknown' || mayBeOpen(end)) &&
      (doubts ?? []).every((doubt) => doubt.missing !== undefined),
  );
}

/**
 * What arrived before must not fail; that nobody can say any more (a fact of the other way is missing) breaks nothing. To
 * be sent out of the evidence does: it arrived inside.
 */
function breaksNothing(search: Search, world: World, candidate: Candidate): boolean {
  const changed = changeWorld(world, candidate.changes);
  return search.working.every(({ intent }) =>
    isOpenAtMost(changed.trace(intent.flow), (end) => end.missing !== undefined),
  );
}

function withCandidates(base: World, candidates: readonly Candidate[]): World {
  return changeWorld(
    base,
    candidates.flatMap((candidate) => candidate.changes),
  );
}

/** A change that a later one made needless is taken back. */
function dropIdle(search: Search, failing: readonly JudgedIntent[]): void {
  for (const candidate of [...search.chosen]) {
    const rest = search.chosen.filter((other) => other !== candidate);
    const world = withCandidates(search.base, rest);
    const isIdle = failing.every(
      ({ intent }) => !isRelieved(search.healed.trace(intent.flow)) || isRelieved(world.trace(intent.flow)),
    );
    if (!isIdle) continue;
    search.chosen = rest;
    search.healed = world;
  }
}

function needs(search: Search, flow: Flow): readonly Candidate[] {
  return findNeeded(search, search.base, flow);
}

/** Which of the chosen changes a flow cannot do without; none where it is not healed, or never failed. */
export function findNeeded(
  found: { readonly chosen: readonly Candidate[]; readonly healed: World },
  base: World,
  flow: Flow,
): readonly Candidate[] {
  const healed = found.healed.trace(flow);
  if (!isRelieved(healed)) return [];
  // A flow that arrives without meeting what a change edits does not need it; with many subjects that is the rule.
  const mayNeed = (candidate: Candidate): boolean => !isHealed(healed) || mayMeet(healed, candidate.changes);
  return found.chosen.filter(
    (candidate) => mayNeed(candidate) && !isRelieved(without(base, found.chosen, candidate).trace(flow)),
  );
}

const partialWorlds = new WeakMap<World, Map<string, World>>();

function without(base: World, chosen: readonly Candidate[], candidate: Candidate): World {
  const worlds = partialWorlds.get(base) ?? new Map<string, World>();
  partialWorlds.set(base, worlds);
  const rest = chosen.filter((other) => other !== candidate);
  const key = rest.map((other) => other.key).join('\n');
  const known = worlds.get(key);
  if (known !== undefined) return known;
  const world = withCandidates(base, rest);
  worlds.set(key, world);
  return world;
}
