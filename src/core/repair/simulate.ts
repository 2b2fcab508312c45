// What a repair would do: its changes are applied to the model and every intent is traced again. In: the observed world,
// the diagnosis, the changes. Out: how many failing intents arrive, how many working ones no longer do, what is left.
import { awaitsEndpoints } from '../diagnose/awaits-endpoints.ts';
import type { Diagnosis, JudgedIntent, RootCause } from '../diagnose/diagnosis.ts';
import { changeWorld } from '../diagnose/world.ts';
import type { World } from '../diagnose/world.ts';
import type { Change } from '../snapshot/change.ts';
import type { Trace } from '../trace/flow.ts';
import type { Simulated } from './plan.ts';

export interface Simulation {
  readonly world: World;
  readonly diagnosis: Diagnosis;
  /** The causes the repair is for. */
  readonly causes: readonly RootCause[];
}

export function simulateChanges(about: Simulation, changes: readonly Change[]): Simulated {
  const after = changeWorld(about.world, changes);
  const broken = new Set(about.causes.flatMap((cause) => cause.breaks));
  const { network } = about.world;
  const direct = about.diagnosis.judged.filter(({ intent }) => !awaitsEndpoints(network, intent.flow));
  const isDone = direct
    .filter((one) => broken.has(one.intent.id) && isFailing(one.trace))
    .every(({ intent }) => after.trace(intent.flow).verdict === 'arrives');
  let heals = 0;
  let breaks = 0;
  let leaves = 0;
  let unknown = 0;
  for (const one of about.diagnosis.judged) {
    const now = verdictAfter(about, after, one, isDone && broken.has(one.intent.id));
    if (isFailing(one.trace)) {
      if (now === 'arrives') heals++;
      else leaves++;
    } else if (now === 'unknown') unknown++;
    else if (one.trace.verdict === 'arrives' && now !== 'arrives') breaks++;
  }
  return { heals, breaks, leaves, unknown };
}

function isFailing(trace: Trace): boolean {
  return trace.verdict === 'fails' || trace.verdict === 'partly';
}

/** A Service whose pods are unwell for the cause's sake gets its endpoints back when the cause is gone. */
function verdictAfter(
  about: Simulation,
  after: World,
  one: JudgedIntent,
  mayComeBack: boolean,
): Trace['verdict'] {
  const { verdict } = after.trace(one.intent.flow);
  if (verdict === 'arrives' || !mayComeBack) return verdict;
  return awaitsEndpoints(about.world.network, one.intent.flow) ? 'arrives' : verdict;
}
