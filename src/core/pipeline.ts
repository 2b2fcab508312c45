// The whole way from facts to an answer, in the order of the architecture page. Open this first.
//
//   snapshot ─▶ model ─▶ trace ─▶ diagnose ─▶ repair        (report makes it an answer, io brought the facts)
//
// In: a snapshot. Out: a diagnosis and the repairs that the model proved. Pure: no clock, no I/O.
import { diagnoseSnapshot } from './diagnose/diagnose.ts';
import type { Diagnosis } from './diagnose/diagnosis.ts';
import { planRepairs } from './repair/plan-repairs.ts';
import type { Repair } from './repair/plan.ts';
import type { Snapshot } from './snapshot/snapshot.ts';

export interface Judgement {
  readonly snapshot: Snapshot;
  readonly diagnosis: Diagnosis;
  readonly repairs: readonly Repair[];
}

export function judgeSnapshot(snapshot: Snapshot): Judgement {
  const diagnosis = diagnoseSnapshot(snapshot);
  return { snapshot, diagnosis, repairs: planRepairs(snapshot, diagnosis) };
}
