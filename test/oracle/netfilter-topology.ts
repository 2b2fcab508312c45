// The machines of the netfilter oracle: a router under test, three hosts on its NICs and two pods on its bridge. In: which
// extras a world has. Out: the commands that make it and what a bundle calls each place.
// A device called tailscale0 is a veth like the others: rules match its name, and no tailscaled answers behind it.

export type PlaceName = 'router' | 'client' | 'server' | 'tailnet' | 'pod1' | 'pod2';

export interface Place {
  readonly name: PlaceName;
  /** Its folder in the bundle, and what the network calls it. */
  readonly folder: string;
  readonly id: string;
  /** The router's device that it hangs on. */
  readonly link: string;
  readonly gateway4: string;
  readonly gateway6: string;
  /** With their lengths; the first is its own on the wire, the others it stands for. */
  readonly addresses4: readonly string[];
  readonly addresses6: readonly string[];
  readonly mac: string;
  readonly routerMac: string;
}

const up = { client: 'eth0', server: 'eth1', tailnet: 'tailscale0' } as const;

function makeHost(name: keyof typeof up, number: number, addresses: readonly [string[], string[]]): Place {
  const [four, six] = addresses;
  const subnet = name === 'tailnet' ? '100.64.9' : `192.168.${6 + number}`;
  return {
    name,
    folder: `hosts/${name}`,
    id: `host/${name}`,
    link: up[name],
    gateway4: `${subnet}.1`,
    gateway6: `fd00:${number}::1`,
    addresses4: [`${subnet}.2/24`, ...four.map((each) => `${each}/32`)],
    addresses6: [`fd00:${number}::2/64`, ...six.map((each) => `${each}/128`)],
    mac: `02:00:00:00:0${number}:02`,
    routerMac: `02:00:00:00:0${number}:01`,
  };
}

function makePod(number: 1 | 2): Place {
  return {
    name: `pod${number}`,
    folder: `nodes/router/pods/t_pod${number}`,
    id: `pod/t/pod${number}`,
    link: 'cni0',
    gateway4: '10.42.0.1',
    gateway6: 'fd00:42::1',
    addresses4: [`10.42.0.1${number}/24`],
    addresses6: [`fd00:42::1${number}/64`],
    mac: `02:00:00:00:04:1${number}`,
    routerMac: '02:00:00:00:04:01',
  };
}

export const hosts: readonly Place[] = [
  makeHost('client', 1, [
    ['10.42.1.5', '10.42.1.77', '100.64.1.5', '203.0.113.5', '172.17.0.5'],
    ['fd00:42:1::5', 'fd00:42:1::77', 'fd7a:115c:a1e0::15', '2001:db8:1::5'],
  ]),
  makeHost('server', 2, [
    ['10.42.2.5', '10.42.2.6', '10.42.2.130', '203.0.113.130', '172.17.1.5'],
    ['fd00:42:2::5', 'fd00:42:2::6', 'fd00:42:2::8005', '2001:db8:2::5'],
  ]),
  makeHost('tailnet', 3, [
    ['100.64.2.5', '100.115.92.5', '10.42.3.5'],
    ['fd7a:115c:a1e0::25', 'fd00:42:3::5'],
  ]),
];
export const pods: readonly Place[] = [makePod(1), makePod(2)];
export const outside: readonly Place[] = [...hosts, ...pods];

/** Where the router has a route for each range that a host stands for. */
const ranges4: Record<string, readonly string[]> = {
  client: ['10.42.1.0/24', '100.64.1.0/24', '203.0.113.0/25', '172.17.0.0/24'],
  server: ['10.42.2.0/24', '203.0.113.128/25', '172.17.1.0/24', 'default'],
  tailnet: ['100.64.2.0/24', '100.115.92.0/24', '10.42.3.0/24'],
};
const ranges6: Record<string, readonly string[]> = {
  client: ['fd00:42:1::/64', 'fd7a:115c:a1e0::10/124', '2001:db8:1::/64'],
  server: ['fd00:42:2::/64', '2001:db8:2::/64', 'default'],
  tailnet: ['fd7a:115c:a1e0::20/124', 'fd00:42:3::/64'],
};

export const routerAddresses4 = [
  '192.168.7.1',
  '192.168.8.1',
  '100.64.9.1',
  '10.42.0.1',
  '100.64.0.7',
  '127.0.0.1',
];
export const routerAddresses6 = [
  'fd00:1::1',
  'fd00:2::1',
  'fd00:3::1',
  'fd00:42::1',
  'fd7a:115c:a1e0::7',
  '::1',
];
/** What listens on the router. */
export const openPorts = { tcp: [22, 53, 80, 443, 8080, 10250, 30080], udp: [53, 443, 8080, 30080] } as const;

