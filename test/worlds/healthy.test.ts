// Clusters that look odd and are well. Each may be healthy or, where something on the way cannot be seen, unknown with a
// question; never may one have a root cause.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addPod,
  addSettings,
  annotation,
  makeMachine,
  makeWorld,
  overlayName,
  podAddress,
  shareText,
  tunnelUp,
  up,
  vxlanKind,
} from './make-world.ts';
import { joinTailnet } from './join-tailnet.ts';
import type { TailnetMember } from './join-tailnet.ts';
import { worldOptions } from './world-options.ts';
import type { World, WorldNode } from './world.ts';
import { judgeWorld } from './write-world.ts';
import type { Judgement } from '../../src/core/pipeline.ts';

function expectHealthy(world: World): Judgement {
  const judgement = judgeWorld(world);
  const { diagnosis } = judgement;
  expect(diagnosis.causes.map((cause) => cause.title)).toEqual([]);
  expect(diagnosis.unknowns.map((unknown) => unknown.question)).toEqual([]);
  expect(diagnosis.verdict, diagnosis.summary).toBe('healthy');
  expect(judgement.snapshot.notes).toEqual([]);
  return judgement;
}

/** Cannot be judged whole: no cause, nothing that is said to fail, and a question with what would answer it. */
function expectOpen(world: World): Judgement {
  const judgement = judgeWorld(world);
  const { diagnosis } = judgement;
  expect(diagnosis.causes.map((cause) => cause.title)).toEqual([]);
  const failing = diagnosis.judged.filter(
    ({ trace }) => trace.verdict === 'fails' || trace.verdict === 'partly',
  );
  expect(failing.map(({ intent }) => intent.label)).toEqual([]);
  expect(diagnosis.verdict).toBe('unknown');
  expect(diagnosis.unknowns.length).toBeGreaterThan(0);
  for (const unknown of diagnosis.unknowns) {
    expect(unknown.question).not.toBe('');
    expect(unknown.command).not.toBe('');
  }
  return judgement;
}

function members(world: World, more: readonly TailnetMember[] = []): readonly TailnetMember[] {
  const nodes = world.nodes.map((machine, index) => ({
    name: machine.name,
    address: `100.64.1.${index + 1}`,
    machine,
    acceptsRoutes: true,
  }));
  return [...nodes, ...more];
}

describe('plain clusters', () => {
  it('flannel, whatever its numbers and names, in one or two families', () => {
    fc.assert(
      fc.property(worldOptions(), (options) => {
        expectHealthy(makeWorld(options));
      }),
      { numRuns: 60 },
    );
  });

  it('flannel for IPv6 alone', () => {
    expectHealthy(makeWorld({ families: [6] }));
    expectHealthy(makeWorld({ families: [6], collectsPods: true }));
  });

  it('IPv6 alone, plainly routed', () => {
    const world = makeWorld({ families: [6], backend: 'none' });
    for (const node of world.nodes)
      for (const peer of world.nodes)
        if (node !== peer)
          node.routes6.push(
            `${peer.podCidrs[0] ?? ''} via ${peer.internalIps[0] ?? ''} dev eth0 metric 1024 pref medium`,
          );
    expectHealthy(world);
  });

  it('host-gw', () => {
    expectHealthy(makeWorld({ backend: 'host-gw', nodes: 4 }));
  });

  it('a single node', () => {
    expectHealthy(makeWorld({ nodes: 1, podsPerNode: 4 }));
  });

  it('nodes in different subnets, joined by routers outside the evidence', () => {
    const world = makeWorld({ nodes: 3 });
    const [, , third] = world.nodes as [WorldNode, WorldNode, WorldNode];
    moveToLan(world, third, '172.16.9.7', '172.16.9.1');
    expectHealthy(world);
  });

  it('nodes that were numbered from several interfaces', () => {
    const world = makeWorld({ nodes: 3 });
    for (const node of world.nodes) {
      node.links.push({ name: 'eth1', flags: up, mac: `02:aa:00:00:00:0${node.index}` });
      addSettings(node, 'eth1');
      node.addresses.push({ link: 'eth1', address: `10.99.0.${node.index + 1}/24` });
    }
    expectHealthy(world);
  });
});

/** Gives a node another LAN address, everywhere. */
function moveToLan(world: World, node: WorldNode, address: string, gateway: string): void {
  const old = node.internalIps[0] ?? '';
  const swap = (lines: readonly string[]): string[] =>
    lines.map((line) => line.replaceAll(`${old} `, `${address} `));
  node.addresses = node.addresses.map((row) =>
    row.address.startsWith(`${old}/`) ? { link: row.link, address: `${address}/24` } : row,
  );
  node.routes4 = node.routes4.map((line) => line.replace(/^default via \S+/, `default via ${gateway}`));
  node.links.forEach(
    (link) => (link.kind = link.kind?.replace(`local ${old} `, `local ${address} `) ?? link.kind),
  );
  for (const other of world.nodes) other.fdb = swap(other.fdb);
  node.internalIps = [address];
  node.annotations[annotation('public-ip')] = address;
}

