// Changes of plan that several faults share: who runs which part of k3s, and how. In goes a plan, out comes the changed one.
import { findNode } from './plan.ts';
import type { LabPlan, PlannedNode, PlannedPolicy } from './planned.ts';

export function changeNode(plan: LabPlan, name: string, change: (node: PlannedNode) => PlannedNode): LabPlan {
  const chosen = findNode(plan, name);
  return { ...plan, nodes: plan.nodes.map((node) => (node === chosen ? change(node) : node)) };
}

/** k3s with --disable-network-policy: its controller's chains would accept what a policy of DROP drops. */
export function withoutPolicyController(plan: LabPlan): LabPlan {
  return { ...plan, hasPolicyController: false };
}

/** flanneld with --iptables-forward-rules=false. */
export function withoutForwardRules(plan: LabPlan, node: string): LabPlan {
  return changeNode(plan, node, (before) => ({
    ...before,
    flannel: { ...before.flannel, acceptsForwarded: false },
  }));
}

export function addPolicies(plan: LabPlan, ...policies: readonly PlannedPolicy[]): LabPlan {
  return { ...plan, policies: [...plan.policies, ...policies] };
}

/** The database lets in nobody but the application. */
export const onlyApplicationToDatabase: PlannedPolicy = {
  namespace: 'swimto',
  name: 'postgres-only-from-api',
  selector: { app: 'postgres' },
  ingress: [
    {
      peers: [{ namespace: 'swimto', labels: { app: 'api' } }],
      ports: [{ protocol: 'tcp', port: 5432 }],
    },
  ],
};

/** A second network card, on a network of its own that all second cards share. */
export function addCard(node: PlannedNode): PlannedNode {
  return { ...node, secondLan: { device: 'eth1', address: `192.168.60.${10 + node.index}`, length: 24 } };
}
