// The network of one node as commands: what k3s, flannel 0.28.9 and the CNI plugins would have written. In goes the
// plan, out comes a shell script that runs once inside the node's namespaces (one process per tool, fed by batches:
// a lab is up in seconds only because nothing here costs a process per command).
import { deriveVethName } from './derived-names.ts';
import { outsideAddress, overlayMtu, podNetns, podsOn } from './plan.ts';
import type { LabPlan, PlannedNode, PlannedPod } from './planned.ts';

/** Loose, as systemd sets it on Debian and Ubuntu. */
const nodeSysctls: readonly (readonly [string, string])[] = [
  ['net/ipv4/conf/all/rp_filter', '2'],
  ['net/ipv4/conf/default/rp_filter', '2'],
  ['net/ipv4/ip_forward', '1'],
  ['net/ipv6/conf/all/forwarding', '1'],
  ['net/ipv4/conf/all/route_localnet', '1'],
  ['net/bridge/bridge-nf-call-iptables', '1'],
  ['net/bridge/bridge-nf-call-ip6tables', '1'],
];

/**
 * A kernel answers only so many packets a second with a refusal. Here everybody tries everything at once, so the limit would
 * make what is refused look lost. (The second pair is not every kernel's.)
 */
const refuseAll = ['icmp_ratelimit', 'icmp_msgs_per_sec', 'icmp_msgs_burst'].map(
  (name, at) => `{ echo ${at === 0 ? 0 : 100_000} >/proc/sys/net/ipv4/${name}; } 2>/dev/null || :`,
);

/** Commands for `ip -batch` on the LAN: the bridge, and a cable to every machine. */
export function lanLinkCommands(plan: LabPlan, pidByMachine: ReadonlyMap<string, number>): string[] {
  const cables = [...pidByMachine].flatMap(([machine, pid]) => [
    `link add lan-${machine} type veth peer name eth0 netns ${pid}`,
    `link set lan-${machine} master br0 up`,
  ]);
  // All second cards hang on one network of their own.
  const secondCables = plan.nodes.flatMap(({ name, secondLan }) =>
    secondLan === undefined
      ? []
      : [
          `link add lan2-${name} type veth peer name ${secondLan.device} netns ${pidByMachine.get(name) ?? 0}`,
          `link set lan2-${name} master br1 up`,
        ],
  );
  return [
    'link set lo up',
    'link add br0 type bridge',
    `addr add ${plan.lan.gateway}/${plan.lan.length} dev br0`,
    `addr add ${outsideAddress}/32 dev lo`,
    'link set br0 up',
    ...cables,
    ...(secondCables.length === 0 ? [] : ['link add br1 type bridge', 'link set br1 up']),
    ...secondCables,
  ];
}

/** A machine that is no node: its address, its way out, and routes to the pods over the nodes (it is a subnet router). */
export function hostScript(plan: LabPlan, lanAddress: string): string {
  const podRoutes = plan.nodes.map((node) => `route add ${node.podCidr} via ${node.lanAddress}`);
  const first = plan.nodes[0]?.lanAddress ?? plan.lan.gateway;
  return [
    'set -e',
    ...nodeSysctls.slice(0, 4).map(writeSysctl),
    batch('ip -batch -', [
      ...lanCommands(plan, lanAddress),
      ...podRoutes,
      `route add ${plan.options.serviceCidr} via ${first}`,
    ]),
  ].join('\n');
}

export function nodeScript(plan: LabPlan, node: PlannedNode): string {
  const pods = podsOn(plan, node.name);
  return [
    'set -e',
    ...nodeSysctls.map(writeSysctl),
    ...refuseAll,
    batch('ip -batch -', [
      ...lanCommands(plan, node.lanAddress),
      ...secondLanCommands(node),
      ...flannelDeviceCommands(node),
      ...bridgeCommands(node, plan.podMtu),
      ...pods.flatMap((pod) => cablePod(pod, plan.podMtu)),
      ...plan.nodes.filter((peer) => peer.name !== node.name).flatMap(flannelPeerRoutes),
    ]),
    batch(
      'bridge -batch -',
      plan.nodes.filter((peer) => peer.name !== node.name).map((peer) => flannelPeerFdb(peer)),
    ),
    ...pods.map((pod) => batch(`ip -n ${podNetns(pod)} -batch -`, podCommands(node, pod))),
  ].join('\n');
}

function lanCommands(plan: LabPlan, lanAddress: string): string[] {
  return [
    'link set lo up',
    `addr add ${lanAddress}/${plan.lan.length} brd + dev eth0`,
    'link set eth0 up',
    `route add default via ${plan.lan.gateway} dev eth0`,
  ];
}

function secondLanCommands({ secondLan }: PlannedNode): string[] {
  if (secondLan === undefined) return [];
  const { device, address, length } = secondLan;
  return [`addr add ${address}/${length} brd + dev ${device}`, `link set ${device} up`];
}

/** flannel.1 as pkg/backend/vxlan/device.go makes it: no learning, the kernel's default port of 8472, an address of /32. */
export function flannelDeviceCommands(node: PlannedNode): string[] {
  const { device, publicIp } = node.flannel;
  return [
    `link add flannel.1 address ${node.vtepMac} type vxlan id 1 local ${publicIp} dev ${device} dstport 8472 nolearning`,
    `addr add ${node.vtepAddress}/32 dev flannel.1`,
    `link set flannel.1 mtu ${overlayMtu} up`,
  ];
}

/** The route and the neighbour that flannel keeps for another node (pkg/backend/vxlan/vxlan_network.go). */
export function flannelPeerRoutes(peer: PlannedNode): string[] {
  return [
    `neigh replace ${peer.vtepAddress} lladdr ${peer.vtepMac} nud permanent dev flannel.1`,
    `route replace ${peer.podCidr} via ${peer.vtepAddress} dev flannel.1 onlink`,
  ];
}

/** The forwarding entry that flannel keeps for another node: which machine the outer packet goes to. */
export function flannelPeerFdb(peer: PlannedNode): string {
  return `fdb append ${peer.vtepMac} dev flannel.1 dst ${peer.flannel.publicIp} self permanent`;
}

function bridgeCommands(node: PlannedNode, podMtu: number): string[] {
  return [
    `link add cni0 mtu ${podMtu} type bridge`,
    `addr add ${node.podGateway}/24 brd + dev cni0`,
    'link set cni0 up',
  ];
}

/** A pod's namespace and its cable to the bridge, with hairpin so that it can reach itself through its Service. */
function cablePod(pod: PlannedPod, podMtu: number): string[] {
  const veth = podVeth(pod);
  return [
    `netns add ${podNetns(pod)}`,
    `link add ${veth} mtu ${podMtu} type veth peer name eth0 mtu ${podMtu} netns ${podNetns(pod)}`,
    `link set ${veth} master cni0 up`,
    `link set ${veth} type bridge_slave hairpin on`,
  ];
}

function podCommands(node: PlannedNode, pod: PlannedPod): string[] {
  return [
    'link set lo up',
    `addr add ${pod.address}/24 brd + dev eth0`,
    'link set eth0 up',
    `route add default via ${node.podGateway} dev eth0`,
  ];
}

export function podVeth(pod: PlannedPod): string {
  return deriveVethName(podNetns(pod));
}

function writeSysctl([name, value]: readonly [string, string]): string {
  return `echo ${value} > /proc/sys/${name}`;
}

/** A command with lines on its standard input. The marker can stand in no batch: it is no command of any of them. */
function batch(command: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${command} <<'END-OF-BATCH'\n${lines.join('\n')}\nEND-OF-BATCH`;
}
