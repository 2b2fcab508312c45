// A healthy cluster as flannel (k3s) sets one up, to be edited by the test: bridge, VXLAN device with route, neighbour and
// forwarding entry for every other node, CoreDNS on the first node, the API server on the first node's own address.
import { address4, macOf, parseRange4, share6, shareOf, text4 } from './addresses.ts';
import type {
  World,
  WorldLink,
  WorldNamespace,
  WorldNode,
  WorldOptions,
  WorldPod,
  WorldService,
} from './world.ts';

const defaults: Required<WorldOptions> = {
  nodes: 3,
  podsPerNode: 2,
  podCidr: '10.42.0.0/16',
  shareLength: 24,
  serviceCidr: '10.43.0.0/16',
  lan: '192.168.1.0/24',
  families: [4],
  backend: 'vxlan',
  vni: 1,
  collectsPods: false,
  nodePrefix: 'node-',
  bridge: 'cni0',
  nic: 'eth0',
};

export const up = 'BROADCAST,MULTICAST,UP,LOWER_UP';
export const tunnelUp = 'POINTOPOINT,MULTICAST,NOARP,UP,LOWER_UP';

export function makeWorld(options: WorldOptions = {}): World {
  const all = { ...defaults, ...options };
  const nodes = Array.from({ length: all.nodes }, (_, index) => makeNode(all, index));
  if (all.backend !== 'none')
    for (const node of nodes) for (const peer of nodes) joinOverlay(all, node, peer);
  const world: World = {
    options: all,
    nodes,
    hosts: [],
    pods: [],
    services: [],
    logs: new Map(),
    files: new Map(),
  };
  for (const node of nodes)
    for (let number = 0; number < all.podsPerNode; number++)
      addPod(world, node, `app-${node.index}-${number}`);
  addSystem(world);
  return world;
}

export function emptyNamespace(): WorldNamespace {
  const loopback: WorldLink = {
    name: 'lo',
    flags: 'LOOPBACK,UP,LOWER_UP',
    mac: '00:00:00:00:00:00',
    isLoopback: true,
  };
  return {
    links: [loopback],
    addresses: [{ link: 'lo', address: '127.0.0.1/8' }],
    rules4: [],
    rules6: [],
    routes4: [],
    routes6: [],
    neighbors: [],
    fdb: [],
    sysctls: new Map(),
  };
}

export function overlayName(world: World): string {
  return `flannel.${world.options.vni}`;
}

export function lanAddress(world: { readonly options: Required<WorldOptions> }, index: number): string {
  return address4(parseRange4(world.options.lan), 11 + index);
}

/** The pod's address number `number` (from 0) on a node, in the first family of the cluster. */
export function podAddress(options: Required<WorldOptions>, node: number, number: number): string {
  return address4(shareOf(parseRange4(options.podCidr), options.shareLength, node + 1), 2 + number);
}

export function shareText(world: World, index: number): string {
  return text4(shareOf(parseRange4(world.options.podCidr), world.options.shareLength, index + 1));
}

export function makeMachine(options: Required<WorldOptions>, index: number, name: string): WorldNode {
  const node: WorldNode = {
    ...emptyNamespace(),
    name,
    index,
    internalIps: [],
    podCidrs: [],
    isReady: true,
    annotations: {},
    vtepMac: macOf(3, index),
    files: new Map(),
    filterEdits: [],
    without: new Set(),
    isCollected: true,
  };
  const { nic } = options;
  const lan = parseRange4(options.lan);
  node.links.push({ name: nic, flags: up, mac: macOf(1, index) });
  if (options.families.includes(4)) {
    node.addresses.push({ link: nic, address: `${address4(lan, 11 + index)}/${lan.length}` });
    node.internalIps.push(address4(lan, 11 + index));
    node.routes4.push(`default via ${address4(lan, 1)} dev ${nic} proto static`);
  }
  if (options.families.includes(6)) {
    const own = `fd00:1::${(11 + index).toString(16)}`;
    node.addresses.push({ link: nic, address: `${own}/64` });
    node.internalIps.push(own);
    node.routes6.push(`default via fd00:1::1 dev ${nic} proto static metric 1024 pref medium`);
  }
  for (const scope of ['all', 'default', nic, 'lo']) addSettings(node, scope);
  node.sysctls.set('net.ipv4.ip_forward', '1');
  return node;
}

