// What IPVS and Cilium do with packets to Services, by what was collected of them.
import { describe, expect, it } from 'vitest';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { Address } from '../../src/core/net/address.ts';
import { translateByDatapath } from '../../src/core/trace/datapath-service.ts';
import type { DatapathPlace, DatapathService } from '../../src/core/trace/datapath-service.ts';
import type { Packet } from '../../src/core/trace/flow.ts';
import { addIpvs, balancingMap, ipvsLines, makeCiliumWorld, serviceList } from './datapaths.ts';
import { addService, makeWorld } from './make-world.ts';
import type { World } from './world.ts';
import { readWorld } from './write-world.ts';

const dns = { address: '10.43.0.10', port: 53, protocol: 'udp' } as const;
const fromPod: DatapathPlace = { kind: 'device', link: 'lxcapp00' };
const atSocket: DatapathPlace = { kind: 'connect' };
const atInput = { place: { kind: 'input' } } as const;
const atOutput = { place: { kind: 'output' } } as const;

function ask(
  world: World,
  to: { readonly address: string; readonly port: number; readonly protocol: Packet['protocol'] },
  about: { readonly place?: DatapathPlace; readonly from?: string; readonly source?: string } = {},
): DatapathService {
  const network = buildNetwork(readWorld(world));
  const namespace = network.namespaces.get(about.from ?? 'node/node-1');
  if (namespace === undefined) throw new Error(`no ${about.from ?? 'node/node-1'}`);
  const packet: Packet = {
    source: (about.source ?? '10.42.1.2') as Address,
    destination: to.address as Address,
    protocol: to.protocol,
    sourcePort: 40000,
    destinationPort: to.port,
    mark: 0,
    ttl: 64,
  };
  return translateByDatapath(network, namespace, { packet, place: about.place ?? fromPod });
}

function ends(service: DatapathService): readonly string[] {
  if (service.kind !== 'translated') throw new Error(`${service.kind}: ${JSON.stringify(service)}`);
  return service.endpoints.map((end) => `${end.address}:${end.port}`);
}

/** A Service with two endpoints, the second on the second node. */
function withShop(world: World): World {
  const pods = ['app-0-0', 'app-1-0'].map(
    (name) => world.pods.find((pod) => pod.name === name)?.ips[0] ?? '',
  );
  addService(world, {
    namespace: 'shop',
    name: 'web',
    ips: ['10.43.7.7'],
    port: 80,
    protocol: 'TCP',
    endpoints: pods.map((address) => ({ address, port: 8080 })),
  });
  return world;
}

const shop = { address: '10.43.7.7', port: 80, protocol: 'tcp' } as const;

describe('IPVS', () => {
  it('sends to each real server that has a weight, and cites its line', () => {
    const world = withShop(makeWorld());
    addIpvs(world);
    const answer = ask(world, shop, atInput);
    expect(ends(answer)).toEqual(['10.42.1.2:8080', '10.42.2.2:8080']);
    expect(answer).toMatchObject({ isMasqueraded: true });
    expect(answer.kind === 'translated' && answer.evidence.map((one) => one.quote)).toContain(
      '-a -t 10.43.7.7:80 -r 10.42.2.2:8080 -m -w 1',
    );
    for (const node of world.nodes)
      node.files.set(
        'ipvsadm.txt',
        `${ipvsLines(world).join('\n')}\n`.replace('10.42.2.2:8080 -m -w 1', '10.42.2.2:8080 -m -w 0'),
      );
    expect(ends(ask(world, shop, atInput))).toEqual(['10.42.1.2:8080']);
  });

  it('masquerades what does not come from pods, and a pod’s way to itself', () => {
    const world = withShop(makeWorld());
    addIpvs(world);
    expect(ask(world, shop, { ...atInput, source: '10.42.3.2' })).toMatchObject({ isMasqueraded: false });
    expect(ask(world, shop, { ...atInput, source: '10.42.2.2' })).toMatchObject({ isMasqueraded: true });
    expect(ask(world, shop, { ...atOutput, source: '10.43.7.7' })).toMatchObject({ isMasqueraded: true });
  });

  it('refuses where no real server has a weight', () => {
    const world = withShop(makeWorld());
    addIpvs(world);
    const lines = ipvsLines(world).map((line) =>
      line.includes('10.43.7.7') ? line.replace('-w 1', '-w 0') : line,
    );
    for (const node of world.nodes) node.files.set('ipvsadm.txt', `${lines.join('\n')}\n`);
    expect(ask(world, shop, atInput)).toMatchObject({ kind: 'no-endpoints' });
  });

  it('leaves what it has no virtual server for to the node that has the address', () => {
    const world = withShop(makeWorld());
    addIpvs(world);
    expect(ask(world, { ...shop, port: 22 }, atInput)).toEqual({ kind: 'none' });
    expect(ask(world, { address: '192.168.1.11', port: 6443, protocol: 'tcp' }, atInput)).toEqual({
      kind: 'none',
    });
  });

  it('does not see packets that come in for an address that the node has not', () => {
    const world = withShop(makeWorld());
    addIpvs(world);
    for (const node of world.nodes)
      node.addresses = node.addresses.filter((row) => row.address !== '10.43.7.7/32');
    expect(ask(world, shop, atInput)).toEqual({ kind: 'none' });
    expect(ask(world, shop, atOutput)).toMatchObject({ kind: 'translated' });
  });

  it('is asked on the node and not in a pod', () => {
    const world = withShop(makeWorld({ collectsPods: true }));
    addIpvs(world);
    expect(ask(world, shop, { ...atOutput, from: 'pod/shop/app-0-0' })).toEqual({ kind: 'none' });
  });

  it('that was not collected leaves its Services open, and only those', () => {
    const world = withShop(makeWorld());
    addIpvs(world, { isCollected: false });
    expect(ask(world, shop, atInput)).toMatchObject({
      kind: 'unknown',
      missing: { path: 'nodes/node-1/ipvsadm.txt', command: ['cat', '/proc/net/ip_vs'] },
    });
    expect(ask(world, { address: '10.42.2.2', port: 8080, protocol: 'tcp' }, atInput)).toEqual({
      kind: 'none',
    });
  });
});

