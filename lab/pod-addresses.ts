// Nodes that show their pods' addresses to the LAN instead of masquerading: what flannel's rule would do is returned from
// before it, as an administrator does who wants to see in a log who asked.
import { changeMachine } from './fault.ts';
import type { FaultGround } from './fault.ts';

export async function showPodAddresses(ground: FaultGround): Promise<void> {
  const { plan } = ground;
  const rule = `-s ${plan.options.clusterCidr} -d ${plan.lan.prefix} -m comment --comment "the LAN sees pods" -j RETURN`;
  await Promise.all(
    plan.nodes.map((node) =>
      changeMachine(ground, node.name, [`iptables -t nat -I FLANNEL-POSTRTG 1 ${rule}`]),
    ),
  );
}
