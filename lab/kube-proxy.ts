// What kube-proxy 1.36 in iptables mode and flannel 0.28.9 write, as text for iptables-restore: the same chains, in the
// same order, with the same comments. In go Services with their ready endpoints, out come the tables of one node.
// Left out: the nfacct match (kube-proxy leaves it out too where the kernel has no such counter), NodePorts and the
// IPv6 tables, which an IPv4 cluster of ClusterIPs does not need.
import { deriveChainName } from './derived-names.ts';
import type { PlannedPort } from './planned.ts';

export interface ProxiedPort {
  readonly namespace: string;
  readonly service: string;
  readonly clusterIp: string;
  readonly port: PlannedPort;
  /** `address:port` of each ready endpoint. */
  readonly endpoints: readonly string[];
}

const filterChains = [
  'FLANNEL-FWD',
  'KUBE-EXTERNAL-SERVICES',
  'KUBE-FIREWALL',
  'KUBE-FORWARD',
  'KUBE-NODEPORTS',
  'KUBE-PROXY-CANARY',
  'KUBE-PROXY-FIREWALL',
  'KUBE-SERVICES',
];
const natChains = [
  'FLANNEL-POSTRTG',
  'KUBE-MARK-MASQ',
  'KUBE-NODEPORTS',
  'KUBE-POSTROUTING',
  'KUBE-PROXY-CANARY',
  'KUBE-SERVICES',
];
const comment = (text: string): string => `-m comment --comment "${text}"`;

