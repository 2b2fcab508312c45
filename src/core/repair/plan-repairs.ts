// The repairs for each root cause, simulated. In: the snapshot and its diagnosis. Out: repairs in the causes' order, the
// immediate before the persistent before the one at the source, each with what it heals and breaks on the model.
// A repair that heals nothing is not offered.
import { commandsOf } from './commands.ts';
import { reverseCommands } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { Repair } from './plan.ts';
import { draftEntryRepairs } from './repair-entries.ts';
import { draftRouteRepairs } from './repair-routes.ts';
import { draftSysctlRepairs } from './repair-sysctl.ts';
import { draftVtepRepairs } from './repair-vtep.ts';
import { simulateChanges } from './simulate.ts';
import type { Diagnosis, RootCause } from '../diagnose/diagnosis.ts';
import { openWorld } from '../diagnose/world.ts';
import type { World } from '../diagnose/world.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

export function planRepairs(snapshot: Snapshot, diagnosis: Diagnosis): readonly Repair[] {
  const world = openWorld(snapshot);
  const drafts = diagnosis.causes.flatMap((cause) =>
    draftRepairs(cause, world).map((draft) => ({ cause, draft })),
  );
  const repairs = drafts.map(({ cause, draft }, index): Repair => ({
    id: `fix${index + 1}`,
    for: [cause.id],
    ...draft,
    simulated: simulateChanges({ world, diagnosis, causes: [cause] }, draft.changes),
  }));
  // Where a flow needs two causes gone, one repair alone heals nothing yet and is offered all the same.
  return repairs.filter((repair) => repair.simulated.heals > 0 || diagnosis.causes.length > 1);
}

function draftRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  const particular = [
    ...draftRouteRepairs(cause, world),
    ...draftEntryRepairs(cause, world),
    ...draftVtepRepairs(cause, world),
    ...draftSysctlRepairs(cause),
  ];
  return particular.length > 0 ? particular : [draftPlain(cause)];
}

/** The cause's own change, as it is. */
function draftPlain(cause: RootCause): RepairDraft {
  const parts = cause.changes.map(commandsOf);
  return {
    kind: 'immediate',
    title: `Undo what breaks it: ${cause.title}`,
    commands: parts.flatMap((part) => part.do),
    changes: cause.changes,
    undo: reverseCommands(parts.flatMap((part) => part.undo)),
    risk: 'medium',
    isDisruptive: false,
    note: 'Whatever made this state may make it again.',
  };
}
