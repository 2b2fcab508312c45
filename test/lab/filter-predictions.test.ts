// The packet filter's part of the model against real packets: in a lab with a fault (or with what only looks like one) every
// pod and machine tries every pod, Service, NodePort, external and tailnet address, large answers and a fixed port, and the
// model has to have said so before. A few faults stand for their kinds here; `WAYLAID_LAB_FAULTS=all` (or names, by commas)
// asks all of them. What leaves the lab is asked only where its fate is decided inside.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFaults, probeLab, startLab, stopLab, whyNoLab } from '../../lab/client.ts';
import type { LabFault } from '../../lab/fault.ts';
import { listAttempts } from '../../lab/signature.ts';
import { openWorld } from '../../src/core/diagnose/world.ts';
import { buildLabPrograms } from './lab-programs.ts';
import type { BuiltPrograms } from './lab-programs.ts';
import { collectLab, listDifferences, readFiles } from './observed-lab.ts';

const problem = whyNoLab();
const name = `foretold-${process.pid}`;
let programs: BuiltPrograms | undefined;

beforeAll(async () => {
  if (problem === undefined) programs = await buildLabPrograms();
});

afterAll(async () => {
  await programs?.remove();
});

const standing = [
  'docker-forward-drop',
  'asymmetric-invalid',
  'bridge-nf-off',
  'masquerade-pod-to-pod',
  'conntrack-live-udp',
  'mtu-too-large',
];

function chooseFaults(): readonly LabFault[] {
  const wanted = process.env['WAYLAID_LAB_FAULTS'];
  const names = wanted === undefined ? standing : wanted.split(',');
  return listFaults().filter(
    (fault) => fault.signature !== undefined && (wanted === 'all' || names.includes(fault.name)),
  );
}

/** Until the rules of Services and policies have followed, bounded. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 3_000));
}

async function compare(
  fault: LabFault | undefined,
  proxy: 'iptables' | 'nftables',
): Promise<readonly string[]> {
  const lab = await startLab({ name, proxy, faults: fault === undefined ? [] : [fault.name] });
  try {
    await settle();
    const attempts = listAttempts(lab).filter(({ kind }) => kind !== 'outside');
    const flows = attempts.map((attempt) => attempt.flow);
    const world = openWorld(readFiles(await collectLab(lab)));
    const results = await probeLab(name, flows, 1_500);
    const odd = flows.filter((flow, at) => {
      const result = results[at];
      return result === undefined || listDifferences(world, lab, [{ flow, result }]).length > 0;
    });
    // What went wrong for want of a processor goes right when it has the machine for itself.
    const again = await probeLab(name, odd, 4_000);
    expect(flows.length).toBeGreaterThan(250);
    return listDifferences(
      world,
      lab,
      odd.flatMap((flow, at) => {
        const result = again[at];
        return result === undefined ? [] : [{ flow, result }];
      }),
    );
  } finally {
    await stopLab(name);
  }
}

describe('the packet filter on the model and in the kernel', () => {
  it.each(['iptables', 'nftables'] as const)(
    'agree in the healthy lab, kube-proxy in %s mode',
    async (proxy) => {
      if (problem !== undefined) return;
      expect(await compare(undefined, proxy)).toEqual([]);
    },
  );

  it.each(chooseFaults().map((fault) => ({ fault, title: fault.name })))(
    'agree with $title',
    async ({ fault }) => {
      if (problem !== undefined) return;
      expect(await compare(fault, 'iptables')).toEqual([]);
    },
  );
});