export function addSettings(node: WorldNamespace, scope: string): void {
  const stem = `net.ipv4.conf.${scope.replaceAll('.', '/')}`;
  for (const [name, value] of [
    ['forwarding', '1'],
    ['rp_filter', '0'],
    ['accept_local', '0'],
    ['route_localnet', '0'],
    ['src_valid_mark', '0'],
    ['ignore_routes_with_linkdown', '0'],
  ] as const)
    node.sysctls.set(`${stem}.${name}`, value);
  const stem6 = `net.ipv6.conf.${scope.replaceAll('.', '/')}`;
  for (const [name, value] of [
    ['forwarding', '1'],
    ['disable_ipv6', '0'],
    ['use_oif_addrs_only', '0'],
    ['ignore_routes_with_linkdown', '0'],
  ] as const)
    node.sysctls.set(`${stem6}.${name}`, value);
}

function makeNode(options: Required<WorldOptions>, index: number): WorldNode {
  const node = makeMachine(options, index, `${options.nodePrefix}${index + 1}`);
  const share = shareOf(parseRange4(options.podCidr), options.shareLength, index + 1);
  const { bridge } = options;
  node.links.push({ name: bridge, kind: 'bridge', flags: up, mac: macOf(2, index) });
  addSettings(node, bridge);
  if (options.families.includes(4)) {
    node.addresses.push({ link: bridge, address: `${address4(share, 1)}/${share.length}` });
    node.podCidrs.push(text4(share));
  }
  if (options.families.includes(6)) {
    node.addresses.push({ link: bridge, address: `${share6(index)}1/64` });
    node.podCidrs.push(`${share6(index)}/64`);
  }
  for (const kind of ['iptables', 'ip6tables', 'arptables'])
    node.sysctls.set(`net.bridge.bridge-nf-call-${kind}`, '1');
  if (options.backend === 'vxlan') addOverlay(options, node);
  if (options.backend === 'host-gw')
    node.annotations = { [annotation('backend-type')]: 'host-gw', [annotation('public-ip')]: nodeIp(node) };
  return node;
}

function nodeIp(node: WorldNode): string {
  return node.internalIps.find((ip) => !ip.includes(':')) ?? '';
}

function nodeIp6(node: WorldNode): string {
  return node.internalIps.find((ip) => ip.includes(':')) ?? '';
}

export function annotation(name: string): string {
  return `flannel.alpha.coreos.com/${name}`;
}

function addOverlay(options: Required<WorldOptions>, node: WorldNode): void {
  const data = JSON.stringify({ VNI: options.vni, VtepMAC: node.vtepMac });
  node.annotations = { [annotation('backend-type')]: 'vxlan' };
  if (options.families.includes(4)) {
    const share = shareOf(parseRange4(options.podCidr), options.shareLength, node.index + 1);
    addVxlan(node, {
      name: `flannel.${options.vni}`,
      mac: node.vtepMac,
      vni: options.vni,
      local: nodeIp(node),
      lower: options.nic,
    });
    node.addresses.push({ link: `flannel.${options.vni}`, address: `${address4(share, 0)}/32` });
    node.annotations[annotation('backend-data')] = data;
    node.annotations[annotation('public-ip')] = nodeIp(node);
  }
  if (options.families.includes(6)) {
    const name = `flannel-v6.${options.vni}`;
    addVxlan(node, {
      name,
      mac: macOf(4, node.index),
      vni: options.vni,
      local: nodeIp6(node),
      lower: options.nic,
    });
    node.addresses.push({ link: name, address: `${share6(node.index)}/128` });
    node.annotations[annotation('backend-v6-data')] = JSON.stringify({
      VNI: options.vni,
      VtepMAC: macOf(4, node.index),
    });
    node.annotations[annotation('public-ipv6')] = nodeIp6(node);
  }
}

export interface Vxlan {
  readonly name: string;
  readonly mac: string;
  readonly vni: number;
  readonly local: string;
  readonly lower: string;
}

export function vxlanKind(vxlan: Pick<Vxlan, 'vni' | 'local' | 'lower'>): string {
  return `vxlan id ${vxlan.vni} local ${vxlan.local} dev ${vxlan.lower} srcport 0 0 dstport 8472 nolearning ttl auto ageing 300`;
}

function addVxlan(node: WorldNode, vxlan: Vxlan): void {
  node.links.push({ name: vxlan.name, kind: vxlanKind(vxlan), flags: up, mac: vxlan.mac });
  addSettings(node, vxlan.name);
}

