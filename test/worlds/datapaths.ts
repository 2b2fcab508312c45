// Clusters whose datapath is not the kernel's alone: Cilium with and without kube-proxy, kube-proxy in IPVS mode, Kube-OVN.
// In: a made-up cluster. Out: the same cluster with the devices, routes, settings and dumps that such a datapath has.
// Devices, rules and routes are those of Cilium 1.16 in tunnel mode, kubernetes 1.30's IPVS proxier, Kube-OVN 1.12.
import { address4, macOf, parseRange4 } from './addresses.ts';
import { removeKubeProxy } from './filter-draft.ts';
import type { FilterDraft } from './filter-draft.ts';
import { addPod, addSettings, makeWorld, podAddress, shareText, up } from './make-world.ts';
import type { World, WorldNode, WorldOptions, WorldPod } from './world.ts';

export interface CiliumOptions {
  readonly replacesKubeProxy?: boolean;
  /** Which of its own files were collected. */
  readonly collects?: readonly ('lb' | 'services' | 'endpoints' | 'policy' | 'ipcache' | 'status')[];
  /** Keys of cilium-config beside those that every cluster has; a key set to undefined is left out. */
  readonly config?: Readonly<Record<string, string | undefined>>;
  readonly hasConfig?: boolean;
}

export function makeCiliumWorld(options: CiliumOptions = {}, more: WorldOptions = {}): World {
  const world = makeWorld({ backend: 'none', bridge: 'unused0', ...more });
  for (const node of world.nodes) {
    plugCilium(world, node);
    node.filterEdits.push((draft) =>
      writeCiliumChains(draft, shareText(world, node.index), world.options.podCidr),
    );
  }
  for (const node of world.nodes) {
    addPod(world, node, `cilium-${node.index}`, {
      namespace: 'kube-system',
      labels: { 'k8s-app': 'cilium' },
      isHostNetwork: true,
      ips: [...node.internalIps],
    });
  }
  const replaces = options.replacesKubeProxy ?? true;
  if (replaces) for (const node of world.nodes) node.filterEdits.push(removeKubeProxy);
  if (options.hasConfig !== false) {
    addConfigMap(world, 'cilium-config', {
      'kube-proxy-replacement': String(replaces),
      'routing-mode': 'tunnel',
      'tunnel-protocol': 'vxlan',
      'bpf-lb-sock': 'false',
      'enable-bpf-masquerade': 'false',
      ...options.config,
    });
  }
  for (const node of world.nodes) writeCiliumFiles(world, node, options.collects ?? []);
  return world;
}

/** Without the bridge of a flannel node, with Cilium's pair and tunnel, and a device for every pod. */
function plugCilium(world: World, node: WorldNode): void {
  const { bridge } = world.options;
  node.links = node.links.filter((link) => link.name !== bridge);
  node.addresses = node.addresses.filter((row) => row.link !== bridge);
  const own = routerAddress(world, node);
  const pair = ['cilium_net', 'cilium_host'] as const;
  for (const [number, name] of pair.entries()) {
    const mac = macOf(7, node.index, number);
    node.links.push({ name, kind: 'veth', flags: up, mac, other: pair[1 - number] ?? '' });
  }
  node.links.push({
    name: 'cilium_vxlan',
    kind: 'vxlan external id 0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300',
    flags: up,
    mac: macOf(7, node.index, 2),
  });
  for (const pod of podsOf(world, node)) {
    node.links.push({
      name: deviceOf(pod),
      kind: 'veth',
      flags: up,
      mac: macOf(7, node.index, 10 + world.pods.indexOf(pod)),
      other: 'if14',
    });
  }
  for (const link of node.links) addSettings(node, link.name);
  node.addresses.push({ link: 'cilium_host', address: `${own}/32` });
  node.rules4.push(
    '9:\tfrom all fwmark 0x200/0xf00 lookup 2004',
    '10:\tfrom all fwmark 0xa00/0xf00 lookup 2005',
    '100:\tfrom all lookup local',
  );
  node.routes4.push(
    'local default dev lo table 2004 proto kernel scope host',
    `default via ${own} dev cilium_host table 2005 proto kernel`,
    `${own} dev cilium_host table 2005 proto kernel scope link`,
    `${own} dev cilium_host proto kernel scope link`,
  );
  for (const each of world.nodes) {
    const mtu = each === node ? '' : ' mtu 1450';
    node.routes4.push(
      `${shareText(world, each.index)} via ${own} dev cilium_host proto kernel src ${own}${mtu}`,
    );
  }
}

