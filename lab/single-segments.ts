// Between namespaces a large write crosses every device in one piece, cut by nobody, and no MTU is ever met. Real cards cut
// it. In go the lab's machines; after this every pod and node sends segments that are packets of their own.
import { changeMachine } from './fault.ts';
import type { FaultGround } from './fault.ts';
import { podNetns, podsOn } from './plan.ts';

export async function sendSingleSegments(ground: FaultGround): Promise<void> {
  await Promise.all(
    ground.plan.nodes.map((node) =>
      changeMachine(ground, node.name, [
        ...['eth0', 'cni0', 'flannel.1'].map((device) => `ip link set ${device} gso_max_segs 1`),
        ...podsOn(ground.plan, node.name).map((pod) => `ip -n ${podNetns(pod)} link set eth0 gso_max_segs 1`),
      ]),
    ),
  );
}
