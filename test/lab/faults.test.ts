// Each fault shows its real signature by real packets: which pods and nodes reach which pods, and what the application
// says. The expectations are written down from what the fault does to a packet and to its reply, not from a simulation.
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  execInLab,
  labObjects,
  listFaults,
  probeLab,
  startLab,
  stopLab,
  whyNoLab,
} from '../../lab/client.ts';
import { listMatrixFlows } from '../../lab/matrix.ts';
import { buildLabPrograms } from './lab-programs.ts';
import type { LabDescription } from '../../lab/control.ts';
import type { BuiltPrograms } from './lab-programs.ts';

const problem = whyNoLab();
let programs: BuiltPrograms | undefined;

beforeAll(async () => {
  if (problem === undefined) programs = await buildLabPrograms();
});

afterAll(async () => {
  await programs?.remove();
});

interface Signature {
  /** Whether a pod on node `from` cannot reach one on node `to`. */
  readonly podLoses: (from: string, to: string) => boolean;
  /** The same for the node `from` itself. */
  readonly nodeLoses: (from: string, to: string) => boolean;
  /** In the application's log; undefined where it runs. */
  readonly symptom: string | undefined;
}

const noNameResolution = 'Temporary failure in name resolution';
const noConnection = 'could not connect to server: ';

const oneSide =
  (...nodes: string[]) =>
  (from: string, to: string): boolean =>
    nodes.includes(from) !== nodes.includes(to);
/** Any two different nodes of which one is among these. */
const touching =
  (...nodes: string[]) =>
  (from: string, to: string): boolean =>
    from !== to && (nodes.includes(from) || nodes.includes(to));
const into =
  (...nodes: string[]) =>
  (_: string, to: string): boolean =>
    nodes.includes(to);
const between =
  (a: string, b: string) =>
  (from: string, to: string): boolean =>
    (from === a && to === b) || (from === b && to === a);
const never = (): boolean => false;

/** Table 52 takes the cluster: a node reaches remote pods through the tailnet, but not even its own pods otherwise. */
const hijacked = (...nodes: string[]): Signature => ({
  podLoses: touching(...nodes),
  nodeLoses: into(...nodes),
  symptom: noNameResolution,
});
/** Something between node-2 and node-3 is missing; names still resolve, since DNS is on node-1. */
const oneLinkDown: Signature = {
  podLoses: between('node-2', 'node-3'),
  nodeLoses: between('node-2', 'node-3'),
  symptom: noConnection,
};

const signatures: Readonly<Record<string, Signature>> = {
  'table52-cluster-cidr': hijacked('node-2'),
  'table52-wider-route': hijacked('node-2'),
  'table52-more-specific': {
    podLoses: between('node-2', 'node-3'),
    // node-2 itself gets there, through the tailnet and pi-gateway.
    nodeLoses: (from, to) => from === 'node-3' && to === 'node-2',
    symptom: noConnection,
  },
  'table52-service-cidr-only': { podLoses: never, nodeLoses: never, symptom: undefined },
  'table52-several-nodes': hijacked('node-2', 'node-3'),
  'table52-all-nodes': hijacked('node-1', 'node-2', 'node-3'),
  'other-vpn-takes-cluster-cidr': {
    podLoses: touching('node-2'),
    nodeLoses: (from, to) => from === 'node-2' || to === 'node-2',
    symptom: noNameResolution,
  },
  'accept-routes-own-lan': {
    podLoses: oneSide('node-2'),
    nodeLoses: oneSide('node-2'),
    symptom: noNameResolution,
  },
  'flannel-route-lost': oneLinkDown,
  'flannel-fdb-missing': oneLinkDown,
  'flannel-fdb-wrong': oneLinkDown,
  'flannel-neighbor-missing': oneLinkDown,
  'flannel-neighbor-wrong': oneLinkDown,
  'forwarding-off': {
    podLoses: oneSide('node-2'),
    nodeLoses: (from, to) => from !== 'node-2' && to === 'node-2',
    symptom: noNameResolution,
  },
  'flannel-wrong-interface': {
    podLoses: oneSide('node-2'),
    nodeLoses: oneSide('node-2'),
    symptom: noNameResolution,
  },
};

