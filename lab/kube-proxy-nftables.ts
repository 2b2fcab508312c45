// What kube-proxy 1.36 writes in nftables mode: its own tables `ip kube-proxy` and `ip6 kube-proxy`, as `nft list` prints
// them. In go Services with their ready endpoints, out comes text for `nft -f`, which replaces the tables in one
// transaction (the real one sends differences; what stands in the kernel is the same). Two things differ from iptables
// mode in what a packet meets: a wrong port of a ClusterIP is refused, and a NodePort answers on the node's own address
// only. (kubernetes v1.36.3, pkg/proxy/nftables/proxier.go.)
import { deriveBase32 } from './derived-names.ts';
import type { ProxyNode } from './proxy-node.ts';
import { isExternal, localEndpoints, portName } from './kube-proxy-iptables.ts';
import { baseChains, ipv6Tables } from './kube-proxy-nftables-base.ts';
import type { ProxiedEndpoint, ProxiedPort } from './service-endpoints.ts';

export function renderNftablesProxy(ports: readonly ProxiedPort[], node: ProxyNode): string {
  const served = ports.filter((item) => item.endpoints.length > 0);
  return `add table ip kube-proxy
delete table ip kube-proxy
add table ip6 kube-proxy
delete table ip6 kube-proxy
table ip kube-proxy {
	comment "rules for kube-proxy"
${[...sets(ports, node), ...maps(ports, node), ...served.flatMap(affinitySets)].join('\n')}
${baseChains}
	chain nodeport-endpoints-check {
		ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
	}
	chain service-endpoints-check {
		ip daddr . meta l4proto . th dport vmap @no-endpoint-services
	}
	chain firewall-check {
		ip daddr . meta l4proto . th dport vmap @firewall-ips
	}
${served.flatMap((item) => serviceChains(item, node)).join('\n')}
	chain services {
		ip daddr @cluster-ips ip saddr != ${node.clusterCidr} meta mark set meta mark | 0x00004000 comment "masquerade clusterIP traffic from outside cluster"
		ip daddr . meta l4proto . th dport vmap @service-ips
		ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
	}
	chain masquerading {
		meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random
		ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
	}
	chain cluster-ips-check {
		ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
		ip daddr ${node.serviceCidr} drop comment "Drop traffic to unallocated ClusterIPs"
	}
}
${ipv6Tables}`;
}

function declareSet(
  kind: 'set' | 'map',
  name: string,
  lines: readonly string[],
  elements: readonly string[],
): string {
  const list = [...new Set(elements)];
  const values = list.length === 0 ? [] : [`elements = { ${list.join(', ')} }`];
  return `	${kind} ${name} {\n${[...lines, ...values].map((line) => `\t\t${line}\n`).join('')}	}`;
}

function sets(ports: readonly ProxiedPort[], node: ProxyNode): string[] {
  const hairpins = ports.flatMap((item) =>
    localEndpoints(item, node.name).map(
      ({ address, port }) => `${address} . ${address} . ${item.port.protocol} . ${port}`,
    ),
  );
  return [
    declareSet(
      'set',
      'hairpin-connections',
      ['type ipv4_addr . ipv4_addr . inet_proto . inet_service', 'comment "service hairpin connections"'],
      hairpins,
    ),
    declareSet(
      'set',
      'cluster-ips',
      ['type ipv4_addr', 'comment "Active ClusterIPs"'],
      ports.map((item) => item.clusterIp),
    ),
    declareSet(
      'set',
      'nodeport-ips',
      ['type ipv4_addr', 'comment "IPs that accept NodePort traffic"'],
      [node.lanAddress],
    ),
  ];
}

function maps(ports: readonly ProxiedPort[], node: ProxyNode): string[] {
  const full = 'type ipv4_addr . inet_proto . inet_service : verdict';
  const portOnly = 'type inet_proto . inet_service : verdict';
  const served = ports.filter((item) => item.endpoints.length > 0);
  return [
    declareSet(
      'map',
      'no-endpoint-services',
      [full, 'comment "vmap to drop or reject packets to services with no endpoints"'],
      ports.flatMap((item) => unservedAddresses(item, node)),
    ),
    declareSet(
      'map',
      'no-endpoint-nodeports',
      [portOnly, 'comment "vmap to drop or reject packets to service nodeports with no endpoints"'],
      ports.flatMap((item) => unservedNodePorts(item, node)),
    ),
    declareSet(
      'map',
      'firewall-ips',
      [full, 'comment "destinations that are subject to LoadBalancerSourceRanges"'],
      [],
    ),
    declareSet(
      'map',
      'service-ips',
      [full, 'comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"'],
      served.flatMap((item) => [
        `${key(item, item.clusterIp)} : goto ${chainName('service', item)}`,
        ...item.externalIps.map((address) => `${key(item, address)} : goto ${chainName('external', item)}`),
      ]),
    ),
    declareSet(
      'map',
      'service-nodeports',
      [portOnly, 'comment "NodePort traffic"'],
      served.flatMap((item) =>
        item.nodePort === undefined
          ? []
          : [`${item.port.protocol} . ${item.nodePort} : goto ${chainName('external', item)}`],
      ),
    ),
  ];
}

