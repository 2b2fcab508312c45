// All faults the lab knows, and finding one by its name.
import { table52ClusterCidr } from './faults/table52-cluster-cidr.ts';
import type { LabFault } from './fault.ts';

export const faults: readonly LabFault[] = [table52ClusterCidr];

export function findFault(name: string): LabFault {
  const fault = faults.find((candidate) => candidate.name === name);
  if (fault !== undefined) return fault;
  throw new Error(
    `the lab knows no fault ${name}; it knows: ${faults.map((known) => known.name).join(', ')}`,
  );
}
