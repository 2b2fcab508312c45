// Single steps of a trace, each in the smallest world that shows it: wires, segments and neighbours, translation there and
// back, the overlay, the tailnet and its packet filter.
import { describe, expect, it } from 'vitest';
import { addPod, makeWorld, overlayName, podAddress } from './make-world.ts';
import { joinTailnet } from './join-tailnet.ts';
import type { World, WorldNode } from './world.ts';
import { readWorld } from './write-world.ts';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import { parseAddress } from '../../src/core/net/address.ts';
import type { Address } from '../../src/core/net/address.ts';
import { classifyPods } from '../../src/core/diagnose/pod-classes.ts';
import type { Journey, Protocol, Trace } from '../../src/core/trace/flow.ts';
import { traceFlow } from '../../src/core/trace/trace-flow.ts';

const nodeAt = (world: World, index: number): WorldNode => world.nodes[index]!;
const address = (text: string): Address => parseAddress(text)!;

function traceIn(world: World, from: string, to: string, protocol: Protocol = 'icmp', port?: number): Trace {
  const network = buildNetwork(readWorld(world));
  return traceFlow(network, { from, to: address(to), protocol, ...(port === undefined ? {} : { port }) });
}

const only = (trace: Trace): Journey => {
  expect(trace.journeys).toHaveLength(1);
  return trace.journeys[0]!;
};
const endOf = (trace: Trace): Journey['end'] => only(trace).end;
const stepsOf = (journey: Journey): readonly string[] => journey.hops.map((hop) => hop.step);

describe('wires', () => {
  it('join collected namespaces by their index pairs', () => {
    const network = buildNetwork(readWorld(makeWorld({ nodes: 1, podsPerNode: 2, collectsPods: true })));
    expect(network.wires.get('pod/shop/app-0-0 eth0')).toMatchObject({
      namespace: 'node/node-1',
      because: 'index-pair',
    });
    expect([...network.wires.values()].every((end) => end.because === 'index-pair')).toBe(true);
  });

  it('join by the bridge’s table where the devices name no index', () => {
    const world = makeWorld({ nodes: 1, podsPerNode: 2, collectsPods: true });
    for (const pod of world.pods) {
      const own = pod.network?.links.find((link) => link.name === 'eth0');
      if (own === undefined) continue;
      const port = nodeAt(world, 0).links[Number(own.other?.slice(2)) - 1]!;
      delete own.other;
      nodeAt(world, 0).fdb.push(`${own.mac ?? ''} dev ${port.name} master cni0`);
    }
    const network = buildNetwork(readWorld(world));
    expect(network.wires.get('pod/shop/app-0-0 eth0')?.because).toBe('forwarding-table');
    expect(traceIn(world, 'pod/shop/app-0-0', podAddress(world.options, 0, 1)).verdict).toBe('arrives');
  });

  it('find an unnamed namespace by the address it holds', () => {
    const world = makeWorld({ nodes: 1, podsPerNode: 1, collectsPods: true });
    const files = readWorld(world).nodes.get('node-1')!;
    const facts = files.pods.get('shop/app-0-0')!;
    const machine = { ...files, pods: new Map(), unnamedNamespaces: new Map([['netns_4026532', facts]]) };
    const snapshot = { ...readWorld(world), nodes: new Map([['node-1', machine]]) };
    const found = buildNetwork(snapshot).namespaces.get('pod/shop/app-0-0');
    expect(found?.isAssumed).toBe(false);
    expect(found?.facts).toBe(facts);
  });

  it('say of a pod that nothing leads to that nobody knows', () => {
    const world = makeWorld({ nodes: 2 });
    addPod(world, nodeAt(world, 1), 'stray', { ips: ['172.29.9.9'] });
    const network = buildNetwork(readWorld(world));
    expect(network.namespaces.has('pod/shop/stray')).toBe(false);
    expect(network.notes.map((note) => note.code)).toEqual(['dangling-reference']);
    expect(traceIn(world, 'pod/shop/stray', podAddress(world.options, 0, 0)).verdict).toBe('unknown');
  });
});

describe('neighbours', () => {
  const world = (): World => makeWorld({ nodes: 2, podsPerNode: 1, collectsPods: true });

  it('a permanent entry with a MAC that nobody on the bridge has loses the packet', () => {
    const draft = world();
    const to = podAddress(draft.options, 1, 0);
    nodeAt(draft, 1).neighbors.push(`${to} dev cni0 lladdr 02:99:99:99:99:99 PERMANENT`);
    expect(endOf(traceIn(draft, 'node/node-2', to))).toMatchObject({
      kind: 'lost',
      why: 'wrong-host',
      isCertain: true,
    });
  });

  it('a learned entry that is out of date is asked for again', () => {
    const draft = world();
    const to = podAddress(draft.options, 1, 0);
    nodeAt(draft, 1).neighbors.push(`${to} dev cni0 lladdr 02:99:99:99:99:99 STALE`);
    expect(traceIn(draft, 'node/node-2', to).verdict).toBe('arrives');
  });

  it('nobody has the address on a bridge that was seen whole', () => {
    const draft = world();
    const to = podAddress(draft.options, 1, 77);
    expect(endOf(traceIn(draft, 'node/node-2', to))).toMatchObject({ kind: 'lost', why: 'no-neighbor' });
  });

  it('a machine outside the evidence may have an address of the LAN', () => {
    expect(endOf(traceIn(world(), 'node/node-1', '192.168.1.200')).kind).toBe('unknown');
  });
});

