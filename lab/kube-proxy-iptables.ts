// What kube-proxy 1.36 writes in iptables mode: the same chains in the same order with the same comments, as
// iptables-save prints them. In go Services with their ready endpoints, out come the chains and rules of one node, and the
// text that changes them when endpoints change. (kubernetes v1.36.3, pkg/proxy/iptables/proxier.go.)
import { deriveChainName } from './derived-names.ts';
import type { ProxyNode } from './proxy-node.ts';
import type { ProxiedEndpoint, ProxiedPort } from './service-endpoints.ts';
import { comment, declareChain } from './table-text.ts';
import type { TableText } from './table-text.ts';

export const filterChains = [
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FORWARD',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-CANARY',
  'KUBE-PROXY-FIREWALL',
  'KUBE-SERVICES',
];
const natChains = [
  'KUBE-MARK-MASQ',
  'KUBE-NODEPORTS',
  'KUBE-POSTROUTING',
  'KUBE-PROXY-CANARY',
  'KUBE-SERVICES',
];

const newOnly = '-m conntrack --ctstate NEW ';

export const filterJumps = [
  `-A INPUT ${newOnly}${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`,
  `-A INPUT ${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS`,
  `-A INPUT ${newOnly}${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
  `-A FORWARD ${newOnly}${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`,
  `-A FORWARD ${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`,
  `-A FORWARD ${newOnly}${comment('kubernetes service portals')} -j KUBE-SERVICES`,
  `-A FORWARD ${newOnly}${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
  `-A OUTPUT ${newOnly}${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`,
  `-A OUTPUT ${newOnly}${comment('kubernetes service portals')} -j KUBE-SERVICES`,
];
export const natJumps = [
  `-A PREROUTING ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
  `-A OUTPUT ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
  `-A POSTROUTING ${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
];

export const forwardRules = [
  '-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name  ct_state_invalid_dropped_pkts -j DROP',
  `-A KUBE-FORWARD ${comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
  `-A KUBE-FORWARD ${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
];

export const masqueradeRules = [
  '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
  '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
  '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
  `-A KUBE-POSTROUTING ${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
];

const lastEntry = (exceptLoopback: string): string =>
  `-A KUBE-SERVICES ${exceptLoopback}${comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain')} -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS`;

export function renderIptablesProxy(
  ports: readonly ProxiedPort[],
  node: ProxyNode,
): { readonly filter: TableText; readonly nat: TableText } {
  return {
    filter: { chains: filterChains, rules: [...forwardRules, ...refusals(ports, node)] },
    nat: {
      chains: [...natChains, ...serviceChains(ports, node)],
      rules: [...masqueradeRules, ...serviceRules(ports, node)],
    },
  };
}

/** An IPv4 cluster's IPv6 tables: everything but Services. */
export function renderIptablesProxy6(): { readonly filter: TableText; readonly nat: TableText } {
  return {
    filter: { chains: filterChains, rules: forwardRules },
    nat: { chains: natChains, rules: [...masqueradeRules, lastEntry('! -d ::1/128 ')] },
  };
}

/**
 * What kube-proxy rewrites when endpoints change, for `iptables-restore --noflush`. Declaring a chain empties it, so the
 * jumps of the built-in chains, Tailscale's among them, stay as they are. Chains of endpoints that are gone are deleted.
 */
export function renderIptablesUpdate(
  before: readonly ProxiedPort[],
  after: readonly ProxiedPort[],
  node: ProxyNode,
): string {
  const kept = new Set(serviceChains(after, node));
  const gone = serviceChains(before, node).filter((chain) => !kept.has(chain));
  return [
    '*filter',
    ...['KUBE-SERVICES', 'KUBE-EXTERNAL-SERVICES'].map(declareChain),
    ...refusals(after, node),
    'COMMIT',
    '*nat',
    ...['KUBE-SERVICES', 'KUBE-NODEPORTS', ...kept, ...gone].map(declareChain),
    ...serviceRules(after, node),
    ...gone.map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n');
}

export const portName = (item: ProxiedPort): string => `${item.namespace}/${item.service}:${item.port.name}`;

const chainOf = (kind: 'SVC' | 'SVL' | 'EXT', item: ProxiedPort): string =>
  deriveChainName(`KUBE-${kind}-`, portName(item) + item.port.protocol);

const endpointChain = (item: ProxiedPort, endpoint: ProxiedEndpoint): string =>
  deriveChainName('KUBE-SEP-', portName(item) + item.port.protocol + formatEndpoint(endpoint));

export const formatEndpoint = ({ address, port }: ProxiedEndpoint): string => `${address}:${port}`;

export const isExternal = (item: ProxiedPort): boolean =>
  item.nodePort !== undefined || item.externalIps.length > 0;

/** Those that traffic from outside may use on this node. */
export function localEndpoints(item: ProxiedPort, node: string): readonly ProxiedEndpoint[] {
  return item.endpoints.filter((endpoint) => endpoint.node === node);
}

const hasLocalChain = (item: ProxiedPort, node: ProxyNode): boolean =>
  isExternal(item) && item.isExternalLocal && localEndpoints(item, node.name).length > 0;

function serviceChains(ports: readonly ProxiedPort[], node: ProxyNode): string[] {
  return ports
    .filter((item) => item.endpoints.length > 0)
    .flatMap((item) => [
      chainOf('SVC', item),
      ...(hasLocalChain(item, node) ? [chainOf('SVL', item)] : []),
      ...(isExternal(item) ? [chainOf('EXT', item)] : []),
      ...item.endpoints.map((endpoint) => endpointChain(item, endpoint)),
    ]);
}

function matchAddress(item: ProxiedPort, address: string, text: string): string {
  const { protocol, port } = item.port;
  return `-d ${address}/32 -p ${protocol} ${comment(`${portName(item)} ${text}`)} -m ${protocol} --dport ${port}`;
}

/**
 * A port that nobody serves is refused, not lost: the packet is answered in the filter table and has no chain in nat. One
 * that only other nodes serve, under a Local policy, is dropped: the balancer in front must not take it for a closed port.
 */
function refusals(ports: readonly ProxiedPort[], node: ProxyNode): string[] {
  return ports.flatMap((item) => {
    if (item.endpoints.length > 0) {
      const isServed = !item.isExternalLocal || localEndpoints(item, node.name).length > 0;
      return isServed ? [] : externalRefusals(item, 'has no local endpoints', 'DROP');
    }
    const reject = 'REJECT --reject-with icmp-port-unreachable';
    const own = `-A KUBE-SERVICES ${matchAddress(item, item.clusterIp, 'has no endpoints')} -j ${reject}`;
    return [own, ...externalRefusals(item, 'has no endpoints', reject)];
  });
}

function externalRefusals(item: ProxiedPort, text: string, target: string): string[] {
  const { protocol } = item.port;
  const name = comment(`${portName(item)} ${text}`);
  const external = item.externalIps.map(
    (address) => `-A KUBE-EXTERNAL-SERVICES ${matchAddress(item, address, text)} -j ${target}`,
  );
  if (item.nodePort === undefined) return external;
  return [
    ...external,
    `-A KUBE-EXTERNAL-SERVICES -p ${protocol} ${name} -m addrtype --dst-type LOCAL -m ${protocol} --dport ${item.nodePort} -j ${target}`,
  ];
}

function serviceRules(ports: readonly ProxiedPort[], node: ProxyNode): string[] {
  const served = ports.filter((item) => item.endpoints.length > 0);
  const entries = served.flatMap((item) => [
    `-A KUBE-SERVICES ${matchAddress(item, item.clusterIp, 'cluster IP')} -j ${chainOf('SVC', item)}`,
    ...item.externalIps.map(
      (address) =>
        `-A KUBE-SERVICES ${matchAddress(item, address, 'external IP')} -j ${chainOf('EXT', item)}`,
    ),
  ]);
  return [
    ...served.flatMap(nodePortRules),
    ...entries,
    lastEntry(''),
    ...served.flatMap((item) => [
      ...externalRules(item, node),
      ...choiceRules(item, node),
      ...item.endpoints.flatMap((endpoint) => endpointRules(item, endpoint)),
    ]),
  ];
}

/** The first of the two only counts who still uses 127.0.0.1, so that it can be given up one day. */
function nodePortRules(item: ProxiedPort): string[] {
  if (item.nodePort === undefined) return [];
  const { protocol } = item.port;
  const match = `-p ${protocol} ${comment(portName(item))} -m ${protocol} --dport ${item.nodePort}`;
  const jump = `-j ${chainOf('EXT', item)}`;
  return [
    `-A KUBE-NODEPORTS -d 127.0.0.0/8 ${match} -m nfacct --nfacct-name  localhost_nps_accepted_pkts ${jump}`,
    `-A KUBE-NODEPORTS ${match} ${jump}`,
  ];
}

function externalRules(item: ProxiedPort, node: ProxyNode): string[] {
  if (!isExternal(item)) return [];
  const chain = `-A ${chainOf('EXT', item)}`;
  const all = `-j ${chainOf('SVC', item)}`;
  const text = `${portName(item)} external destinations`;
  if (!item.isExternalLocal)
    return [`${chain} ${comment(`masquerade traffic for ${text}`)} -j KUBE-MARK-MASQ`, `${chain} ${all}`];
  const fromNode = '-m addrtype --src-type LOCAL';
  return [
    `${chain} -s ${node.clusterCidr} ${comment(`pod traffic for ${text}`)} ${all}`,
    `${chain} ${comment(`masquerade LOCAL traffic for ${text}`)} ${fromNode} -j KUBE-MARK-MASQ`,
    `${chain} ${comment(`route LOCAL traffic for ${text}`)} ${fromNode} ${all}`,
    ...(hasLocalChain(item, node) ? [`${chain} -j ${chainOf('SVL', item)}`] : []),
  ];
}

function choiceRules(item: ProxiedPort, node: ProxyNode): string[] {
  const chain = chainOf('SVC', item);
  const masquerade = `-A ${chain} ! -s ${node.clusterCidr} ${matchAddress(item, item.clusterIp, 'cluster IP')} -j KUBE-MARK-MASQ`;
  const local = hasLocalChain(item, node)
    ? drawRules(item, chainOf('SVL', item), localEndpoints(item, node.name))
    : [];
  return [masquerade, ...drawRules(item, chain, item.endpoints), ...local];
}

function drawRules(item: ProxiedPort, chain: string, endpoints: readonly ProxiedEndpoint[]): string[] {
  const jump = (endpoint: ProxiedEndpoint, match: string): string =>
    `-A ${chain} ${comment(`${portName(item)} -> ${formatEndpoint(endpoint)}`)}${match} -j ${endpointChain(item, endpoint)}`;
  const remembered =
    item.affinitySeconds === undefined
      ? []
      : endpoints.map((endpoint) =>
          jump(
            endpoint,
            ` -m recent --rcheck --seconds ${String(item.affinitySeconds)} --reap ${recentList(item, endpoint)}`,
          ),
        );
  const drawn = endpoints.map((endpoint, at) => {
    const remaining = endpoints.length - at;
    const chance = (1 / remaining).toFixed(11);
    return jump(endpoint, remaining > 1 ? ` -m statistic --mode random --probability ${chance}` : '');
  });
  return [...remembered, ...drawn];
}

const recentList = (item: ProxiedPort, endpoint: ProxiedEndpoint): string =>
  `--name ${endpointChain(item, endpoint)} --mask 255.255.255.255 --rsource`;

function endpointRules(item: ProxiedPort, endpoint: ProxiedEndpoint): string[] {
  const own = `-A ${endpointChain(item, endpoint)}`;
  const name = comment(portName(item));
  const { protocol } = item.port;
  const remember = item.affinitySeconds === undefined ? '' : ` -m recent --set ${recentList(item, endpoint)}`;
  return [
    `${own} -s ${endpoint.address}/32 ${name} -j KUBE-MARK-MASQ`,
    `${own} -p ${protocol} ${name}${remember} -m ${protocol} -j DNAT --to-destination ${formatEndpoint(endpoint)}`,
  ];
}