/** Its part of iptables (1.16, pkg/datapath/iptables): what its devices carry is let pass, what leaves the pods is masqueraded. */
function writeCiliumChains({ filter, nat }: FilterDraft, share: string, podCidr: string): void {
  filter.chains.push('CILIUM_FORWARD');
  filter.rules.push('-A FORWARD -m comment --comment "cilium-feeder: CILIUM_FORWARD" -j CILIUM_FORWARD');
  for (const way of ['-o cilium_host', '-i cilium_host', '-i lxc+', '-i cilium_net'])
    filter.rules.push(
      `-A CILIUM_FORWARD ${way} -m comment --comment "cilium: any->cluster forward accept" -j ACCEPT`,
    );
  nat.chains.push('CILIUM_POST_nat');
  nat.rules.push(
    '-A POSTROUTING -m comment --comment "cilium-feeder: CILIUM_POST_nat" -j CILIUM_POST_nat',
    `-A CILIUM_POST_nat -s ${share} ! -d ${podCidr} ! -o cilium_+ -m comment --comment "cilium masquerade non-cluster" -j MASQUERADE`,
  );
}

export function routerAddress(world: World, node: WorldNode): string {
  return podAddress(world.options, node.index, 200);
}

export function deviceOf(pod: WorldPod): string {
  return `lxc${pod.name.replaceAll('-', '').slice(0, 12)}`;
}

function podsOf(world: World, node: WorldNode): readonly WorldPod[] {
  return world.pods.filter((pod) => pod.node === node && !pod.isHostNetwork);
}

export function identityOf(world: World, pod: WorldPod): number {
  return 20_000 + world.pods.indexOf(pod);
}

function writeCiliumFiles(
  world: World,
  node: WorldNode,
  collects: NonNullable<CiliumOptions['collects']>,
): void {
  const put = (name: string, content: unknown): void =>
    void node.files.set(`cilium-${name}.json`, JSON.stringify(content, undefined, 2));
  if (collects.includes('lb')) put('bpf-lb-list', balancingMap(world));
  if (collects.includes('services')) put('service-list', serviceList(world));
  if (collects.includes('endpoints')) put('endpoint-list', endpointList(world, node));
  if (collects.includes('policy')) put('bpf-policy', policyMaps(world, node));
  if (collects.includes('ipcache')) put('bpf-ipcache', ipcache(world, node));
  if (collects.includes('status')) put('status', agentStatus());
}

/** `cilium-dbg bpf lb list -o json`, with a key for each slot. */
export function balancingMap(world: World): Record<string, readonly string[]> {
  const map: Record<string, readonly string[]> = {};
  for (const [index, service] of world.services.entries()) {
    for (const ip of service.ips) {
      const address = ip.includes(':') ? `[${ip}]` : ip;
      const key = `${address}:${service.port}/${service.protocol}`;
      const own = service.endpoints.filter((one) => one.address.includes(':') === ip.includes(':'));
      const none = ip.includes(':') ? '[::]:0' : '0.0.0.0:0';
      map[`${key} (0)`] = [`${none} (${index + 1}) (0) [ClusterIP, non-routable] `];
      for (const [slot, end] of own.entries()) {
        const to = end.address.includes(':') ? `[${end.address}]` : end.address;
        map[`${key} (${slot + 1})`] = [`${to}:${end.port}/${service.protocol} (${index + 1}) (${slot + 1})`];
      }
    }
  }
  return map;
}

/** `cilium-dbg service list -o json`. */
export function serviceList(world: World): readonly ServiceRow[] {
  return world.services.flatMap((service, index) =>
    service.ips.map((ip) => {
      const spec = {
        id: index + 1,
        flags: { type: 'ClusterIP', name: service.name, namespace: service.namespace },
        'frontend-address': { ip, port: service.port, protocol: service.protocol, scope: 'external' },
        'backend-addresses': service.endpoints
          .filter((one) => one.address.includes(':') === ip.includes(':'))
          .map((one) => ({
            ip: one.address,
            port: one.port,
            protocol: service.protocol,
            state: 'active',
            weight: 100,
          })),
      };
      return { spec, status: { realized: spec } };
    }),
  );
}