describe('translation', () => {
  it('a Service becomes its endpoint, and the answer comes from the Service', () => {
    const world = makeWorld({ nodes: 2, podsPerNode: 1 });
    const journey = only(traceIn(world, 'pod/shop/app-1-0', '10.43.0.10', 'udp', 53));
    expect(stepsOf(journey)).toContain('nat');
    expect(journey.end).toEqual({ kind: 'delivered', to: 'pod/kube-system/coredns-1' });
    const reply = journey.replies?.[0];
    expect(reply?.end).toEqual({ kind: 'delivered', to: 'pod/shop/app-1-0' });
    expect(reply?.hops.at(-1)?.packet).toMatchObject({
      source: '10.43.0.10',
      sourcePort: 53,
      destination: podAddress(world.options, 1, 0),
    });
  });

  it('a node’s packet to a remote pod is masqueraded, and the answer finds the way back', () => {
    const world = makeWorld({ nodes: 2, podsPerNode: 1 });
    const journey = only(traceIn(world, 'node/node-2', '10.43.0.10', 'udp', 53));
    const seen = journey.hops.at(-1)?.packet.source;
    expect(seen).toBe(podAddress(world.options, 1, -2));
    expect(journey.replies?.[0]?.end).toEqual({ kind: 'delivered', to: 'node/node-2' });
  });

  it('a pod that is its own endpoint gets its packet back', () => {
    const world = makeWorld({ nodes: 1, podsPerNode: 1, collectsPods: true });
    expect(traceIn(world, 'pod/kube-system/coredns-1', '10.43.0.10', 'udp', 53).verdict).toBe('arrives');
  });

  it('a Service without endpoints refuses, and several endpoints are several ways', () => {
    const world = makeWorld({ nodes: 2, podsPerNode: 2 });
    const [dns] = world.services;
    dns!.endpoints = [];
    expect(endOf(traceIn(world, 'pod/shop/app-1-0', '10.43.0.10', 'udp', 53))).toMatchObject({
      kind: 'refused',
      why: 'no-endpoints',
    });
    dns!.endpoints = [0, 1].map((number) => ({ address: podAddress(world.options, 0, number), port: 53 }));
    expect(traceIn(world, 'pod/shop/app-1-0', '10.43.0.10', 'udp', 53).journeys).toHaveLength(2);
  });
});

describe('the overlay', () => {
  it('has an outer packet between the nodes’ own addresses', () => {
    const world = makeWorld({ nodes: 2, podsPerNode: 1 });
    const journey = only(traceIn(world, 'pod/shop/app-0-0', podAddress(world.options, 1, 0)));
    const encap = journey.hops.find((hop) => hop.step === 'encap');
    expect(encap?.nested?.end).toEqual({ kind: 'delivered', to: 'node/node-2' });
    expect(encap?.nested?.hops[0]?.packet).toMatchObject({
      source: '192.168.1.11',
      destination: '192.168.1.12',
      destinationPort: 8472,
    });
    expect(stepsOf(journey)).toContain('decap');
  });

  it.each([
    ['no neighbour', 'no-neighbor', (node: WorldNode): void => void (node.neighbors = [])],
    ['no forwarding entry', 'no-fdb-entry', (node: WorldNode): void => void (node.fdb = [])],
    [
      'a MAC that is not the other’s',
      'no-fdb-entry',
      (node: WorldNode): void =>
        void (node.neighbors = node.neighbors.map((line) =>
          line.replace(/lladdr \S+/, 'lladdr 02:99:00:00:00:01'),
        )),
    ],
  ] as const)('%s loses the packet for certain', (_, why, edit) => {
    const world = makeWorld({ nodes: 2, podsPerNode: 1 });
    edit(nodeAt(world, 0));
    expect(endOf(traceIn(world, 'pod/shop/app-0-0', podAddress(world.options, 1, 0)))).toMatchObject({
      kind: 'lost',
      at: 'node/node-1',
      why,
      isCertain: true,
    });
  });

  it('a frame for another MAC is dropped where it arrives', () => {
    const world = makeWorld({ nodes: 3, podsPerNode: 1 });
    const node = nodeAt(world, 0);
    node.fdb = node.fdb.map((line) => line.replace('dst 192.168.1.12 ', 'dst 192.168.1.13 '));
    expect(endOf(traceIn(world, 'pod/shop/app-0-0', podAddress(world.options, 1, 0)))).toMatchObject({
      kind: 'lost',
      at: 'node/node-3',
      why: 'wrong-host',
    });
    expect(overlayName(world)).toBe('flannel.1');
  });
});

