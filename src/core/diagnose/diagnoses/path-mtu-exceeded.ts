// Symptom  Small answers arrive, large ones hang: a TLS handshake stops, a download freezes, ping works.
// Cause    Packets are larger than a device on the way takes, and whoever sends them is not told.
// Known by Sending smaller packets (and nothing else) makes the failing flows arrive.
// Repair   The pod network's devices get the size that fits, in the CNI's configuration; or segments are clamped.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { elementOfChange } from '../element-of-change.ts';
import { quoteFirst } from './filter-changes.ts';
import type { Change } from '../../snapshot/change.ts';

export const pathMtuExceeded: CatalogueEntry = {
  text: {
    code: 'path-mtu-exceeded',
    layer: 'encap-mtu',
    title: 'Packets are larger than their way takes',
    meaning:
      'A tunnel adds its headers to every packet (VXLAN 50 bytes, WireGuard 60 to 80), so the devices that lead into it must be smaller than what carries it. Where they are not, and nobody tells the sender (its packets may not be cut, ICMP is filtered, the bridge sends none), small packets arrive and large ones vanish: connections open, and hang with the first large answer.',
    howProved:
      'Full-sized packets of the failing flows do not fit into a device on their way, and smaller ones arrive on the model.',
    byHand: [
      'The sizes along the way, and the largest packet that gets through:',
      '$ ip -d link',
      '$ ping -M do -s 1422 10.42.2.10',
      'Let the pod network’s devices be smaller (VXLAN over a network of 1500: 1450), and pods be made anew:',
      '$ ip link set flannel.1 mtu 1450 && ip link set cni0 mtu 1450',
      'Or let connections agree on smaller segments where they enter the narrow device:',
      '$ iptables -t mangle -A FORWARD -o tailscale0 -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu',
    ],
    sources: [
      'flannel 0.28, pkg/backend/vxlan/vxlan.go (MTU of the carrying device less 50, less 70 over IPv6)',
      'tailscale 1.102, net/tstun (1280); tailscale/tailscale#19812, #13086',
      'Linux 6.12, net/ipv4/ip_forward.c (fragmentation needed), net/bridge/br_forward.c (too large: dropped)',
    ],
  },
  name: (group, world) => {
    const sized = group.changes.filter((change) => change.kind === 'set-mtu');
    if (sized.length !== group.changes.length && !group.changes.every(isClamp)) return undefined;
    // A machine's own devices stand for those of its pods, which follow them.
    const shown = group.changes.filter(
      (change) => !('namespace' in change) || !change.namespace.startsWith('pod/'),
    );
    const changes = shown.length > 0 ? shown : group.changes;
    const elements = changes.map((change) => elementOfChange(change, world));
    const nodes = joinNames([...new Set(group.namespaces.filter((id) => !id.startsWith('pod/')))]);
    const where = nodes === '' ? joinNames(group.namespaces) : nodes;
    const what = sized.length > 0 ? 'Packets that pods send' : 'Packets that are sent on';
    return {
      code: 'path-mtu-exceeded',
      layer: 'encap-mtu',
      title: `${what} on ${where} are larger than their way takes.`,
      explanation: `${quoteFirst(elements)}: full-sized packets from there do not fit into what carries them, and vanish. Small packets arrive, so connections open and then hang.`,
      subjects: nodes === '' ? group.namespaces : group.namespaces.filter((id) => !id.startsWith('pod/')),
      elements,
    };
  },
};

function isClamp(change: Change): boolean {
  return change.kind === 'insert-filter-rule' && change.text.includes('TCPMSS');
}
