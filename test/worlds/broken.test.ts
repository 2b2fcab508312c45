// Clusters with faults, one or several: the exact set of root causes is found, in the right order, each proved by its
// repair on the model.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addPod,
  addSettings,
  annotation,
  lanAddress,
  makeWorld,
  overlayName,
  podAddress,
  shareText,
  tunnelUp,
  up,
} from './make-world.ts';
import { joinTailnet, tailscaleRules } from './join-tailnet.ts';
import { worldOptions } from './world-options.ts';
import type { World, WorldNode } from './world.ts';
import { judgeWorld } from './write-world.ts';
import type { Judgement } from '../../src/core/pipeline.ts';

interface Expected {
  readonly code: string;
  readonly subjects: readonly string[];
}

/** Judges it, and holds what is true of every broken cluster: each cause has evidence, and a repair heals and breaks nothing. */
function expectBroken(world: World, expected: readonly Expected[]): Judgement {
  const judgement = judgeWorld(world);
  const { diagnosis, repairs } = judgement;
  expect(diagnosis.causes.map(({ code, subjects }) => ({ code, subjects }))).toEqual(expected);
  expect(diagnosis.verdict).toBe('broken');
  for (const cause of diagnosis.causes) {
    expect(cause.elements.length).toBeGreaterThan(0);
    expect(cause.evidence.length).toBeGreaterThan(0);
    expect(cause.breaks.length).toBeGreaterThan(0);
    const own = repairs.filter((repair) => repair.for.includes(cause.id));
    expect(own.map((repair) => repair.simulated.breaks)).not.toContain(1);
    if (diagnosis.causes.length > 1) continue;
    const failing = diagnosis.judged.filter(
      ({ trace }) => trace.verdict === 'fails' || trace.verdict === 'partly',
    ).length;
    expect(own[0]?.simulated).toEqual({
      heals: failing,
      breaks: 0,
      leaves: 0,
      unknown: own[0]?.simulated.unknown,
    });
  }
  return judgement;
}

const nodeAt = (world: World, index: number): WorldNode => world.nodes[index] as WorldNode;

/** tailscaled's table takes the cluster's prefixes, as Chapter 17 printed it. */
function hijack(world: World, node: WorldNode, device = 'tailscale0', prefix = world.options.podCidr): void {
  node.links.push({ name: device, kind: 'tun type tun pi off', flags: tunnelUp });
  addSettings(node, device);
  node.addresses.push({ link: device, address: `100.101.${node.index}.2/32` });
  node.rules4.push(...tailscaleRules);
  node.routes4.push(`${prefix} dev ${device} table 52`);
}

