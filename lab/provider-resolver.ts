// A name server of the provider's, which the nodes' resolv.conf names and which has an address of 100.64.0.0/10. It is the
// LAN's other machine under a second address: it answers queries, and the nodes have a route to it.
import { startMachineAgent } from './agent.ts';
import { changeMachine } from './fault.ts';
import type { FaultGround } from './fault.ts';
import type { PlannedOutsider } from './planned.ts';
import { clusterDomain } from './pod-files.ts';

/** As Alibaba Cloud's is. */
export const cgnatResolver = {
  name: 'provider-dns',
  ip: '100.100.2.136',
  port: 53,
  proto: 'udp',
} as const satisfies PlannedOutsider;

export async function useProviderResolver(ground: FaultGround, address: string): Promise<void> {
  const host = ground.plan.hosts[0];
  if (host === undefined)
    throw new Error('this fault needs a machine beside the nodes, which the lab has not');
  await changeMachine(ground, host.name, [`ip addr add ${address}/32 dev lo`]);
  const machine = ground.machines.get(host.name);
  const listeners = [{ kind: 'dns', port: 53, address }] as const;
  if (machine !== undefined)
    await startMachineAgent(machine, { name: 'provider', listeners, clusterDomain }).listening;
  await Promise.all(
    ground.plan.nodes.map((node) =>
      changeMachine(ground, node.name, [
        `ip route add ${address}/32 via ${host.lanAddress} dev eth0`,
        `echo 'nameserver ${address}' >/etc/resolv.conf`,
      ]),
    ),
  );
}
