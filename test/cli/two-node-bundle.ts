// A bundle of two nodes with flannel and Tailscale, as small as can be judged, for what the command does with it. In: whether
// the left node's table 52 takes the pods' network. Out: texts by path, as the commands of a node print them.

export interface TwoNodes {
  readonly isHijacked: boolean;
}

interface NodePlan {
  readonly name: string;
  readonly lan: string;
  readonly pods: string;
  readonly podAddress: string;
  readonly vtepMac: string;
}

const left: NodePlan = {
  name: 'left',
  lan: '192.168.9.2',
  pods: '172.20.1',
  podAddress: '172.20.1.9',
  vtepMac: '02:00:00:00:01:01',
};
const right: NodePlan = {
  name: 'right',
  lan: '192.168.9.3',
  pods: '172.20.2',
  podAddress: '172.20.2.9',
  vtepMac: '02:00:00:00:02:02',
};

export function makeTwoNodeBundle({ isHijacked }: TwoNodes): ReadonlyMap<string, string> {
  const texts: [string, unknown][] = [
    [
      'waylaid.json',
      {
        format: 'waylaid-evidence/1',
        collectedAt: '2026-02-03T04:05:06Z',
        collectedBy: 'waylaid 0.1.0',
        cluster: { name: 'pair' },
        redacted: true,
        items: [],
      },
    ],
    ['cluster/resources/nodes.json', listOf([nodeObject(left), nodeObject(right)])],
    ['cluster/resources/pods.json', listOf([podObject('front', left), podObject('back', right)])],
    ['cluster/resources/services.json', listOf([])],
    ['cluster/resources/endpointslices.discovery.k8s.io.json', listOf([])],
    ...nodeFiles(left, right, isHijacked),
    ...nodeFiles(right, left, false),
  ];
  const files = texts.map(([path, value]): [string, string] => [
    path,
    typeof value === 'string' ? value : JSON.stringify(value, null, 1),
  ]);
  return new Map(files);
}

function listOf(items: readonly unknown[]): unknown {
  return { apiVersion: 'v1', kind: 'List', items };
}

function nodeObject(node: NodePlan): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: node.name,
      annotations: {
        'flannel.alpha.coreos.com/backend-type': 'vxlan',
        'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: node.vtepMac }),
        'flannel.alpha.coreos.com/public-ip': node.lan,
      },
    },
    spec: { podCIDR: `${node.pods}.0/24`, podCIDRs: [`${node.pods}.0/24`] },
    status: {
      addresses: [{ type: 'InternalIP', address: node.lan }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  };
}

function podObject(name: string, node: NodePlan): unknown {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'shop' },
    spec: {
      nodeName: node.name,
      containers: [{ name: 'app', ports: [{ containerPort: 8080, name: 'http', protocol: 'TCP' }] }],
    },
    status: {
      phase: 'Running',
      podIP: node.podAddress,
      podIPs: [{ ip: node.podAddress }],
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: [{ name: 'app', ready: true, restartCount: 0, state: { running: {} } }],
    },
  };
}

function nodeFiles(node: NodePlan, other: NodePlan, isHijacked: boolean): [string, unknown][] {
  const folder = `nodes/${node.name}`;
  return [
    [`${folder}/ip-link.json`, links(node)],
    [`${folder}/ip-addr.json`, addresses(node)],
    [`${folder}/ip-rule-4.json`, rules()],
    [`${folder}/ip-route-4.json`, routes(node, other, isHijacked)],
    [
      `${folder}/ip-neigh.json`,
      [{ dst: `${other.pods}.0`, dev: 'flannel.1', lladdr: other.vtepMac, state: ['PERMANENT'] }],
    ],
    [
      `${folder}/bridge-fdb.json`,
      [{ mac: other.vtepMac, ifname: 'flannel.1', dst: other.lan, flags: ['self'], state: 'permanent' }],
    ],
    [`${folder}/sysctl.txt`, sysctls],
    [`${folder}/tailscale-status.json`, tailscaleStatus],
    [`${folder}/tailscale-prefs.json`, { RouteAll: true }],
  ];
}