describe('table 52 takes the pods', () => {
  it('known only from text that somebody typed, without a word from tailscaled', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    hijack(world, node);
    node.routes4.push(`${world.options.serviceCidr} dev tailscale0 table 52`);
    const { diagnosis } = expectBroken(world, [
      { code: 'tailscale-route-takes-cluster-cidr', subjects: [`node/${node.name}`] },
    ]);
    expect(diagnosis.causes[0]?.confidence).toBe('supported');
    expect(diagnosis.causes[0]?.elements.map((element) => element.text)).toEqual([
      '10.42.0.0/16 dev tailscale0 table 52',
      '10.43.0.0/16 dev tailscale0 table 52',
    ]);
  });

  it('is proven where a pod says that it cannot get through', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    hijack(world, node);
    const pod = addPod(world, node, 'api', {
      isReady: false,
      waitingReason: 'CrashLoopBackOff',
      restarts: 9,
    });
    pod.lastExit = { reason: 'Error', exitCode: 1 };
    world.logs.set('shop/api/main.log', [
      'psycopg2.OperationalError: could not translate host name "postgres" to address: Temporary failure in name resolution',
    ]);
    const { diagnosis } = expectBroken(world, [
      { code: 'tailscale-route-takes-cluster-cidr', subjects: [`node/${node.name}`] },
    ]);
    expect(diagnosis.causes[0]?.confidence).toBe('proven');
    expect(diagnosis.symptoms.map((symptom) => symptom.explainedBy)).toEqual([['rc1'], ['rc1']]);
    expect(diagnosis.cleared.map((cleared) => cleared.suspect)).toContain('CoreDNS');
  });

  it('whatever the numbers, the names and the device, on one node or on several', () => {
    const arbitrary = fc.tuple(
      worldOptions({ families: [4] }),
      fc.constantFrom('tailscale0', 'ts0', 'utun7'),
      fc.integer({ min: 1, max: 5 }),
    );
    fc.assert(
      fc.property(arbitrary, ([options, device, count]) => {
        const world = makeWorld(options);
        const taken = world.nodes.slice(-count);
        for (const node of taken) hijack(world, node, device);
        const { diagnosis } = judgeWorld(world);
        expect(diagnosis.causes.map(({ code, subjects }) => ({ code, subjects }))).toEqual([
          {
            code: 'tailscale-route-takes-cluster-cidr',
            subjects: taken.map((node) => `node/${node.name}`).sort(),
          },
        ]);
        expect(diagnosis.causes[0]?.title).toContain('table 52');
      }),
      { numRuns: 25 },
    );
  });

  it('on twelve of twelve nodes is one cause with twelve subjects', () => {
    const world = makeWorld({ nodes: 12, podsPerNode: 1 });
    for (const node of world.nodes) hijack(world, node);
    expectBroken(world, [
      {
        code: 'tailscale-route-takes-cluster-cidr',
        subjects: world.nodes.map((node) => `node/${node.name}`).sort(),
      },
    ]);
  });

  it('with what tailscaled says: proven, and who advertises it is named', () => {
    const world = makeWorld();
    const members = world.nodes.map((machine, index) => ({
      name: machine.name,
      address: `100.64.1.${index + 1}`,
      machine,
      acceptsRoutes: index === 1,
    }));
    joinTailnet(
      [...members, { name: 'gateway', address: '100.64.9.9', advertises: [world.options.podCidr] }],
      { device: 'ts0' },
    );
    const { diagnosis, repairs } = expectBroken(world, [
      {
        code: 'tailscale-route-takes-cluster-cidr',
        subjects: [`node/${nodeAt(world, 1).name}`, 'tailnet/device/gateway'],
      },
    ]);
    expect(diagnosis.causes[0]?.confidence).toBe('proven');
    expect(repairs.map((repair) => repair.kind)).toEqual([
      'immediate',
      'persistent',
      'at-source',
      'at-source',
    ]);
    for (const repair of repairs)
      expect(repair.simulated, repair.title).toMatchObject({ breaks: 0, leaves: 0 });
  });

  it('half of a node: only the pods in it fail', () => {
    const world = makeWorld({ podsPerNode: 2 });
    const far = nodeAt(world, 2);
    const base = podAddress(world.options, far.index, 126);
    const upper = addPod(world, far, 'upper', { ips: [podAddress(world.options, far.index, 140)] });
    const node = nodeAt(world, 1);
    hijack(world, node, 'tailscale0', `${base}/25`);
    const { diagnosis } = expectBroken(world, [
      { code: 'tailscale-route-takes-cluster-cidr', subjects: [`node/${node.name}`] },
    ]);
    const failing = diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails');
    expect(failing.length).toBeGreaterThan(0);
    for (const { intent } of failing)
      expect([intent.flow.from, intent.flow.to]).toSatisfy(
        (ends: string[]) => ends.includes(`pod/shop/${upper.name}`) || ends.includes(upper.ips[0] ?? ''),
      );
  });
});