/** What flannel writes on a node for another one. */
function joinOverlay(options: Required<WorldOptions>, node: WorldNode, peer: WorldNode): void {
  if (node === peer) return;
  if (options.backend === 'host-gw') {
    const share = text4(shareOf(parseRange4(options.podCidr), options.shareLength, peer.index + 1));
    node.routes4.push(`${share} via ${nodeIp(peer)} dev ${options.nic}`);
    return;
  }
  if (options.families.includes(4)) {
    const share = shareOf(parseRange4(options.podCidr), options.shareLength, peer.index + 1);
    const device = `flannel.${options.vni}`;
    node.routes4.push(`${text4(share)} via ${address4(share, 0)} dev ${device} onlink`);
    node.neighbors.push(`${address4(share, 0)} dev ${device} lladdr ${peer.vtepMac} PERMANENT`);
    node.fdb.push(`${peer.vtepMac} dev ${device} dst ${nodeIp(peer)} self permanent`);
  }
  if (options.families.includes(6)) {
    const device = `flannel-v6.${options.vni}`;
    const base = share6(peer.index);
    node.routes6.push(`${base}/64 via ${base} dev ${device} metric 1024 onlink pref medium`);
    node.neighbors.push(`${base} dev ${device} lladdr ${macOf(4, peer.index)} PERMANENT`);
    node.fdb.push(`${macOf(4, peer.index)} dev ${device} dst ${nodeIp6(peer)} self permanent`);
  }
}

export function addPod(
  world: World,
  node: WorldNode,
  name: string,
  more: Partial<Omit<WorldPod, 'name' | 'node' | 'network'>> = {},
): WorldPod {
  const { options } = world;
  const number = world.pods.filter((pod) => pod.node === node && !pod.isHostNetwork).length;
  const ips = [
    ...(options.families.includes(4) ? [podAddress(options, node.index, number)] : []),
    ...(options.families.includes(6) ? [`${share6(node.index)}${(2 + number).toString(16)}`] : []),
  ];
  const pod: WorldPod = {
    namespace: 'shop',
    name,
    node,
    ips,
    isReady: true,
    phase: 'Running',
    labels: {},
    port: 8080,
    protocol: 'TCP',
    restarts: 0,
    isHostNetwork: false,
    ...more,
  };
  if (options.collectsPods && more.ips === undefined) pod.network = plugPod(world, node, pod.ips, number);
  world.pods.push(pod);
  return pod;
}

/** The pod's namespace and its veth on the node's bridge. */
function plugPod(world: World, node: WorldNode, ips: readonly string[], number: number): WorldNamespace {
  const { bridge, shareLength } = world.options;
  const network = emptyNamespace();
  const mac = macOf(5, node.index, number);
  const veth = `veth${node.index}x${number}`;
  node.links.push({
    name: veth,
    kind: 'veth',
    flags: up,
    mac: macOf(6, node.index, number),
    master: bridge,
    other: 'if2',
  });
  network.links.push({ name: 'eth0', kind: 'veth', flags: up, mac, other: `if${node.links.length}` });
  for (const ip of ips) {
    const isV6 = ip.includes(':');
    network.addresses.push({ link: 'eth0', address: `${ip}/${isV6 ? 64 : shareLength}` });
    const gateway = gatewayOf(node, bridge, isV6);
    if (isV6) network.routes6.push(`default via ${gateway} dev eth0 metric 1024 pref medium`);
    else network.routes4.push(`default via ${gateway} dev eth0`);
  }
  addSettings(network, 'all');
  addSettings(network, 'eth0');
  return network;
}

function gatewayOf(node: WorldNode, bridge: string, isV6: boolean): string {
  const own = node.addresses.find((row) => row.link === bridge && row.address.includes(':') === isV6);
  return own?.address.split('/')[0] ?? '';
}

function addSystem(world: World): void {
  const [first] = world.nodes;
  if (first === undefined) return;
  const { families, serviceCidr } = world.options;
  const dns = addPod(world, first, 'coredns-1', {
    namespace: 'kube-system',
    labels: { 'k8s-app': 'kube-dns' },
    port: 53,
    protocol: 'UDP',
  });
  const range = parseRange4(serviceCidr);
  const ips = (offset: number): string[] => [
    ...(families.includes(4) ? [address4(range, offset)] : []),
    ...(families.includes(6) ? [`fd00:43::${offset.toString(16)}`] : []),
  ];
  addService(world, {
    namespace: 'kube-system',
    name: 'kube-dns',
    ips: ips(10),
    port: 53,
    protocol: 'UDP',
    selector: { 'k8s-app': 'kube-dns' },
    endpoints: dns.ips.map((address) => ({ address, port: 53 })),
  });
  addService(world, {
    namespace: 'default',
    name: 'kubernetes',
    ips: ips(1).slice(0, 1),
    port: 443,
    protocol: 'TCP',
    endpoints: first.internalIps.slice(0, 1).map((address) => ({ address, port: 6443 })),
  });
}

export function addService(world: World, service: WorldService): void {
  world.services.push(service);
}