/** `from → to` of every attempt from a pod or node to a pod that serves, split by how it went. */
async function measure(lab: LabDescription): Promise<{ arrived: string[]; lost: string[]; other: string[] }> {
  // The application's own port is closed while it crashes, which says nothing about the network.
  const servers = new Set(
    lab.pods.filter((pod) => pod.program !== 'api').map((pod) => `${pod.namespace}/${pod.name}`),
  );
  const flows = listMatrixFlows(lab).filter((flow) => servers.has(flow.to) && flow.from !== 'pi-gateway');
  const results = await probeLab(lab.name, flows);
  const pick = (...outcomes: string[]): string[] =>
    flows.flatMap((flow, at) =>
      outcomes.includes(results[at]?.outcome ?? '') ? [`${flow.from} → ${flow.to}`] : [],
    );
  return { arrived: pick('ok'), lost: pick('timeout', 'unreachable'), other: pick('refused', 'failed') };
}

function expectedLosses(lab: LabDescription, signature: Signature): string[] {
  const targets = lab.pods.filter((pod) => pod.program !== 'api');
  const fromPods = lab.pods.flatMap((source) =>
    targets
      .filter((target) => target !== source && signature.podLoses(source.node, target.node))
      .map((target) => `${source.namespace}/${source.name} → ${target.namespace}/${target.name}`),
  );
  const fromNodes = lab.machines
    .filter((machine) => machine.kind === 'node')
    .flatMap((source) =>
      targets
        .filter((target) => signature.nodeLoses(source.name, target.node))
        .map((target) => `${source.name} → ${target.namespace}/${target.name}`),
    );
  return [...fromPods, ...fromNodes].sort();
}

async function applicationLog(lab: LabDescription): Promise<string> {
  const api = lab.pods.find((pod) => pod.program === 'api')!;
  return (await labObjects(lab.name))[`cluster/logs/swimto/${api.name}/api.log`] ?? '';
}

async function applicationContainer(lab: LabDescription): Promise<string> {
  const pods = JSON.parse((await labObjects(lab.name))['cluster/resources/pods.json'] ?? '{}') as {
    items: { metadata: { name: string }; status: { containerStatuses: unknown[] } }[];
  };
  return JSON.stringify(
    pods.items.find((pod) => pod.metadata.name.startsWith('api-'))?.status.containerStatuses[0],
  );
}

// A fault spends its time waiting for timeouts, so several labs share the processor well.
const takeTurns = pLimit(3);

describe.concurrent('the signature of', () => {
  it('every fault is written down here, unless its own file says it', () => {
    expect(Object.keys(signatures).sort()).toEqual(
      listFaults()
        .filter((fault) => fault.signature === undefined)
        .map((fault) => fault.name)
        .sort(),
    );
  });

  it.for(Object.entries(signatures))('%s', async ([fault, signature], ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    await takeTurns(async () => {
      const name = `fault-${process.pid}-${fault}`.slice(0, 40).replace(/-+$/, '');
      const lab = await startLab({ name, faults: [fault] });
      try {
        const measured = await measure(lab);
        expect(measured.other).toEqual([]);
        expect(measured.lost.sort()).toEqual(expectedLosses(lab, signature));
        expect(measured.arrived.length).toBeGreaterThan(0);
        const container = await applicationContainer(lab);
        if (signature.symptom === undefined) {
          expect(container).toContain('"ready":true');
        } else {
          expect(await applicationLog(lab)).toContain(signature.symptom);
          expect(container).toContain('CrashLoopBackOff');
        }
      } finally {
        await stopLab(name);
      }
    });
    return undefined;
  });

  it('table52-cluster-cidr goes away with one rule', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    await takeTurns(async () => {
      const name = `heal-${process.pid}`;
      const lab = await startLab({ name, faults: ['table52-cluster-cidr'] });
      try {
        const rule = ['ip', 'rule', 'add', 'to', '10.42.0.0/16', 'priority', '5200', 'lookup', 'main'];
        await execInLab(name, 'node-2', rule);
        expect((await measure(lab)).lost).toEqual([]);
        // The application comes back by itself, and with it its endpoint.
        await ctx.expect
          .poll(async () => applicationContainer(lab), { timeout: 20_000, interval: 500 })
          .toContain('"ready":true');
      } finally {
        await stopLab(name);
      }
    });
    return undefined;
  });
});

describe('other networks', () => {
  it('are taken by the wider route just the same, in a lab of five nodes', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const name = `own-${process.pid}`;
    const prefixes = { clusterCidr: '172.20.0.0/16', serviceCidr: '172.29.4.0/24' };
    const lab = await startLab({ name, nodeCount: 5, ...prefixes, faults: ['table52-wider-route'] });
    try {
      const measured = await measure(lab);
      expect(measured.lost.sort()).toEqual(expectedLosses(lab, hijacked('node-2')));
      expect(measured.other).toEqual([]);
    } finally {
      await stopLab(name);
    }
    return undefined;
  });
});