describe('several faults', () => {
  it('a hijack and a lost forwarding entry elsewhere: the one that breaks more comes first', () => {
    const world = makeWorld({ nodes: 4 });
    hijack(world, nodeAt(world, 1));
    const third = nodeAt(world, 2);
    third.fdb = third.fdb.filter((line) => !line.startsWith(nodeAt(world, 3).vtepMac));
    expectBroken(world, [
      { code: 'tailscale-route-takes-cluster-cidr', subjects: [`node/${nodeAt(world, 1).name}`] },
      { code: 'flannel-fdb-missing', subjects: [`node/${third.name}`] },
    ]);
  });

  it('a hijack over a missing route on the same way: one is uncovered after the other', () => {
    const world = makeWorld({ nodes: 3 });
    const node = nodeAt(world, 1);
    hijack(world, node);
    node.routes4 = node.routes4.filter((line) => !line.startsWith(`${shareText(world, 2)} `));
    const { diagnosis } = expectBroken(world, [
      { code: 'tailscale-route-takes-cluster-cidr', subjects: [`node/${node.name}`] },
      { code: 'flannel-route-missing', subjects: [`node/${node.name}`] },
    ]);
    const both = diagnosis.causes[1]?.breaks ?? [];
    expect(both.length).toBeGreaterThan(0);
    expect(diagnosis.causes[0]?.breaks).toEqual(expect.arrayContaining([...both]));
  });
});

describe('routes and rules', () => {
  it.each(['unreachable', 'blackhole', 'prohibit'])('%s over another node’s pods', (type) => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    node.routes4 = node.routes4.filter((line) => !line.startsWith(`${shareText(world, 2)} `));
    node.routes4.push(`${type} ${shareText(world, 2).replace('/24', '/25')}`);
    node.routes4.push(
      `${shareText(world, 2)} via ${podAddress(world.options, 2, -2)} dev ${overlayName(world)} onlink`,
    );
    expectBroken(world, [{ code: 'route-drops-traffic', subjects: [`node/${node.name}`] }]);
  });

  it('a rule for one node’s pods to a wrong gateway', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    node.rules4.push(`1000:\tfrom ${shareText(world, 1)} lookup 100`);
    node.routes4.push(`default via ${lanAddress(world, 200)} dev eth0 table 100`);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.verdict).toBe('broken');
    expect(diagnosis.causes.map((cause) => cause.code)).toEqual(['policy-rule-takes-traffic']);
    expect(diagnosis.causes[0]?.subjects).toEqual([`node/${node.name}`]);
  });

  it('a more specific route by another VPN', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    node.links.push({ name: 'tun0', kind: 'tun type tun pi off', flags: tunnelUp });
    addSettings(node, 'tun0');
    node.addresses.push({ link: 'tun0', address: '10.8.0.2/32' });
    node.routes4.push(`${shareText(world, 2).replace('/24', '/25')} via 10.8.0.1 dev tun0`);
    expectBroken(world, [{ code: 'vpn-route-takes-cluster-cidr', subjects: [`node/${node.name}`] }]);
  });

  it('a strict reverse-path check where the way back is another', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    const peer = nodeAt(world, 2);
    // What this node sends to the other LAN address of its peer goes by a second network; answers come by the first.
    for (const one of [node, peer]) {
      one.links.push({ name: 'eth1', flags: up, mac: `02:ab:00:00:00:0${one.index}` });
      addSettings(one, 'eth1');
      one.addresses.push({ link: 'eth1', address: `172.31.0.${one.index + 1}/24` });
    }
    node.routes4.push(`${lanAddress(world, peer.index)} via 172.31.0.${peer.index + 1} dev eth1`);
    node.sysctls.set('net.ipv4.conf.eth0.rp_filter', '1');
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.verdict).toBe('broken');
    expect(diagnosis.causes.map((cause) => [cause.code, cause.subjects])).toEqual([
      ['reverse-path-filter', [`node/${node.name}`]],
    ]);
  });

  it('forwarding off on one device only', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    node.sysctls.set(`net.ipv4.conf.${world.options.bridge}.forwarding`, '0');
    const { diagnosis } = expectBroken(world, [{ code: 'forwarding-off', subjects: [`node/${node.name}`] }]);
    expect(diagnosis.causes[0]?.elements[0]?.text).toBe('net.ipv4.conf.cni0.forwarding = 0');
    expect(diagnosis.causes[0]?.confidence).toBe('proven');
  });
});

