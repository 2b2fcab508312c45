// The whole engine against real packets: for the healthy lab and for every fault, each pod and node asks every pod,
// Service and machine, and the model has to have said so before. And the diagnosis has to name exactly what was broken.
// Faults of the packet filter are held against their own words instead (filter-faults.test.ts).
// Machines outside the cluster are asked from as well, but only their traffic to pods is compared: what a node answers to a
// neighbour whose packet it turns around on the LAN (ICMP redirect or rejection) is not modelled.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listFaults, probeLab, startLab, stopLab, whyNoLab } from '../../lab/client.ts';
import type { LabFault } from '../../lab/fault.ts';
import { listMatrixFlows } from '../../lab/matrix.ts';
import { judgeSnapshot } from '../../src/core/pipeline.ts';
import { openWorld } from '../../src/core/diagnose/world.ts';
import { buildLabPrograms } from './lab-programs.ts';
import type { BuiltPrograms } from './lab-programs.ts';
import { collectLab, listDifferences, readFiles } from './observed-lab.ts';

const problem = whyNoLab();
const name = `predicted-${process.pid}`;
let programs: BuiltPrograms | undefined;

beforeAll(async () => {
  if (problem === undefined) programs = await buildLabPrograms();
});

afterAll(async () => {
  await programs?.remove();
});

/** Until the pods' state and the Services' rules have followed the fault, bounded. */
async function settle(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 5_000));
}

async function observe(faults: readonly LabFault[]) {
  const lab = await startLab({ name, faults: faults.map((fault) => fault.name) });
  try {
    await settle();
    const flows = listMatrixFlows(lab);
    const results = await probeLab(name, flows);
    const snapshot = readFiles(await collectLab(lab));
    const measured = flows.flatMap((flow, index) => {
      const result = results[index];
      const isFromOutside = lab.machines.some(
        (machine) => machine.kind === 'host' && machine.name === flow.from,
      );
      return result === undefined || isFromOutside ? [] : [{ flow, result }];
    });
    return {
      measured,
      differences: listDifferences(openWorld(snapshot), lab, measured),
      judgement: judgeSnapshot(snapshot),
    };
  } finally {
    await stopLab(name);
  }
}

describe('the model against real packets', () => {
  it('predicts the healthy lab and finds no cause in it', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const { measured, differences, judgement } = await observe([]);
    expect(measured.length).toBeGreaterThan(150);
    expect(differences).toEqual([]);
    expect(judgement.diagnosis.verdict).toBe('healthy');
    expect(judgement.diagnosis.causes).toEqual([]);
    return undefined;
  });

  const routeFaults = listFaults().filter((fault) => fault.signature === undefined);
  it.each(routeFaults.map((fault) => ({ fault, title: fault.name })))(
    'predicts and explains $title',
    async ({ fault }) => {
      if (problem !== undefined) return;
      const { differences, judgement } = await observe([fault]);
      expect(differences).toEqual([]);
      const { diagnosis, repairs } = judgement;
      const found = diagnosis.causes.map(({ code, layer, subjects }) => ({
        code,
        layer,
        subjects: subjects.filter((subject) => subject.startsWith('node/')),
      }));
      expect(found).toEqual(fault.expected);
      for (const cause of diagnosis.causes) {
        expect(cause.confidence).toBe('proven');
        const offered = repairs.filter((repair) => repair.for.includes(cause.id));
        expect(offered.length).toBeGreaterThan(0);
        for (const repair of offered)
          expect(repair.simulated).toMatchObject({ breaks: 0, leaves: 0, unknown: 0 });
      }
      const unexplained = diagnosis.symptoms.filter(
        (symptom) => symptom.explainedBy.length === 0 && symptom.notConnectivity === undefined,
      );
      expect(unexplained).toEqual([]);
    },
  );
});