describe('Cilium', () => {
  it('sends to the backends of its map', () => {
    const world = withShop(makeWorld());
    const cilium = withShop(makeCiliumWorld());
    for (const node of cilium.nodes)
      node.files.set('cilium-bpf-lb-list.json', JSON.stringify(balancingMap(cilium)));
    expect(ends(ask(cilium, shop))).toEqual(['10.42.1.2:8080', '10.42.2.2:8080']);
    expect(ask(cilium, shop)).toMatchObject({ isMasqueraded: false, lostDraws: 0 });
    expect(ask(world, shop)).toEqual({ kind: 'none' });
  });

  it('sends to active backends alone where their states are known', () => {
    const world = withShop(makeCiliumWorld());
    const put = (states: readonly string[]): void => {
      const rows = serviceList(world);
      for (const { status } of rows)
        if (status.realized['frontend-address'].ip === shop.address)
          for (const [index, backend] of status.realized['backend-addresses'].entries())
            backend.state = states[index] ?? 'active';
      for (const node of world.nodes) node.files.set('cilium-service-list.json', JSON.stringify(rows));
    };
    put(['active', 'terminating']);
    expect(ends(ask(world, shop))).toEqual(['10.42.1.2:8080']);
    put(['terminating', 'quarantined']);
    expect(ends(ask(world, shop))).toEqual(['10.42.1.2:8080']);
    put(['maintenance', 'quarantined']);
    expect(ask(world, shop)).toMatchObject({ kind: 'no-endpoints' });
  });

  it('loses what is drawn to a slot whose backend is gone', () => {
    const world = withShop(makeCiliumWorld());
    const map = { ...balancingMap(world), '10.43.7.7:80/TCP (2)': ['backend 42 not found'] };
    for (const node of world.nodes) node.files.set('cilium-bpf-lb-list.json', JSON.stringify(map));
    expect(ask(world, shop)).toMatchObject({ kind: 'translated', lostDraws: 1 });
    expect(ends(ask(world, shop))).toEqual(['10.42.1.2:8080']);
  });

  it('that was not collected leaves its Services open, with the command in the agent of that node', () => {
    const world = withShop(makeCiliumWorld());
    expect(ask(world, shop)).toMatchObject({
      kind: 'unknown',
      missing: {
        path: 'nodes/node-1/cilium-bpf-lb-list.json',
        command: [
          ...['kubectl', '-n', 'kube-system', 'exec', 'cilium-0', '-c', 'cilium-agent'],
          ...['--', 'cilium-dbg', 'bpf', 'lb', 'list', '-o', 'json'],
        ],
      },
    });
    expect(ask(world, { address: '10.42.2.2', port: 8080, protocol: 'tcp' })).toEqual({ kind: 'none' });
  });

  it('translates at the socket of pods unless that is limited to the node', () => {
    const place = { place: atSocket, from: 'pod/shop/app-0-0' };
    const world = (config: Readonly<Record<string, string>>): World =>
      withShop(makeCiliumWorld({ collects: ['lb'], config }, { collectsPods: true }));
    expect(ask(world({}), dns, place)).toMatchObject({ kind: 'translated' });
    expect(ask(world({ 'bpf-lb-sock-hostns-only': 'true' }), dns, place)).toEqual({ kind: 'none' });
    expect(ask(world({ 'bpf-lb-sock-hostns-only': 'true' }), dns)).toMatchObject({ kind: 'translated' });
  });

  it("beside kube-proxy leaves the node's own to the chains", () => {
    const world = withShop(makeCiliumWorld({ replacesKubeProxy: false, collects: ['lb'] }));
    expect(ask(world, dns, { place: atSocket })).toEqual({ kind: 'none' });
    expect(ask(world, dns)).toMatchObject({ kind: 'translated' });
  });

  it('does not translate what comes in by a device without its program, nor a ClusterIP from outside', () => {
    const world = makeCiliumWorld({ collects: ['lb', 'status'] });
    const from = (link: string): { readonly place: DatapathPlace } => ({ place: { kind: 'device', link } });
    expect(ask(world, dns, from('tailscale0'))).toEqual({ kind: 'none' });
    expect(ask(world, dns, from('eth0'))).toEqual({ kind: 'none' });
  });
});
