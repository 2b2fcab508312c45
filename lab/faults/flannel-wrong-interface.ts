// flannel on one node took the wrong network card.
import { findNode } from '../plan.ts';
import type { PlannedNode } from '../planned.ts';
import type { LabFault } from '../fault.ts';

export const flannelWrongInterface: LabFault = {
  name: 'flannel-wrong-interface',
  title: 'flannel on node-2 is bound to a network card that the other nodes cannot reach',
  description:
    'node-2 has a second card, on a network of its own for storage. flannel took that one: it announces an address that the others have no way to, and binds its device to the wrong card.',
  expected: [{ code: 'flannel-wrong-interface', layer: 'kernel-route', subjects: ['node/node-2'] }],
  changePlan: (plan) => {
    const chosen = findNode(plan, 'node-2');
    return { ...plan, nodes: plan.nodes.map((node) => (node === chosen ? addStorageCard(node) : node)) };
  },
};

function addStorageCard(node: PlannedNode): PlannedNode {
  const secondLan = { device: 'eth1', address: `192.168.60.${10 + node.index}`, length: 24 };
  return { ...node, secondLan, flannel: { device: secondLan.device, publicIp: secondLan.address } };
}