describe('with Tailscale beside the pod network', () => {
  it('on every node, accepting routes that nobody here needs', () => {
    const world = makeWorld({ nodes: 3 });
    joinTailnet(
      members(world, [
        { name: 'nas', address: '100.64.9.9', advertises: ['192.168.77.0/24', '10.200.0.0/16'] },
      ]),
    );
    expectHealthy(world);
  });

  it('without any answer from tailscaled', () => {
    const world = makeWorld({ nodes: 3 });
    joinTailnet(members(world), { hasFiles: false });
    expectHealthy(world);
  });

  it('an exit node, with throw routes for the LAN', () => {
    const world = makeWorld({ nodes: 3 });
    joinTailnet(members(world, [{ name: 'exit', address: '100.64.9.9' }]));
    for (const node of world.nodes)
      node.routes4.push(
        'default dev tailscale0 table 52',
        `throw ${world.options.lan} table 52`,
        `throw ${world.options.podCidr} table 52`,
        `throw ${world.options.serviceCidr} table 52`,
        'throw 127.0.0.0/8 table 52',
      );
    expectHealthy(world);
  });

  it('the Service range alone in table 52: a risk, for Services are translated before they are routed', () => {
    const world = makeWorld({ nodes: 3 });
    joinTailnet(
      members(world, [{ name: 'gateway', address: '100.64.9.9', advertises: [world.options.serviceCidr] }]),
    );
    for (const node of world.nodes)
      node.routes4 = node.routes4.filter((line) => !line.startsWith('10.43.') || node.index === 1);
    const { diagnosis } = judgeWorld(world);
    const own = diagnosis.judged.filter(({ intent }) => intent.flow.from.startsWith('pod/'));
    expect(own.map(({ trace }) => trace.verdict)).not.toContain('fails');
  });
});

describe('k3s over Tailscale', () => {
  function overTailnet(hasFiles: boolean, device = 'tailscale0'): World {
    const world = makeWorld({ nodes: 3 });
    const all = members(world);
    joinTailnet(all, { hasFiles, device });
    for (const { machine, address } of all) {
      const old = machine?.internalIps[0] ?? '';
      if (machine === undefined) continue;
      machine.internalIps = [address];
      machine.annotations[annotation('public-ip')] = address;
      for (const link of machine.links)
        link.kind =
          link.kind?.replace(`local ${old} dev eth0`, `local ${address} dev ${device}`) ?? link.kind;
      for (const other of world.nodes)
        other.fdb = other.fdb.map((line) => line.replace(`dst ${old} `, `dst ${address} `));
      for (const service of world.services)
        service.endpoints = service.endpoints.map((one) => (one.address === old ? { ...one, address } : one));
    }
    return world;
  }

  it('is judged from what tailscaled says', () => {
    expectHealthy(overTailnet(true));
  });

  it('is judged whatever the device is called', () => {
    expectHealthy(overTailnet(true, 'ts0'));
  });

  it('is open without that', () => {
    expectOpen(overTailnet(false));
  });
});

