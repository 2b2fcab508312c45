// Symptom  Pods reach pods of their own node and none of others; the overlay's device counts what it sends and receives nothing.
// Cause    A firewall on a node does not let the overlay's outer packets in or out.
// Known by Letting them pass (and nothing else) makes the failing flows arrive.
// Repair   Open the overlay's port between the nodes, in the firewall's own configuration.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { listDroppedPackets } from '../dropped-packets.ts';
import type { DroppedPacket } from '../dropped-packets.ts';
import { filterElements, ownerWords, quoteFirst } from './filter-changes.ts';
import { isVerdictCause } from './verdict-cause.ts';

export const hostFirewallDropsOverlay: CatalogueEntry = {
  text: {
    code: 'host-firewall-drops-overlay',
    layer: 'netfilter',
    title: 'A firewall on a node drops the packets that carry the pod network',
    meaning:
      'Between nodes, pods’ packets travel inside others: VXLAN on UDP 8472 (flannel) or 4789, WireGuard on UDP 51820, the tailnet’s on UDP 41641. A firewall that does not let that port pass cuts every pod off from the pods of other nodes, while everything on one node works and the nodes reach each other.',
    howProved:
      'The outer packets of the failing flows end at this rule or policy, and letting them pass alone makes the flows arrive on the model, both ways.',
    byHand: [
      'Does the policy or the rule count packets, and does the overlay receive any?',
      '$ iptables -nvL INPUT',
      '$ ip -s link show flannel.1',
      'Open the port between the nodes, in the firewall’s own way:',
      '$ ufw allow proto udp from 192.168.1.0/24 to any port 8472',
      '$ firewall-cmd --permanent --add-port=8472/udp && firewall-cmd --reload',
    ],
    sources: [
      'flannel 0.28, Documentation/backends.md (ports)',
      'k3s documentation, Requirements: Networking (8472/udp, 51820/udp)',
    ],
  },
  name: (group, world) => {
    const packets = listDroppedPackets(group);
    if (!isVerdictCause(group) || packets.length === 0 || !packets.every(carriesOthers)) return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    const owner = ownerWords(group, world);
    const ports = joinWords(packets.map(({ packet }) => `${packet.protocol} ${packet.destinationPort}`));
    return {
      code: 'host-firewall-drops-overlay',
      layer: 'netfilter',
      title: `${capitalise(owner)} on ${nodes} drops the pod network's packets (${ports}).`,
      explanation: `Packets between pods of different nodes travel as ${ports} between the nodes. On ${nodes} they end at ${quoteFirst(elements)}, so pods there reach no pod of another node, and are reached by none.`,
      subjects: group.namespaces,
      elements,
    };
  },
};

/** Ports of overlays: flannel's VXLAN, VXLAN as registered, WireGuard for IPv4 and IPv6, tailscaled. */
const overlayPorts: readonly number[] = [8472, 4789, 51820, 51821, 41641];

function carriesOthers({ packet, isOuter }: DroppedPacket): boolean {
  return isOuter || (packet.protocol === 'udp' && overlayPorts.includes(packet.destinationPort));
}

export function capitalise(text: string): string {
  // Programs that write themselves small keep it.
  return text.startsWith('the ') ? `T${text.slice(1)}` : text;
}