export interface ServiceRow {
  readonly status: {
    readonly realized: {
      readonly 'frontend-address': { readonly ip: string };
      readonly 'backend-addresses': { ip: string; state: string }[];
    };
  };
}

/** `cilium-dbg endpoint list -o json`. */
function endpointList(world: World, node: WorldNode): readonly unknown[] {
  const pods = podsOf(world, node).map((pod) => ({
    id: 100 + world.pods.indexOf(pod),
    status: {
      'external-identifiers': {
        'k8s-namespace': pod.namespace,
        'k8s-pod-name': pod.name,
        'pod-name': `${pod.namespace}/${pod.name}`,
      },
      identity: { id: identityOf(world, pod) },
      networking: {
        addressing: [addressPair(pod.ips)],
        'interface-name': deviceOf(pod),
      },
      policy: { realized: { 'policy-enabled': 'none' } },
      state: 'ready',
    },
  }));
  const host = {
    id: 7,
    status: { identity: { id: 1 }, networking: { addressing: [{}] }, state: 'ready' },
  };
  return [...pods, host];
}

function addressPair(ips: readonly string[]): Record<string, string> {
  const ipv4 = ips.find((ip) => !ip.includes(':'));
  const ipv6 = ips.find((ip) => ip.includes(':'));
  return { ...(ipv4 === undefined ? {} : { ipv4 }), ...(ipv6 === undefined ? {} : { ipv6 }) };
}

/** `cilium-dbg bpf policy get --all -o json`: nothing enforced, so everything is allowed. */
function policyMaps(world: World, node: WorldNode): readonly unknown[] {
  const entry = (identity: number, direction: number): unknown => ({
    ProxyPortNetwork: 0,
    Flags: 0,
    AuthType: 0,
    Packets: 0,
    Bytes: 0,
    Key: {
      Prefixlen: 40,
      Identity: identity,
      TrafficDirection: direction,
      Nexthdr: 0,
      DestPortNetwork: 0,
    },
  });
  return podsOf(world, node).map((pod) => {
    const id = String(100 + world.pods.indexOf(pod));
    const Path = `/sys/fs/bpf/tc/globals/cilium_policy_v2_${id.padStart(5, '0')}`;
    return { EndpointID: id, Path, Content: [entry(0, 0), entry(1, 0), entry(0, 1)] };
  });
}

/** `cilium-dbg bpf ipcache list -o json`. */
function ipcache(world: World, node: WorldNode): Record<string, readonly string[]> {
  const map: Record<string, readonly string[]> = {};
  const put = (prefix: string, identity: number, tunnel = '0.0.0.0'): void => {
    const flags = tunnel === '0.0.0.0' ? '<none>' : 'hastunnel';
    map[prefix] = [`identity=${identity} encryptkey=0 tunnelendpoint=${tunnel} flags=${flags}     `];
  };
  put('0.0.0.0/0', 2);
  for (const each of world.nodes) {
    const lan = each.internalIps[0] ?? '';
    put(`${lan}/32`, each === node ? 1 : 6);
    put(`${routerAddress(world, each)}/32`, each === node ? 1 : 6, each === node ? undefined : lan);
    if (each !== node) put(shareText(world, each.index), 2, lan);
  }
  for (const pod of world.pods.filter((one) => !one.isHostNetwork)) {
    const tunnel = pod.node === node ? undefined : pod.node.internalIps[0];
    put(`${pod.ips[0] ?? ''}/32`, identityOf(world, pod), tunnel);
  }
  return map;
}

/** `cilium-dbg status -o json`. */
function agentStatus(): unknown {
  return {
    cilium: { state: 'Ok', msg: '1.16.1 (v1.16.1-68cb1b1)' },
    'kube-proxy-replacement': {
      mode: 'True',
      deviceList: [{ name: 'eth0', ip: [] }],
      devices: ['eth0'],
      features: { socketLB: { enabled: true } },
    },
  };
}

export function addConfigMap(
  world: World,
  name: string,
  data: Readonly<Record<string, string | undefined>>,
): void {
  const path = 'cluster/resources/configmaps.json';
  const list = JSON.parse(world.files.get(path) ?? '{"apiVersion":"v1","kind":"List","items":[]}') as {
    items: unknown[];
  };
  list.items.push({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'kube-system' },
    data,
  });
  world.files.set(path, JSON.stringify(list));
}

