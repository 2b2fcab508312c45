// One node's kube-proxy: what its rules depend on beside the Services. In go the plan and the node.
import type { LabPlan, PlannedNode } from './planned.ts';

export interface ProxyNode {
  readonly name: string;
  /** What `--nodeport-addresses primary` stands for in nftables mode. */
  readonly lanAddress: string;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
}

export function proxyNode(plan: LabPlan, node: PlannedNode): ProxyNode {
  const { clusterCidr, serviceCidr } = plan.options;
  return { name: node.name, lanAddress: node.lanAddress, clusterCidr, serviceCidr };
}
