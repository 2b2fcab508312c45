// The ways in and out that the plain matrix leaves out: NodePorts on every node, external addresses, machines by their
// tailnet address, the world outside, large answers, and names asked for from a fixed port. In go a description, out come
// flows from every pod and machine, with a name for what they go to.
import type { LabDescription, LabFlow } from './control.ts';
import { listSources } from './matrix.ts';
import { kubeletPort, podKey } from './plan.ts';
import type { PlannedPort } from './planned.ts';

export interface ServiceFlow extends LabFlow {
  readonly kind: 'nodeport' | 'external' | 'tailnet' | 'outside' | 'large' | 'fixed-port';
  /** What the kind is of: `namespace/service`, a machine, an outsider, `namespace/pod`. */
  readonly to: string;
  /** The machine whose address it goes to, of a NodePort. */
  readonly node?: string;
}

type Target = Omit<ServiceFlow, 'from'>;

/** More than any packet holds, and more than fits into one that is cut to the overlay's size. */
const largeBytes = 20_000;
/** A resolver that always asks from the same port, as some caches do. */
export const fixedDnsPort = 5353;

export function listServiceFlows(lab: LabDescription): ServiceFlow[] {
  const targets = [
    ...lab.services.flatMap((service) => nodePortTargets(lab, service)),
    ...lab.machines.flatMap(tailnetTarget),
    ...lab.outsiders.map(({ name, ip, port, proto }): Target => ({
      kind: 'outside',
      to: name,
      ip,
      port,
      proto,
    })),
    ...lab.pods.flatMap(largeTarget),
    ...lab.services.flatMap(fixedPortTarget),
  ];
  return listSources(lab).flatMap((from) =>
    targets.filter((target) => target.to !== from).map((target) => ({ from, ...target })),
  );
}

function nodePortTargets(lab: LabDescription, service: LabDescription['services'][number]): Target[] {
  const to = podKey(service);
  const nodes = lab.machines.filter((machine) => machine.kind === 'node');
  const port = service.ports[0];
  if (port === undefined) return [];
  const external = (service.externalIps ?? []).map((ip): Target => ({
    kind: 'external',
    to,
    ip,
    port: port.port,
    proto: protoOf(port),
  }));
  const { nodePort } = port;
  if (nodePort === undefined) return external;
  return [
    ...nodes.map(({ name, lanAddress }): Target => ({
      ...{ kind: 'nodeport', to, node: name },
      ...{ ip: lanAddress, port: nodePort, proto: protoOf(port) },
    })),
    ...external,
  ];
}

const protoOf = ({ protocol }: PlannedPort): 'udp' | 'tcp' => protocol;

function tailnetTarget(machine: LabDescription['machines'][number]): Target[] {
  if (machine.tailnetAddress === undefined) return [];
  const port = machine.kind === 'node' ? kubeletPort : 22;
  return [{ kind: 'tailnet', to: machine.name, ip: machine.tailnetAddress, port, proto: 'tcp' }];
}

function largeTarget(pod: LabDescription['pods'][number]): Target[] {
  const port = pod.ports[0];
  if (pod.program !== 'web' || port === undefined) return [];
  const { address: ip } = pod;
  return [{ kind: 'large', to: podKey(pod), ip, port: port.port, proto: 'http', size: largeBytes }];
}

function fixedPortTarget(service: LabDescription['services'][number]): Target[] {
  const port = service.ports.find((candidate) => candidate.protocol === 'udp');
  if (port === undefined) return [];
  const from = { proto: 'udp', sourcePort: fixedDnsPort } as const;
  return [{ kind: 'fixed-port', to: podKey(service), ip: service.clusterIp, port: port.port, ...from }];
}
