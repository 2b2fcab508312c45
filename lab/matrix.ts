// Who is asked to reach whom when the whole lab is probed: every pod and every machine, to every pod, Service and
// machine but itself. In goes a description, out come flows with a name for what they go to.
import type { LabDescription, LabFlow } from './control.ts';
import { apiServerPort, kubeletPort, podKey } from './plan.ts';

export interface MatrixTarget {
  /** `namespace/pod`, `service/namespace/name` or a machine's name. */
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly proto: 'tcp' | 'udp';
}

export interface MatrixFlow extends LabFlow {
  readonly to: string;
  readonly proto: 'tcp' | 'udp';
}

export function listSources(lab: LabDescription): string[] {
  return [...lab.pods.map(podKey), ...lab.machines.map((machine) => machine.name)];
}

export function listTargets(lab: LabDescription): MatrixTarget[] {
  const pods = lab.pods.map((pod): MatrixTarget => {
    const main = pod.ports[0];
    const proto = main?.protocol ?? 'tcp';
    return { name: podKey(pod), ip: pod.address, port: main?.port ?? apiServerPort, proto };
  });
  const services = lab.services.flatMap((service): MatrixTarget[] => {
    const main = service.ports[0];
    if (main === undefined || service.clusterIp === 'None') return [];
    const name = `service/${podKey(service)}`;
    return [{ name, ip: service.clusterIp, port: main.port, proto: main.protocol }];
  });
  const machines = lab.machines.map(({ name, kind, lanAddress }): MatrixTarget => ({
    name,
    ip: lanAddress,
    port: kind === 'node' ? kubeletPort : 22,
    proto: 'tcp',
  }));
  return [...pods, ...services, ...machines];
}

export function listMatrixFlows(lab: LabDescription): MatrixFlow[] {
  const targets = listTargets(lab);
  return listSources(lab).flatMap((from) =>
    targets
      .filter((target) => target.name !== from)
      .map(({ name, ...address }) => ({ from, to: name, ...address })),
  );
}
