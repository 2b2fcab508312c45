// The plan that gets built: the healthy one, changed by each chosen fault in the order they were named.
import { findFault } from './fault-list.ts';
import { planLab } from './plan.ts';
import type { LabOptions, LabPlan } from './planned.ts';

export function planWithFaults(options: LabOptions): LabPlan {
  return options.faults
    .map(findFault)
    .reduce((plan, fault) => fault.changePlan?.(plan) ?? plan, planLab(options));
}