const key = (item: ProxiedPort, address: string): string =>
  `${address} . ${item.port.protocol} . ${item.port.port}`;

/** What happens to traffic from outside that this node cannot serve; undefined where it can. */
function refusalOf(item: ProxiedPort, node: ProxyNode): string | undefined {
  if (item.endpoints.length === 0) return 'goto reject-chain';
  return item.isExternalLocal && localEndpoints(item, node.name).length === 0 ? 'drop' : undefined;
}

function unservedAddresses(item: ProxiedPort, node: ProxyNode): string[] {
  const refusal = refusalOf(item, node);
  if (refusal === undefined) return [];
  const addresses = [...(item.endpoints.length === 0 ? [item.clusterIp] : []), ...item.externalIps];
  return addresses.map((address) => `${key(item, address)} comment "${portName(item)}" : ${refusal}`);
}

function unservedNodePorts(item: ProxiedPort, node: ProxyNode): string[] {
  const refusal = refusalOf(item, node);
  if (refusal === undefined || item.nodePort === undefined) return [];
  return [`${item.port.protocol} . ${item.nodePort} comment "${portName(item)}" : ${refusal}`];
}

const slashed = (item: ProxiedPort): string =>
  `${item.namespace}/${item.service}/${item.port.protocol}/${item.port.name}`;

const hashed = (text: string): string => `${deriveBase32(text, 8)}-${text}`;

const chainName = (kind: 'service' | 'local' | 'external', item: ProxiedPort): string =>
  `${kind}-${hashed(slashed(item))}`;

const endpointName = (item: ProxiedPort, { address, port }: ProxiedEndpoint): string =>
  hashed(`${slashed(item)}__${address}/${port}`);

function affinitySets(item: ProxiedPort): string[] {
  if (item.affinitySeconds === undefined) return [];
  const lines = ['type ipv4_addr', 'size 65535', 'flags dynamic,timeout', `timeout ${item.affinitySeconds}s`];
  return item.endpoints.map((endpoint) =>
    declareSet('set', `affinity-${endpointName(item, endpoint)}`, lines, []),
  );
}

/** Chains before those that go to them: nft reads from the top. */
function serviceChains(item: ProxiedPort, node: ProxyNode): string[] {
  const service = chainName('service', item);
  const local = localEndpoints(item, node.name);
  const hasLocal = isExternal(item) && item.isExternalLocal && local.length > 0;
  return [
    ...(item.affinitySeconds === undefined ? [] : item.endpoints.map((one) => endpointChain(item, one))),
    declareChain(service, choices(item, item.endpoints)),
    ...(hasLocal ? [declareChain(chainName('local', item), choices(item, local))] : []),
    ...(isExternal(item)
      ? [declareChain(chainName('external', item), externalRules(item, node, hasLocal))]
      : []),
  ];
}

function declareChain(name: string, rules: readonly string[]): string {
  return `	chain ${name} {\n${rules.map((rule) => `\t\t${rule}\n`).join('')}	}`;
}

function choices(item: ProxiedPort, endpoints: readonly ProxiedEndpoint[]): string[] {
  const { protocol } = item.port;
  const draw = `numgen random mod ${endpoints.length}`;
  if (item.affinitySeconds === undefined) {
    const targets = endpoints.map(({ address, port }, at) => `${at} : ${address} . ${port}`);
    return [`meta l4proto ${protocol} dnat ip to ${draw} map { ${targets.join(', ')} }`];
  }
  const goto = (endpoint: ProxiedEndpoint): string => `goto endpoint-${endpointName(item, endpoint)}`;
  return [
    ...endpoints.map((one) => `ip saddr @affinity-${endpointName(item, one)} ${goto(one)}`),
    `${draw} vmap { ${endpoints.map((one, at) => `${at} : ${goto(one)}`).join(', ')} }`,
  ];
}

function endpointChain(item: ProxiedPort, endpoint: ProxiedEndpoint): string {
  const name = endpointName(item, endpoint);
  return declareChain(`endpoint-${name}`, [
    `update @affinity-${name} { ip saddr }`,
    `meta l4proto ${item.port.protocol} dnat to ${endpoint.address}:${endpoint.port}`,
  ]);
}

function externalRules(item: ProxiedPort, node: ProxyNode, hasLocal: boolean): string[] {
  const service = `goto ${chainName('service', item)}`;
  if (!item.isExternalLocal) return ['meta mark set meta mark | 0x00004000 comment "masquerade"', service];
  return [
    `ip saddr ${node.clusterCidr} ${service} comment "short-circuit pod traffic"`,
    'fib saddr type local meta mark set meta mark | 0x00004000 comment "masquerade local traffic"',
    `fib saddr type local ${service} comment "short-circuit local traffic"`,
    ...(hasLocal ? [`goto ${chainName('local', item)}`] : []),
  ];
}
