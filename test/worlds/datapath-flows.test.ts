// Whole clusters on another datapath than the kernel's own: what is said to be well, what stays open and by which command
// it could be told, and that what lies around the open part is judged as ever.
import { describe, expect, it } from 'vitest';
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { Judgement } from '../../src/core/pipeline.ts';
import { addIpvs, ipvsLines, makeCiliumWorld, makeKubeOvnWorld } from './datapaths.ts';
import { joinTailnet } from './join-tailnet.ts';
import type { TailnetMember } from './join-tailnet.ts';
import { makeWorld } from './make-world.ts';
import type { World } from './world.ts';
import { judgeWorld, readWorld } from './write-world.ts';

const everything = ['lb', 'services', 'endpoints', 'policy', 'ipcache', 'status'] as const;

function verdicts(judgement: Judgement, verdict: string): readonly string[] {
  return judgement.diagnosis.judged
    .filter(({ trace }) => trace.verdict === verdict)
    .map(({ intent }) => intent.kind)
    .filter((kind, index, all) => all.indexOf(kind) === index)
    .sort();
}

function expectHealthy(world: World): void {
  const { diagnosis } = judgeWorld(world);
  expect(diagnosis.causes.map((cause) => cause.title)).toEqual([]);
  expect(diagnosis.unknowns.map((unknown) => unknown.question)).toEqual([]);
  expect(diagnosis.verdict, diagnosis.summary).toBe('healthy');
}

describe('Cilium in place of kube-proxy', () => {
  it('is unknown where nothing of its own was collected, for exactly the flows through it', () => {
    const judgement = judgeWorld(makeCiliumWorld());
    const { diagnosis } = judgement;
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.verdict).toBe('unknown');
    expect(verdicts(judgement, 'fails')).toEqual([]);
    expect(verdicts(judgement, 'arrives')).toEqual(['node-to-node']);
    expect(verdicts(judgement, 'unknown')).toEqual([
      'node-to-pod',
      'node-to-service',
      'pod-to-pod',
      'pod-to-service',
    ]);
    const commands = diagnosis.unknowns.map((unknown) => unknown.command);
    expect(commands).toContain(
      'kubectl -n kube-system exec cilium-0 -c cilium-agent -- cilium-dbg bpf lb list -o json',
    );
    expect(commands).toContain(
      'kubectl -n kube-system exec cilium-1 -c cilium-agent -- cilium-dbg endpoint list -o json',
    );
  });

  it('is healthy where its state was collected and everything is fine', () => {
    expectHealthy(makeCiliumWorld({ collects: everything }));
  });

  it('carries packets between nodes as flows of the nodes’ own', () => {
    const world = makeCiliumWorld({ collects: everything });
    const nested = judgeWorld(world).diagnosis.judged.flatMap(({ intent, trace }) =>
      intent.kind === 'pod-to-pod'
        ? trace.journeys.flatMap((journey) => journey.hops.flatMap((hop) => hop.nested ?? []))
        : [],
    );
    expect(nested.length).toBeGreaterThan(0);
    for (const outer of nested) expect(outer.end).toMatchObject({ kind: 'delivered' });
  });

  it('says who drops what policy denies', () => {
    const world = makeCiliumWorld({ collects: everything });
    for (const node of world.nodes) {
      const text = node.files.get('cilium-endpoint-list.json') ?? '';
      node.files.set('cilium-endpoint-list.json', text.replaceAll('"none"', '"ingress"'));
      node.files.set(
        'cilium-bpf-policy.json',
        node.files
          .get('cilium-bpf-policy.json')
          ?.replace(
            '"Identity": 0,\n          "TrafficDirection": 0',
            '"Identity": 9,\n          "TrafficDirection": 0',
          ) ?? '',
      );
    }
    const { diagnosis } = judgeWorld(world);
    const lost = diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails');
    expect(lost.length).toBeGreaterThan(0);
    for (const { trace } of lost) {
      const ends = trace.journeys.map((journey) => journey.end);
      expect(ends).toContainEqual(expect.objectContaining({ kind: 'lost', why: 'program-drops' }));
    }
    expect(diagnosis.verdict).not.toBe('healthy');
  });

  it('still shows a route that loses what nodes send to each other', () => {
    const world = makeCiliumWorld();
    world.nodes[0]?.routes4.push(`blackhole ${world.nodes[1]?.internalIps[0] ?? ''}`);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes.map((cause) => [cause.code, cause.subjects])).toEqual([
      ['route-drops-traffic', ['node/node-1']],
    ]);
    expect(diagnosis.verdict).toBe('broken');
  });

  it('shows the same route under the packets of pods where its own state was collected', () => {
    const world = makeCiliumWorld({ collects: everything });
    world.nodes[0]?.routes4.push(`blackhole ${world.nodes[1]?.internalIps[0] ?? ''}`);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes.map((cause) => [cause.code, cause.subjects])).toEqual([
      ['route-drops-traffic', ['node/node-1']],
    ]);
    const broken = diagnosis.judged.filter(({ intent }) => diagnosis.causes[0]?.breaks.includes(intent.id));
    expect(new Set(broken.map(({ intent }) => intent.kind))).toContain('pod-to-pod');
  });

  it('shows a tailnet route that takes the pods’ addresses from the node itself', () => {
    const world = makeCiliumWorld({ collects: everything });
    const members: readonly TailnetMember[] = world.nodes.map((machine, index) => ({
      name: machine.name,
      address: `100.64.1.${index + 1}`,
      machine,
      acceptsRoutes: index === 1,
    }));
    const gateway = { name: 'gateway', address: '100.64.9.9', advertises: [world.options.podCidr] };
    joinTailnet([...members, gateway]);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes.map((cause) => [cause.code, cause.subjects])).toEqual([
      ['tailscale-route-takes-cluster-cidr', ['node/node-2', 'tailnet/device/gateway']],
    ]);
  });
});

