// A lab dies with whoever starts it, at any moment of the start, and with its holder afterwards: nothing is left, and
// nothing claims to be a live lab.
import { spawn } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { listRunningLabs, startLab, stopLab, whyNoLab } from '../../lab/client.ts';
import { labFolder, readState } from '../../lab/state.ts';
import { buildLabPrograms } from './lab-programs.ts';
import { takeFootprint, waitUntilGone } from './leftovers.ts';
import type { BuiltPrograms } from './lab-programs.ts';
import type { Footprint } from './leftovers.ts';

const problem = whyNoLab();
let programs: BuiltPrograms | undefined;

beforeAll(async () => {
  if (problem === undefined) programs = await buildLabPrograms({ starter: 'test/lab/starter.ts' });
});

afterAll(async () => {
  await programs?.remove();
});

/** Starts a lab in a process of its own, kills that one after `lines` lines of progress, tells what there was. */
async function killStarterAfter(name: string, lines: number): Promise<Footprint> {
  const starter = spawn(process.execPath, [`${programs!.folder}/starter.js`, name], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = new Promise((resolve) => starter.once('exit', resolve));
  let seen = 0;
  for await (const line of createInterface({ input: starter.stdout })) {
    if (line === 'up') throw new Error('the lab was up before its starter was killed');
    if (++seen === lines) break;
  }
  const footprint = takeFootprint(name, readState(name)!.holderPid);
  starter.kill('SIGKILL');
  await exited;
  return footprint;
}

describe('a lab whose starter is killed', () => {
  it.for([1, 2, 3])('leaves nothing after %i lines of progress', async (lines, ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const footprint = await killStarterAfter(`killed-${process.pid}-${lines}`, lines);
    expect(footprint.processes.length).toBeGreaterThan(5);
    expect(await waitUntilGone(footprint)).toEqual([]);
    return undefined;
  });
});

describe('a lab whose holder is killed', () => {
  it('leaves nothing but a folder, which the next look deletes', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const name = `orphan-${process.pid}`;
    await startLab({ name, nodeCount: 1 });
    const { holderPid } = readState(name)!;
    const footprint = takeFootprint(name, holderPid);
    process.kill(holderPid, 'SIGKILL');
    const left = await waitUntilGone({ ...footprint, name: 'no-folder' });
    expect(left).toEqual([]);
    expect(listRunningLabs()).not.toContain(name);
    expect(await waitUntilGone(footprint)).toEqual([]);
    expect(await stopLab(name)).toBe(false);
    return undefined;
  });

  it('is not taken for a live one when its pid belongs to somebody else', (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const name = `reused-${process.pid}`;
    mkdirSync(labFolder(name), { recursive: true });
    const state = { options: { name }, holderPid: process.pid, holderStartTime: '1', createdAt: '' };
    writeFileSync(`${labFolder(name)}/lab.json`, JSON.stringify(state));
    expect(readState(name)).toBeUndefined();
    expect(listRunningLabs()).not.toContain(name);
    rmSync(labFolder(name), { recursive: true, force: true });
    return undefined;
  });
});

describe('a lab that cannot be built', () => {
  it('says so in one sentence and leaves nothing', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const name = `impossible-${process.pid}`;
    await expect(startLab({ name, nodeCount: 1, faults: ['forwarding-off'] })).rejects.toThrow(
      /needs node-2/,
    );
    await expect(startLab({ name, faults: ['no-such-fault'] })).rejects.toThrow(
      /knows no fault no-such-fault/,
    );
    await expect(startLab({ name, clusterCidr: '192.168.0.0/16' })).rejects.toThrow(
      /overlaps 192\.168\.50\.0\/24/,
    );
    expect(readState(name)).toBeUndefined();
    expect(listRunningLabs()).not.toContain(name);
  });
});
