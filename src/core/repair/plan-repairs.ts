// The repairs for each root cause, simulated. In: the snapshot and its diagnosis. Out: repairs in the causes' order, the
// immediate before the persistent before the one at the source, each with what it heals and breaks on the model.
// A repair that heals nothing is not offered.
import { commandsOf } from './commands.ts';
import { reverseCommands } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { Repair } from './plan.ts';
import { draftEntryRepairs } from './repair-entries.ts';
import { draftFilterRuleRepairs } from './repair-filter-rules.ts';
import { draftFirewallRepairs } from './repair-firewall.ts';
import { draftMtuRepairs } from './repair-mtu.ts';
import { draftObjectRepairs } from './repair-objects.ts';
import { draftProgramRepairs } from './repair-programs.ts';
import { draftRouteRepairs } from './repair-routes.ts';
import { draftSysctlRepairs } from './repair-sysctl.ts';
import { draftVtepRepairs } from './repair-vtep.ts';
import { simulateChanges } from './simulate.ts';
import type { Diagnosis, RootCause } from '../diagnose/diagnosis.ts';
import { openWorld } from '../diagnose/world.ts';
import type { World } from '../diagnose/world.ts';
import type { Flow } from '../trace/flow.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';

export function planRepairs(snapshot: Snapshot, diagnosis: Diagnosis): readonly Repair[] {
  const world = openWorld(snapshot);
  const drafts = diagnosis.causes.flatMap((cause) =>
    draftRepairs(cause, world, flowsOf(cause, diagnosis)).map((draft) => ({ cause, draft })),
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

function flowsOf(cause: RootCause, diagnosis: Diagnosis): readonly Flow[] {
  const broken = new Set(cause.breaks);
  return diagnosis.judged.filter(({ intent }) => broken.has(intent.id)).map(({ intent }) => intent.flow);
}

function draftRepairs(cause: RootCause, world: World, flows: readonly Flow[]): readonly RepairDraft[] {
  const firewall = draftFirewallRepairs(cause, world);
  const objects = draftObjectRepairs(cause, world, flows);
  const rules = firewall.length > 0 || isObject(cause) ? [] : draftFilterRuleRepairs(cause, world);
  const particular = [
    ...firewall,
    ...objects,
    ...rules,
    ...draftProgramRepairs(cause, world),
    ...draftMtuRepairs(cause, world),
    ...draftRouteRepairs(cause, world),
    ...draftEntryRepairs(cause, world),
    ...draftVtepRepairs(cause, world),
    ...draftSysctlRepairs(cause),
  ];
  const drafts = particular.length > 0 ? particular : [draftPlain(cause)];
  return kinds.flatMap((kind) => drafts.filter((draft) => draft.kind === kind));
}

const kinds: readonly Repair['kind'][] = ['immediate', 'persistent', 'at-source'];

/** What stands in rules follows from an object: the object is what has to change. */
function isObject(cause: RootCause): boolean {
  return cause.layer === 'kube-object';
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