describe('pod networks whose datapath is not followed', () => {
  it('flannel with WireGuard', () => {
    const world = makeWorld({ backend: 'none' });
    for (const node of world.nodes) {
      node.annotations = {
        [annotation('backend-type')]: 'wireguard',
        [annotation('public-ip')]: node.internalIps[0] ?? '',
      };
      node.links.push({ name: 'flannel-wg', kind: 'wireguard', flags: tunnelUp });
      addSettings(node, 'flannel-wg');
      node.addresses.push({ link: 'flannel-wg', address: `${podAddress(world.options, node.index, -2)}/32` });
      for (const peer of world.nodes)
        if (peer !== node) node.routes4.push(`${shareText(world, peer.index)} dev flannel-wg scope link`);
    }
    expectOpen(world);
  });

  it('Calico by IPIP, with a blackhole for its own block', () => {
    const world = calico('tunl0', 'ipip remote any local any ttl inherit nopmtudisc');
    expectOpen(world);
  });

  it('Calico by VXLAN, with a blackhole for its own block', () => {
    const world = calico('vxlan.calico', undefined);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.verdict, diagnosis.summary).toBe('healthy');
  });

  it('Cilium', () => {
    const world = makeWorld({ backend: 'none', bridge: 'unused0' });
    for (const node of world.nodes) {
      node.links = node.links.filter((link) => link.name !== 'unused0');
      node.addresses = node.addresses.filter((row) => row.link !== 'unused0');
      const own = podAddress(world.options, node.index, 200);
      node.links.push({
        name: 'cilium_net',
        kind: 'veth',
        flags: up,
        mac: `02:c1:00:00:00:0${node.index}`,
        other: 'cilium_host',
      });
      node.links.push({
        name: 'cilium_host',
        kind: 'veth',
        flags: up,
        mac: `02:c1:00:00:01:0${node.index}`,
        other: 'cilium_net',
      });
      node.links.push({
        name: 'cilium_vxlan',
        kind: 'vxlan external srcport 0 0 dstport 8472 nolearning',
        flags: up,
        mac: `02:c1:00:00:02:0${node.index}`,
      });
      node.links.push({
        name: 'lxc0a1b2c3d4e5f',
        kind: 'veth',
        flags: up,
        mac: `02:c1:00:00:03:0${node.index}`,
        other: 'if14',
      });
      for (const name of ['cilium_net', 'cilium_host', 'cilium_vxlan', 'lxc0a1b2c3d4e5f'])
        addSettings(node, name);
      node.addresses.push({ link: 'cilium_host', address: `${own}/32` });
      node.routes4.push(`${own} dev cilium_host proto kernel scope link`);
      node.rules4.push('9:\tfrom all fwmark 0x200/0xf00 lookup 2004', '100:\tfrom all lookup local');
      node.routes4.push('local default dev lo table 2004 proto kernel scope host');
      for (const each of world.nodes)
        node.routes4.push(
          `${shareText(world, each.index)} via ${own} dev cilium_host proto kernel src ${own} mtu 1450`,
        );
    }
    expectOpen(world);
  });
});

/** Every pod on a device of its own, blocks of 64 addresses. */
function calico(device: string, kind: string | undefined): World {
  const world = makeWorld({ backend: 'none', bridge: 'unused0' });
  const block = (index: number): string => shareText(world, index).replace('/24', '/26');
  const vtep = (index: number): string => podAddress(world.options, index, 50);
  for (const node of world.nodes) {
    node.podCidrs = [];
    node.links = node.links.filter((link) => link.name !== 'unused0');
    node.addresses = node.addresses.filter((row) => row.link !== 'unused0');
    const lan = node.internalIps[0] ?? '';
    node.links.push({
      name: device,
      kind: kind ?? vxlanKind({ vni: 4096, local: lan, lower: 'eth0' }).replace('8472', '4789'),
      flags: kind === undefined ? up : 'NOARP,UP,LOWER_UP',
      ...(kind === undefined ? { mac: node.vtepMac } : {}),
    });
    addSettings(node, device);
    node.addresses.push({ link: device, address: `${vtep(node.index)}/32` });
    node.routes4.push(`blackhole ${block(node.index)} proto 80`);
    for (const [number, pod] of world.pods.filter((one) => one.node === node).entries()) {
      const name = `cali${node.index}${number}aaaaaaaa`;
      node.links.push({ name, kind: 'veth', flags: up, mac: 'ee:ee:ee:ee:ee:ee', other: 'if2' });
      addSettings(node, name);
      node.sysctls.set(`net.ipv4.conf.${name}.proxy_arp`, '1');
      node.routes4.push(`${pod.ips[0] ?? ''} dev ${name} scope link`);
    }
    for (const peer of world.nodes) {
      if (peer === node) continue;
      const via = kind === undefined ? vtep(peer.index) : (peer.internalIps[0] ?? '');
      node.routes4.push(`${block(peer.index)} via ${via} dev ${device} proto 80 onlink`);
      if (kind !== undefined) continue;
      node.neighbors.push(`${via} dev ${device} lladdr ${peer.vtepMac} PERMANENT`);
      node.fdb.push(`${peer.vtepMac} dev ${device} dst ${peer.internalIps[0] ?? ''} self permanent`);
    }
  }
  return world;
}

