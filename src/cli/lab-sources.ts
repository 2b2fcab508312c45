// A running lab as sources of evidence: every node and host entered by nsenter, and the recorded objects of its cluster.
import { describeEnteredMachine } from '../io/collect/source.ts';
import type { MachineSource } from '../io/collect/source.ts';
import type { ClusterSource } from '../io/collect/collect-bundle.ts';
import { describeLab, enterCommand, labObjects } from '../../lab/client.ts';

export interface LabSources {
  readonly machines: readonly MachineSource[];
  readonly cluster: ClusterSource;
}

export async function listLabSources(name: string): Promise<LabSources> {
  const lab = await describeLab(name);
  const objects = await labObjects(name);
  const machines = lab.machines.map(({ name: machine, kind }) => {
    const [program = 'nsenter', ...words] = enterCommand(lab, machine);
    return describeEnteredMachine({ name: machine, kind, enter: [program, ...words] });
  });
  const files = new Map(
    Object.entries(objects).map(([path, text]) => [path, new TextEncoder().encode(text)]),
  );
  return { machines, cluster: { kind: 'recorded', name, files } };
}
