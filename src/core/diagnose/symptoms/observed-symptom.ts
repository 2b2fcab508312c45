// A symptom as observed, before anything explains it, with the flows that it is about.
import type { Symptom } from '../diagnosis.ts';
import type { Flow } from '../../trace/flow.ts';

export interface ObservedSymptom {
  readonly symptom: Omit<Symptom, 'id' | 'explainedBy'>;
  /** `pod/NAMESPACE/NAME`, for symptoms of pods. */
  readonly pod?: string;
  /** The flows whose failure would make this symptom. */
  readonly flows: readonly Flow[];
  /** True when the subject works now, so that the symptom is history. */
  readonly isPast: boolean;
  /** True when what explains the pod's log explains this as well. */
  readonly followsLog: boolean;
}