export interface Extras {
  /** Frames between the two pods pass the packet filter. */
  readonly hasBridgeFilter: boolean;
  /** Marked packets have another way out. */
  readonly hasMarkRoute: boolean;
}

/** Commands for `ip -batch` in the router; `paths` leads to the other namespaces. */
export function writeRouterLinks(paths: ReadonlyMap<PlaceName, string>): string[] {
  const lines = [
    'link set lo up',
    'link add cni0 address 02:00:00:00:04:01 type bridge',
    'link set cni0 addrgenmode none up',
  ];
  for (const host of hosts)
    lines.push(
      `link add ${host.link} address ${host.routerMac} type veth peer name ${peerName(host)} address ${host.mac}`,
      `link set ${peerName(host)} netns ${paths.get(host.name) ?? ''} name eth0`,
      `link set ${host.link} addrgenmode none up`,
    );
  for (const pod of pods)
    lines.push(
      `link add v${pod.name} address 02:00:00:00:05:0${pod.name.at(-1) ?? ''} type veth peer name ${peerName(pod)} address ${pod.mac}`,
      `link set ${peerName(pod)} netns ${paths.get(pod.name) ?? ''} name eth0`,
      `link set v${pod.name} master cni0 addrgenmode none up`,
    );
  return lines;
}

function peerName(place: Place): string {
  return `p-${place.name}`;
}

export function writeRouterNetwork(extras: Extras): string[] {
  const lines = [
    'addr add 100.64.0.7/32 dev tailscale0',
    '-6 addr add fd7a:115c:a1e0::7/128 dev tailscale0 nodad',
  ];
  for (const place of [...hosts, pods[0]!])
    lines.push(
      `addr add ${place.gateway4}/24 dev ${place.link}`,
      `-6 addr add ${place.gateway6}/64 dev ${place.link} nodad`,
    );
  for (const place of outside) {
    const [own4, own6] = [ownAddress(place.addresses4), ownAddress(place.addresses6)];
    lines.push(`neigh add ${own4} lladdr ${place.mac} dev ${place.link} nud permanent`);
    lines.push(`-6 neigh add ${own6} lladdr ${place.mac} dev ${place.link} nud permanent`);
    for (const range of ranges4[place.name] ?? [])
      lines.push(`route add ${range} via ${own4} dev ${place.link}`);
    for (const range of ranges6[place.name] ?? [])
      lines.push(`-6 route add ${range} via ${own6} dev ${place.link}`);
  }
  if (extras.hasMarkRoute) {
    const [client, , tailnet] = hosts as [Place, Place, Place];
    lines.push(
      'rule add pref 5000 fwmark 0x100/0x100 lookup 100',
      '-6 rule add pref 5000 fwmark 0x100/0x100 lookup 100',
      `route add default via ${ownAddress(tailnet.addresses4)} dev ${tailnet.link} table 100`,
      `-6 route add default via ${ownAddress(client.addresses6)} dev ${client.link} table 100`,
    );
  }
  return lines;
}

function ownAddress(addresses: readonly string[]): string {
  return (addresses[0] ?? '').split('/')[0] ?? '';
}

export function writeOutsideNetwork(place: Place): string[] {
  return [
    'link set lo up',
    'link set eth0 addrgenmode none up',
    ...place.addresses4.map((each) => `addr add ${each} dev eth0`),
    ...place.addresses6.map((each) => `-6 addr add ${each} dev eth0 nodad`),
    `neigh add ${place.gateway4} lladdr ${place.routerMac} dev eth0 nud permanent`,
    `-6 neigh add ${place.gateway6} lladdr ${place.routerMac} dev eth0 nud permanent`,
    `route add default via ${place.gateway4} dev eth0`,
    `-6 route add default via ${place.gateway6} dev eth0`,
  ];
}

/** Files under /proc/sys/net of the router. */
export function routerSettings(extras: Extras): readonly (readonly [string, string])[] {
  const bridge = extras.hasBridgeFilter ? '1' : '0';
  return [
    ['ipv4/ip_forward', '1'],
    ['ipv6/conf/all/forwarding', '1'],
    ['ipv4/conf/all/rp_filter', '0'],
    // Refusals are counted one by one: none may be left out for their rate.
    ['ipv4/icmp_ratelimit', '0'],
    ['ipv4/icmp_ratemask', '0'],
    ['ipv6/icmp/ratelimit', '0'],
    ['ipv6/icmp/ratemask', ''],
    ['ipv4/tcp_syncookies', '0'],
    ['ipv4/tcp_max_syn_backlog', '65536'],
    ['core/somaxconn', '65536'],
    ['bridge/bridge-nf-call-iptables', bridge],
    ['bridge/bridge-nf-call-ip6tables', bridge],
    ['netfilter/nf_conntrack_checksum', '0'],
  ];
}