const filterJumps = [
  '-A INPUT -j KUBE-FIREWALL',
  `-A INPUT -m conntrack --ctstate NEW ${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`,
  `-A INPUT ${comment('kubernetes health check service ports')} -j KUBE-NODEPORTS`,
  `-A INPUT -m conntrack --ctstate NEW ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
  `-A FORWARD -m conntrack --ctstate NEW ${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`,
  `-A FORWARD ${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`,
  `-A FORWARD -m conntrack --ctstate NEW ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
  `-A FORWARD -m conntrack --ctstate NEW ${comment('kubernetes externally-visible service portals')} -j KUBE-EXTERNAL-SERVICES`,
  `-A FORWARD ${comment('flanneld forward')} -j FLANNEL-FWD`,
  '-A OUTPUT -j KUBE-FIREWALL',
  `-A OUTPUT -m conntrack --ctstate NEW ${comment('kubernetes load balancer firewall')} -j KUBE-PROXY-FIREWALL`,
  `-A OUTPUT -m conntrack --ctstate NEW ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
];
const natJumps = [
  `-A PREROUTING ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
  `-A OUTPUT ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
  `-A POSTROUTING ${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
  `-A POSTROUTING ${comment('flanneld masq')} -j FLANNEL-POSTRTG`,
];

/** All of a node's tables, for one `iptables-restore` on a node that has none yet. */
export function renderTables(ports: readonly ProxiedPort[], clusterCidr: string, podCidr: string): string {
  return [
    '*mangle',
    ':KUBE-PROXY-CANARY - [0:0]',
    'COMMIT',
    '*filter',
    ...filterChains.map(declareChain),
    ...filterJumps,
    ...flannelFilterRules(clusterCidr),
    ...staticFilterRules,
    ...rejectRules(ports),
    'COMMIT',
    '*nat',
    ...[...natChains, ...serviceChains(ports)].map(declareChain),
    ...natJumps,
    ...flannelNatRules(clusterCidr, podCidr),
    ...staticNatRules,
    ...serviceRules(ports, clusterCidr),
    'COMMIT',
    '',
  ].join('\n');
}

/**
 * What kube-proxy rewrites when endpoints change, for `iptables-restore --noflush`. Declaring a chain empties it, so the
 * jumps of the built-in chains, Tailscale's among them, stay as they are. Chains of endpoints that are gone are deleted.
 */
export function renderServiceUpdate(
  before: readonly ProxiedPort[],
  after: readonly ProxiedPort[],
  clusterCidr: string,
): string {
  const kept = new Set(serviceChains(after));
  const gone = serviceChains(before).filter((chain) => !kept.has(chain));
  return [
    '*filter',
    declareChain('KUBE-SERVICES'),
    ...rejectRules(after),
    'COMMIT',
    '*nat',
    ...['KUBE-SERVICES', ...kept, ...gone].map(declareChain),
    ...serviceRules(after, clusterCidr),
    ...gone.map((chain) => `-X ${chain}`),
    'COMMIT',
    '',
  ].join('\n');
}

const declareChain = (chain: string): string => `:${chain} - [0:0]`;

const staticFilterRules = [
  `-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 ${comment('block incoming localnet connections')} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
  '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
  `-A KUBE-FORWARD ${comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
  `-A KUBE-FORWARD ${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
];

const staticNatRules = [
  '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
  '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
  '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
  `-A KUBE-POSTROUTING ${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
];

function flannelFilterRules(clusterCidr: string): string[] {
  const suffix = `${comment('flanneld forward')} -j ACCEPT`;
  return [`-A FLANNEL-FWD -s ${clusterCidr} ${suffix}`, `-A FLANNEL-FWD -d ${clusterCidr} ${suffix}`];
}

function flannelNatRules(clusterCidr: string, podCidr: string): string[] {
  const masq = comment('flanneld masq');
  return [
    `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${podCidr} -d ${clusterCidr} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${clusterCidr} -d ${podCidr} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${clusterCidr} -d ${podCidr} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${clusterCidr} ! -d 224.0.0.0/4 ${masq} -j MASQUERADE --random-fully`,
    `-A FLANNEL-POSTRTG ! -s ${clusterCidr} -d ${clusterCidr} ${masq} -j MASQUERADE --random-fully`,
  ];
}

const portName = (item: ProxiedPort): string => `${item.namespace}/${item.service}:${item.port.name}`;

const serviceChain = (item: ProxiedPort): string =>
  deriveChainName('KUBE-SVC-', portName(item) + item.port.protocol);

const endpointChain = (item: ProxiedPort, endpoint: string): string =>
  deriveChainName('KUBE-SEP-', portName(item) + item.port.protocol + endpoint);

function serviceChains(ports: readonly ProxiedPort[]): string[] {
  return ports
    .filter((item) => item.endpoints.length > 0)
    .flatMap((item) => [
      serviceChain(item),
      ...item.endpoints.map((endpoint) => endpointChain(item, endpoint)),
    ]);
}

function matchClusterIp(item: ProxiedPort, text: string): string {
  const { protocol, port } = item.port;
  return `-d ${item.clusterIp}/32 -p ${protocol} ${comment(text)} -m ${protocol} --dport ${port}`;
}

/** A port that nobody serves is refused, not lost: the packet is answered in the filter table and has no chain in nat. */
function rejectRules(ports: readonly ProxiedPort[]): string[] {
  return ports
    .filter((item) => item.endpoints.length === 0)
    .map(
      (item) =>
        `-A KUBE-SERVICES ${matchClusterIp(item, `${portName(item)} has no endpoints`)} -j REJECT --reject-with icmp-port-unreachable`,
    );
}

function serviceRules(ports: readonly ProxiedPort[], clusterCidr: string): string[] {
  const served = ports.filter((item) => item.endpoints.length > 0);
  const entries = served.map(
    (item) =>
      `-A KUBE-SERVICES ${matchClusterIp(item, `${portName(item)} cluster IP`)} -j ${serviceChain(item)}`,
  );
  const last =
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS';
  return [...entries, last, ...served.flatMap((item) => chainRules(item, clusterCidr))];
}

function chainRules(item: ProxiedPort, clusterCidr: string): string[] {
  const chain = serviceChain(item);
  const name = portName(item);
  const { protocol } = item.port;
  const masquerade = `-A ${chain} ! -s ${clusterCidr} ${matchClusterIp(item, `${name} cluster IP`)} -j KUBE-MARK-MASQ`;
  const choices = item.endpoints.map((endpoint, at) => {
    const remaining = item.endpoints.length - at;
    const draw =
      remaining > 1 ? ` -m statistic --mode random --probability ${(1 / remaining).toFixed(11)}` : '';
    return `-A ${chain} ${comment(`${name} -> ${endpoint}`)}${draw} -j ${endpointChain(item, endpoint)}`;
  });
  const endpoints = item.endpoints.flatMap((endpoint) => {
    const own = endpointChain(item, endpoint);
    const address = endpoint.slice(0, endpoint.lastIndexOf(':'));
    return [
      `-A ${own} -s ${address}/32 ${comment(name)} -j KUBE-MARK-MASQ`,
      `-A ${own} -p ${protocol} ${comment(name)} -m ${protocol} -j DNAT --to-destination ${endpoint}`,
    ];
  });
  return [masquerade, ...choices, ...endpoints];
}