/** kube-proxy in IPVS mode on every node: the dummy device with every virtual address, and the table. */
export function addIpvs(world: World, options: { readonly isCollected?: boolean } = {}): void {
  const conf = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: "ipvs"\n';
  addConfigMap(world, 'kube-proxy', { 'config.conf': conf });
  for (const node of world.nodes) {
    node.links.push({
      name: 'kube-ipvs0',
      kind: 'dummy',
      flags: 'BROADCAST,NOARP',
      mac: macOf(8, node.index),
    });
    addSettings(node, 'kube-ipvs0');
    for (const service of world.services)
      for (const ip of service.ips)
        node.addresses.push({ link: 'kube-ipvs0', address: `${ip}/${ip.includes(':') ? 128 : 32}` });
    if (options.isCollected !== false) node.files.set('ipvsadm.txt', `${ipvsLines(world).join('\n')}\n`);
    node.filterEdits.push(removeKubeProxy, (draft) => writeIpvsChains(draft, world.options.podCidr));
    node.files.set('ipset.txt', `${ipvsSets(world).join('\n')}\n`);
  }
}

/** What kube-proxy writes beside the table: marks for masquerade, by sets (pkg/proxy/ipvs/README.md, scenario 2). */
function writeIpvsChains({ nat }: FilterDraft, podCidr: string): void {
  nat.chains.push('KUBE-MARK-MASQ', 'KUBE-POSTROUTING', 'KUBE-SERVICES');
  nat.rules.push(
    '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    `-A KUBE-SERVICES ! -s ${podCidr} -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ`,
    '-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT',
    '-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
  );
}

function ipvsSets(world: World): readonly string[] {
  const ports = world.services.flatMap((service) => {
    const protocol = service.protocol.toLowerCase();
    const ofFour = (address: string): boolean => !address.includes(':');
    return {
      cluster: service.ips
        .filter(ofFour)
        .map((ip) => `add KUBE-CLUSTER-IP ${ip},${protocol}:${service.port}`),
      loop: service.endpoints
        .filter((one) => ofFour(one.address))
        .map((one) => `add KUBE-LOOP-BACK ${one.address},${protocol}:${one.port},${one.address}`),
    };
  });
  return [
    'create KUBE-CLUSTER-IP hash:ip,port family inet hashsize 1024 maxelem 65536',
    ...ports.flatMap((one) => one.cluster),
    'create KUBE-LOOP-BACK hash:ip,port,ip family inet hashsize 1024 maxelem 65536',
    ...ports.flatMap((one) => one.loop),
  ];
}

/** `ipvsadm -Sn`. */
export function ipvsLines(world: World): readonly string[] {
  return world.services.flatMap((service) =>
    service.ips.flatMap((ip) => {
      const kind = service.protocol === 'UDP' ? '-u' : '-t';
      const end = (address: string, port: number): string =>
        address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
      const own = service.endpoints.filter((one) => one.address.includes(':') === ip.includes(':'));
      return [
        `-A ${kind} ${end(ip, service.port)} -s rr`,
        ...own.map((one) => `-a ${kind} ${end(ip, service.port)} -r ${end(one.address, one.port)} -m -w 1`),
      ];
    }),
  );
}

/** Kube-OVN: pods behind Open vSwitch, nodes on the join subnet 100.64.0.0/16 by ovn0. */
export function makeKubeOvnWorld(): World {
  const world = makeWorld({ backend: 'none', bridge: 'unused0', podCidr: '10.16.0.0/16' });
  const join = parseRange4('100.64.0.0/16');
  for (const node of world.nodes) {
    node.links = node.links.filter((link) => link.name !== 'unused0');
    node.addresses = node.addresses.filter((row) => row.link !== 'unused0');
    node.podCidrs = [];
    node.links.push(
      { name: 'ovs-system', kind: 'openvswitch', flags: 'BROADCAST,MULTICAST', mac: macOf(9, node.index, 0) },
      { name: 'ovn0', kind: 'openvswitch', flags: up, mac: macOf(9, node.index, 1) },
    );
    addSettings(node, 'ovn0');
    node.addresses.push({ link: 'ovn0', address: `${address4(join, node.index + 2)}/16` });
    node.routes4.push(`10.16.0.0/16 via ${address4(join, 1)} dev ovn0 src ${address4(join, node.index + 2)}`);
  }
  return world;
}