describe('flannel', () => {
  it('its device down, as somebody wrote it', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    for (const link of node.links) if (link.name === overlayName(world)) link.flags = 'BROADCAST,MULTICAST';
    expectBroken(world, [{ code: 'link-down', subjects: [`node/${node.name}`] }]);
  });

  it('its device down, with everything that the kernel takes away with it', () => {
    const world = makeWorld();
    const node = nodeAt(world, 1);
    const device = overlayName(world);
    for (const link of node.links) if (link.name === device) link.flags = 'BROADCAST,MULTICAST';
    node.routes4 = node.routes4.filter((line) => !line.includes(device));
    node.neighbors = node.neighbors.filter((line) => !line.includes(device));
    expectBroken(world, [{ code: 'link-down', subjects: [`node/${node.name}`] }]);
  });

  it('a node that got another address: stale entries everywhere else are one cause', () => {
    const world = makeWorld({ nodes: 5 });
    const moved = nodeAt(world, 2);
    const [old, fresh] = [lanAddress(world, 2), lanAddress(world, 90)];
    moved.internalIps = [fresh];
    moved.annotations[annotation('public-ip')] = fresh;
    moved.addresses = moved.addresses.map((row) =>
      row.address === `${old}/24` ? { link: row.link, address: `${fresh}/24` } : row,
    );
    for (const link of moved.links)
      link.kind = link.kind?.replace(`local ${old} `, `local ${fresh} `) ?? link.kind;
    const others = world.nodes.filter((node) => node !== moved).map((node) => `node/${node.name}`);
    expectBroken(world, [{ code: 'flannel-fdb-wrong', subjects: others }]);
  });

  it('two nodes that publish one address', () => {
    const world = makeWorld({ nodes: 3 });
    const [first, second] = [nodeAt(world, 1), nodeAt(world, 2)];
    second.annotations[annotation('public-ip')] = first.internalIps[0] ?? '';
    for (const node of world.nodes)
      node.fdb = node.fdb.map((line) =>
        line.startsWith(second.vtepMac) ? line.replace(/dst \S+/, `dst ${first.internalIps[0] ?? ''}`) : line,
      );
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.verdict).toBe('broken');
    expect(diagnosis.causes).toHaveLength(1);
  });

  it('two nodes with one MAC', () => {
    const world = makeWorld({ nodes: 3 });
    const [first, second] = [nodeAt(world, 1), nodeAt(world, 2)];
    const shared = first.vtepMac;
    const swap = (lines: string[]): string[] => lines.map((line) => line.replace(second.vtepMac, shared));
    const device = second.links.findIndex((link) => link.name === overlayName(world));
    second.links[device] = { ...(second.links[device] as (typeof second.links)[number]), mac: shared };
    second.annotations[annotation('backend-data')] = JSON.stringify({ VNI: 1, VtepMAC: shared });
    for (const node of world.nodes) {
      node.neighbors = swap(node.neighbors);
      node.fdb = swap(node.fdb);
    }
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.verdict).not.toBe('healthy');
    const failing = diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails');
    expect(failing.length).toBeGreaterThan(0);
  });

  it('a wrong podCIDR: two nodes hold each other’s share', () => {
    const world = makeWorld({ nodes: 3 });
    const [first, second] = [nodeAt(world, 1), nodeAt(world, 2)];
    [first.podCidrs, second.podCidrs] = [second.podCidrs, first.podCidrs];
    const { diagnosis } = judgeWorld(world);
    // Routes and bridges agree with each other, so every packet arrives: an odd object alone breaks nothing.
    expect(diagnosis.causes).toEqual([]);
  });

  it('a bridge that is not in the node’s podCIDR: the pods there cannot be reached from elsewhere', () => {
    const world = makeWorld({ nodes: 3 });
    const node = nodeAt(world, 2);
    const wrong = shareText(world, 9);
    node.podCidrs = [wrong];
    for (const other of world.nodes)
      if (other !== node) {
        other.routes4 = other.routes4.map((line) =>
          line
            .replace(shareText(world, 2), wrong)
            .replaceAll(podAddress(world.options, 2, -2), podAddress(world.options, 9, -2)),
        );
        other.neighbors = other.neighbors.map((line) =>
          line.replaceAll(`${podAddress(world.options, 2, -2)} `, `${podAddress(world.options, 9, -2)} `),
        );
      }
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.verdict).not.toBe('healthy');
    expect(diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails').length).toBeGreaterThan(0);
  });
});