describe('the tailnet', () => {
  function joined(more: { readonly advertises?: readonly string[]; readonly filter?: unknown } = {}): World {
    const world = makeWorld({ nodes: 2, podsPerNode: 1 });
    joinTailnet(
      world.nodes.map((machine, index) => ({
        name: machine.name,
        address: `100.64.1.${index + 1}`,
        machine,
        acceptsRoutes: index === 0,
        ...(index === 1 && more.advertises !== undefined ? { advertises: more.advertises } : {}),
      })),
      { device: 'ts0' },
    );
    if (more.filter !== undefined)
      nodeAt(world, 1).files.set('tailscale-netmap.json', JSON.stringify({ PacketFilter: more.filter }));
    return world;
  }

  it('carries what a peer takes', () => {
    expect(traceIn(joined(), 'node/node-1', '100.64.1.2').verdict).toBe('arrives');
  });

  it('has no way to an address that no peer takes', () => {
    const world = joined();
    nodeAt(world, 0).routes4.push('100.64.0.0/10 dev ts0 table 52');
    expect(endOf(traceIn(world, 'node/node-1', '100.64.7.7'))).toMatchObject({
      kind: 'lost',
      why: 'tunnel-no-peer',
    });
  });

  it('takes no packet from a source that is not the sender’s', () => {
    const world = joined({ advertises: ['10.42.0.0/16'] });
    expect(endOf(traceIn(world, 'pod/shop/app-0-0', podAddress(world.options, 1, 0)))).toMatchObject({
      kind: 'lost',
      why: 'tunnel-source-refused',
    });
  });

  const everyPort = { First: 0, Last: 65_535 };
  it.each([
    [
      'a rule for the address and port',
      [
        {
          Srcs: ['100.64.1.1/32'],
          Dsts: [{ Net: '100.64.1.2/32', Ports: { First: 8080, Last: 8090 } }],
          IPProto: [6],
        },
      ],
      'arrives',
    ],
    [
      'a rule for other ports',
      [
        {
          Srcs: ['100.64.1.1/32'],
          Dsts: [{ Net: '100.64.1.2/32', Ports: { First: 22, Last: 22 } }],
          IPProto: [6],
        },
      ],
      'fails',
    ],
    [
      'a rule for another protocol',
      [{ Srcs: ['100.64.1.1/32'], Dsts: [{ Net: '100.64.1.2/32', Ports: everyPort }], IPProto: [17] }],
      'fails',
    ],
    [
      'a rule without protocols',
      [{ Srcs: ['100.64.1.1/32'], Dsts: [{ Net: '100.64.1.2/32', Ports: everyPort }] }],
      'arrives',
    ],
    [
      'a rule for another source',
      [{ Srcs: ['100.64.1.9/32'], Dsts: [{ Net: '0.0.0.0/0', Ports: everyPort }], IPProto: [6] }],
      'fails',
    ],
    [
      'a rule for a source that cannot be read',
      [
        {
          Srcs: [],
          SrcCaps: ['example.com/cap'],
          Dsts: [{ Net: '0.0.0.0/0', Ports: everyPort }],
          IPProto: [6],
        },
      ],
      'unknown',
    ],
    ['no rule at all', [], 'fails'],
  ])('with %s a new connection %#', (_, filter, verdict) => {
    expect(traceIn(joined({ filter }), 'node/node-1', '100.64.1.2', 'tcp', 8081).verdict).toBe(verdict);
  });
});

describe('classes of pods', () => {
  const membersOf = (world: World): readonly (readonly string[])[] =>
    classifyPods(buildNetwork(readWorld(world))).map((one) => one.pods.map((pod) => pod.name));

  it('pods of one node that nothing tells apart are one', () => {
    expect(membersOf(makeWorld({ nodes: 2, podsPerNode: 3 }))).toEqual([
      ['coredns-1', 'app-0-0', 'app-0-1', 'app-0-2'],
      ['app-1-0', 'app-1-1', 'app-1-2'],
    ]);
  });

  it('a route, a rule or another way to route tells them apart', () => {
    const byRoute = makeWorld({ nodes: 2, podsPerNode: 3 });
    nodeAt(byRoute, 0).routes4.push(`${podAddress(byRoute.options, 1, 1)} via 192.168.1.1 dev eth0`);
    expect(membersOf(byRoute)).toHaveLength(3);
    const byRule = makeWorld({ nodes: 2, podsPerNode: 3 });
    nodeAt(byRule, 0).rules4.push(`99:\tfrom ${podAddress(byRule.options, 0, 1)} lookup 77`);
    expect(membersOf(byRule)).toHaveLength(3);
    const byNamespace = makeWorld({ nodes: 2, podsPerNode: 3, collectsPods: true });
    byNamespace.pods[1]?.network?.routes4.push('10.9.0.0/16 via 192.0.2.1 dev eth0 onlink');
    expect(membersOf(byNamespace)).toHaveLength(3);
  });
});