describe('what lies about', () => {
  it('Docker, libvirt and the bridge of another CNI', () => {
    const world = makeWorld();
    for (const node of world.nodes) {
      for (const [name, address] of [
        ['docker0', '172.17.0.1/16'],
        ['virbr0', '192.168.122.1/24'],
        ['weave', '10.32.0.1/12'],
      ] as const) {
        node.links.push({
          name,
          kind: 'bridge',
          flags: 'NO-CARRIER,BROADCAST,MULTICAST,UP',
          mac: `02:d0:0${name.length}:00:00:0${node.index}`,
        });
        addSettings(node, name);
        node.addresses.push({ link: name, address });
      }
    }
    expectHealthy(world);
  });

  it('a wider route by a VPN in main: less specific than the pod network, it takes nothing', () => {
    const world = makeWorld();
    for (const node of world.nodes) {
      node.links.push({ name: 'tun0', kind: 'tun type tun pi off', flags: tunnelUp });
      addSettings(node, 'tun0');
      node.addresses.push({ link: 'tun0', address: '10.8.0.2/32' });
      node.routes4.push('10.0.0.0/8 via 10.8.0.1 dev tun0');
    }
    const { diagnosis } = expectHealthy(world);
    expect(diagnosis.risks.map((risk) => risk.code)).toEqual(['tunnel-route-covers-cluster-cidr']);
  });

  it('blackholes for blocks that nothing needs', () => {
    const world = makeWorld();
    for (const node of world.nodes)
      node.routes4.push('blackhole 10.42.64.0/18 proto bird', 'unreachable 10.128.0.0/9 metric 4278198272');
    expectHealthy(world);
  });

  it('NetworkPolicies', () => {
    const world = makeWorld();
    const policy = {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: 'deny', namespace: 'shop' },
      spec: { podSelector: {} },
    };
    world.files.set(
      'cluster/resources/networkpolicies.networking.k8s.io.json',
      JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [policy] }),
    );
    expectHealthy(world);
  });

  it('a strict reverse-path check where the ways are symmetric', () => {
    const world = makeWorld();
    for (const node of world.nodes)
      for (const key of node.sysctls.keys()) if (key.endsWith('.rp_filter')) node.sysctls.set(key, '1');
    expectHealthy(world);
  });

  it('a policy rule that no packet meets', () => {
    const world = makeWorld();
    for (const node of world.nodes) {
      node.rules4.push('100:\tfrom 172.31.0.0/16 lookup 77');
      node.routes4.push('default via 172.31.0.1 dev eth0 table 77 onlink');
    }
    expectHealthy(world);
  });
});

describe('crashes for reasons of their own', () => {
  const loops = (world: World): ReturnType<typeof addPod> =>
    addPod(world, world.nodes[1] as WorldNode, 'worker', {
      isReady: false,
      waitingReason: 'CrashLoopBackOff',
      restarts: 12,
    });

  it.each([
    ['out of memory', { reason: 'OOMKilled', exitCode: 137 }],
    ['a command that is not there', { reason: 'Error', exitCode: 127 }],
    ['a file that cannot be executed', { reason: 'Error', exitCode: 126 }],
  ])('%s', (_, lastExit) => {
    const world = makeWorld();
    loops(world).lastExit = lastExit;
    const { diagnosis } = expectHealthy(world);
    expect(
      diagnosis.symptoms.map((symptom) => [symptom.kind, symptom.notConnectivity !== undefined]),
    ).toEqual([['crash-loop', true]]);
  });

  it('a traceback that speaks of no connection', () => {
    const world = makeWorld();
    loops(world).lastExit = { reason: 'Error', exitCode: 1 };
    world.logs.set('shop/worker/main.log', [
      'Traceback (most recent call last):',
      '  File "/app/main.py", line 7, in <module>',
      "KeyError: 'SECRET_KEY'",
    ]);
    const { diagnosis } = expectHealthy(world);
    expect(diagnosis.symptoms.map((symptom) => symptom.explainedBy)).toEqual([[]]);
  });

  it('an image that cannot be pulled', () => {
    const world = makeWorld();
    addPod(world, world.nodes[1] as WorldNode, 'new', {
      isReady: false,
      waitingReason: 'ImagePullBackOff',
      phase: 'Pending',
      ips: [],
    });
    expectHealthy(world);
  });
});

describe('nodes nobody looked into', () => {
  it('a node that is not ready and was not collected', () => {
    const world = makeWorld({ nodes: 3 });
    const last = world.nodes[2] as WorldNode;
    last.isReady = false;
    last.isCollected = false;
    const { diagnosis } = expectOpen(world);
    expect(diagnosis.vantage.nodesMissing).toEqual([last.name]);
    expect(new Set(diagnosis.unknowns.map((unknown) => unknown.command))).toEqual(
      new Set([`waylaid collect --node ${last.name}`]),
    );
  });

  it.each(['ip-rule-4', 'ip-route-4', 'ip-link', 'ip-addr', 'bridge-fdb', 'ip-neigh', 'sysctl'])(
    'a node without %s',
    (name) => {
      const world = makeWorld({ nodes: 3, collectsPods: true });
      world.nodes[1]?.without.add(name);
      expectOpen(world);
    },
  );

  it('a machine outside the cluster is not asked for anything', () => {
    const world = makeWorld();
    world.hosts.push(makeMachine(world.options, 60, 'nas'));
    expectHealthy(world);
  });

  it('names the overlay as flannel does', () => {
    expect(overlayName(makeWorld({ vni: 7 }))).toBe('flannel.7');
  });
});
