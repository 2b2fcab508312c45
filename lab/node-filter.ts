// The packet filter of a k3s node: what kubelet, kube-proxy, the network policy controller and flannel write, together and
// in the order in which they stand. In go the plan, the node and the Services' ports, out comes a shell script that runs
// once on a node without any rules. Tailscale comes later and writes its own.
import { forwardJump, postroutingJump, renderForwarding, renderMasquerade } from './flannel-rules.ts';
import { firstJumps, lastRules, renderPolicies } from './kube-router.ts';
import { countersScript, restoreCommand } from './kube-proxy.ts';
import { filterJumps, natJumps, renderIptablesProxy, renderIptablesProxy6 } from './kube-proxy-iptables.ts';
import { renderNftablesProxy } from './kube-proxy-nftables.ts';
import type { LabPlan, PlannedNode } from './planned.ts';
import { proxyNode } from './proxy-node.ts';
import type { ProxiedPort } from './service-endpoints.ts';
import { comment, formatTable } from './table-text.ts';
import type { TableText } from './table-text.ts';

export function packetFilterScript(plan: LabPlan, node: PlannedNode, ports: readonly ProxiedPort[]): string {
  const isNftables = plan.options.proxy === 'nftables';
  const policies = renderPolicies(plan, node.name);
  const proxyText = isNftables ? renderNftablesProxy(ports, proxyNode(plan, node)) : '';
  return [
    ...(isNftables ? [] : [countersScript]),
    feed('ipset restore', plan.hasPolicyController ? policies.sets : ''),
    feed(restoreCommand('iptables-restore'), renderTables(plan, node, ports)),
    feed(restoreCommand('ip6tables-restore'), renderTables6(plan)),
    feed('nft -f -', proxyText),
  ].join('\n');
}

/** All of a node's IPv4 tables. */
export function renderTables(plan: LabPlan, node: PlannedNode, ports: readonly ProxiedPort[]): string {
  const { clusterCidr, proxy } = plan.options;
  const written = proxy === 'iptables' ? renderIptablesProxy(ports, proxyNode(plan, node)) : undefined;
  const masquerade = renderMasquerade(clusterCidr, node.podCidr);
  const accepts = node.flannel.acceptsForwarded !== false;
  const nat = { chains: [], rules: [...(written === undefined ? [] : natJumps), postroutingJump] };
  return [
    formatTable('mangle', { chains: written === undefined ? [] : ['KUBE-PROXY-CANARY'], rules: [] }),
    formatTable(
      'filter',
      {
        chains: [],
        rules: [
          ...(plan.hasPolicyController ? firstJumps : []),
          ...kubeletJumps,
          ...(written === undefined ? [] : filterJumps),
          ...(plan.hasPolicyController ? lastRules : []),
          ...(accepts ? [forwardJump] : []),
        ],
      },
      ...(accepts ? [renderForwarding(clusterCidr)] : []),
      kubeletChain,
      ...(written === undefined ? [] : [written.filter]),
      ...(plan.hasPolicyController ? [renderPolicies(plan, node.name).filter] : []),
    ),
    formatTable('nat', nat, masquerade, ...(written === undefined ? [] : [written.nat])),
  ].join('');
}

export function renderTables6({ options }: LabPlan): string {
  const chain: TableText = { chains: ['KUBE-FIREWALL'], rules: [] };
  if (options.proxy === 'nftables') return formatTable('filter', { chains: [], rules: kubeletJumps }, chain);
  const { filter, nat } = renderIptablesProxy6();
  return [
    formatTable('mangle', { chains: ['KUBE-PROXY-CANARY'], rules: [] }),
    formatTable('filter', { chains: [], rules: [...kubeletJumps, ...filterJumps] }, chain, filter),
    formatTable('nat', { chains: [], rules: natJumps }, nat),
  ].join('');
}

const kubeletJumps = ['-A INPUT -j KUBE-FIREWALL', '-A OUTPUT -j KUBE-FIREWALL'];

/** Nobody from outside reaches what listens on 127.0.0.1, although route_localnet is on. */
const kubeletChain: TableText = {
  chains: ['KUBE-FIREWALL'],
  rules: [
    `-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 ${comment('block incoming localnet connections')} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
  ],
};

function feed(command: string, text: string): string {
  return text === '' ? ':' : `{ ${command}; } <<'END-OF-RULES'\n${text}END-OF-RULES`;
}