const linkNames = ['lo', 'eth0', 'flannel.1', 'cni0', 'tailscale0'] as const;

function links(node: NodePlan): unknown {
  const kinds = {
    lo: {},
    eth0: {},
    'flannel.1': {
      linkinfo: {
        info_kind: 'vxlan',
        info_data: { id: 1, local: node.lan, link: 'eth0', port: 8472, learning: false },
      },
    },
    cni0: { linkinfo: { info_kind: 'bridge' } },
    tailscale0: { linkinfo: { info_kind: 'tun' } },
  };
  return linkNames.map((name, index) => ({
    ifindex: index + 1,
    ifname: name,
    flags: ['UP', 'LOWER_UP'],
    mtu: 1450,
    link_type: name === 'lo' ? 'loopback' : 'ether',
    address: name === 'flannel.1' ? node.vtepMac : `02:00:00:00:00:0${index}`,
    ...kinds[name],
  }));
}

function addresses(node: NodePlan): unknown {
  const held: Record<(typeof linkNames)[number], [string, number]> = {
    lo: ['127.0.0.1', 8],
    eth0: [node.lan, 24],
    'flannel.1': [`${node.pods}.0`, 32],
    cni0: [`${node.pods}.1`, 24],
    tailscale0: [node === left ? '100.64.0.2' : '100.64.0.3', 32],
  };
  return linkNames.map((name, index) => ({
    ifindex: index + 1,
    ifname: name,
    flags: ['UP', 'LOWER_UP'],
    addr_info: [
      {
        family: 'inet',
        local: held[name][0],
        prefixlen: held[name][1],
        scope: name === 'lo' ? 'host' : 'global',
      },
    ],
  }));
}

function rules(): unknown {
  return [
    { priority: 0, src: 'all', table: 'local' },
    { priority: 5270, src: 'all', table: '52' },
    { priority: 32766, src: 'all', table: 'main' },
    { priority: 32767, src: 'all', table: 'default' },
  ];
}

function routes(node: NodePlan, other: NodePlan, isHijacked: boolean): unknown {
  const own = [node.lan, `${node.pods}.0`, `${node.pods}.1`];
  return [
    ...(isHijacked ? [{ type: 'unicast', dst: '172.20.0.0/16', dev: 'tailscale0', table: '52' }] : []),
    { type: 'unicast', dst: 'default', gateway: '192.168.9.1', dev: 'eth0', table: 'main' },
    {
      type: 'unicast',
      dst: `${other.pods}.0/24`,
      gateway: `${other.pods}.0`,
      dev: 'flannel.1',
      table: 'main',
      flags: ['onlink'],
    },
    { type: 'unicast', dst: `${node.pods}.0/24`, dev: 'cni0', table: 'main', prefsrc: `${node.pods}.1` },
    { type: 'unicast', dst: '192.168.9.0/24', dev: 'eth0', table: 'main', prefsrc: node.lan },
    ...own.map((address) => ({
      type: 'local',
      dst: address,
      dev: address === node.lan ? 'eth0' : 'cni0',
      table: 'local',
      scope: 'host',
      prefsrc: address,
    })),
  ];
}

const sysctls = [
  'net.ipv4.ip_forward = 1',
  ...['all', 'default', ...linkNames].flatMap((name) => [
    `net.ipv4.conf.${name.replace('.', '/')}.forwarding = 1`,
    `net.ipv4.conf.${name.replace('.', '/')}.rp_filter = 0`,
  ]),
  '',
].join('\n');

const tailscaleStatus = {
  BackendState: 'Running',
  Self: { HostName: 'self', TailscaleIPs: ['100.64.0.2'], AllowedIPs: ['100.64.0.2/32'] },
  Peer: {
    'nodekey:a': {
      HostName: 'gateway',
      TailscaleIPs: ['100.64.0.9'],
      AllowedIPs: ['100.64.0.9/32', '172.20.0.0/16'],
      PrimaryRoutes: ['172.20.0.0/16'],
      Online: true,
    },
  },
};