describe('Cilium beside kube-proxy', () => {
  it('leaves only what it does itself open', () => {
    const judgement = judgeWorld(makeCiliumWorld({ replacesKubeProxy: false }));
    expect(judgement.diagnosis.causes).toEqual([]);
    expect(verdicts(judgement, 'fails')).toEqual([]);
    expect(verdicts(judgement, 'arrives')).toContain('node-to-service');
  });

  it('is healthy where its state was collected', () => {
    const collects = ['lb', 'services', 'endpoints', 'policy', 'ipcache'] as const;
    expectHealthy(makeCiliumWorld({ replacesKubeProxy: false, collects }));
  });
});

describe('kube-proxy in IPVS mode', () => {
  it('is healthy where its table was collected', () => {
    const world = makeWorld();
    addIpvs(world);
    expectHealthy(world);
  });

  it('is unknown where it was not, for the Services alone', () => {
    const world = makeWorld();
    addIpvs(world, { isCollected: false });
    const judgement = judgeWorld(world);
    expect(judgement.diagnosis.causes).toEqual([]);
    expect(verdicts(judgement, 'unknown')).toEqual(['node-to-service', 'pod-to-service']);
    expect(verdicts(judgement, 'arrives')).toEqual(['node-to-node', 'node-to-pod', 'pod-to-pod']);
    expect(judgement.diagnosis.unknowns.map((unknown) => unknown.command)).toEqual(
      world.nodes.map((node) => `waylaid collect --node ${node.name}`),
    );
  });

  it('sends to a real server that is no endpoint any more: stale on that node', () => {
    const world = makeWorld();
    addIpvs(world);
    const dead = world.nodes[1];
    const lines = ipvsLines(world).map((line) =>
      line.includes('-u 10.43.0.10:53 -r') ? line.replace(/-r \S+/, '-r 10.42.3.77:53') : line,
    );
    dead?.files.set('ipvsadm.txt', `${lines.join('\n')}\n`);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes.map((cause) => [cause.code, cause.subjects])).toEqual([
      ['service-rules-stale', ['node/node-2']],
    ]);
  });

  it('has lost its table on one node: missing on that node', () => {
    const world = makeWorld();
    addIpvs(world);
    const items = [{ path: 'nodes/node-2/ipvsadm.txt', exit: 0 }];
    world.files.set('waylaid.json', JSON.stringify({ format: 'waylaid-evidence/1', items }));
    world.nodes[1]?.files.set('ipvsadm.txt', '');
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes.map((cause) => [cause.code, cause.subjects])).toEqual([
      ['service-rules-missing', ['node/node-2']],
    ]);
  });
});

describe('Kube-OVN', () => {
  it('is open for its pods, and its join subnet is not taken for a tailnet', () => {
    const world = makeKubeOvnWorld();
    const judgement = judgeWorld(world);
    expect(judgement.diagnosis.causes).toEqual([]);
    expect(verdicts(judgement, 'fails')).toEqual([]);
    expect(verdicts(judgement, 'arrives')).toContain('node-to-node');
    expect(judgement.diagnosis.verdict).toBe('unknown');
    const { machines } = buildNetwork(readWorld(world));
    expect([...machines.values()].flatMap((machine) => [...machine.tailnetLinks])).toEqual([]);
  });
});
