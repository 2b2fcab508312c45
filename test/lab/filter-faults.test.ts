// Each fault of the packet filter and of the ways through it does to real packets what its own file says: every pod and
// machine tries every pod, Service, NodePort, external and tailnet address, the outside, large answers and a fixed port.
// A state that only looks like a fault loses nothing but what its file says is meant. And a lab with one leaves nothing.
import pLimit from 'p-limit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { execInLab, listFaults, probeLab, startLab, stopLab, whyNoLab } from '../../lab/client.ts';
import type { LabDescription } from '../../lab/control.ts';
import { allowedOutcomes, listAttempts } from '../../lab/signature.ts';
import type { Attempt, Signature } from '../../lab/signature.ts';
import { readState } from '../../lab/state.ts';
import { buildLabPrograms } from './lab-programs.ts';
import type { BuiltPrograms } from './lab-programs.ts';
import { takeFootprint, waitUntilGone } from './leftovers.ts';

const problem = whyNoLab();
let programs: BuiltPrograms | undefined;

beforeAll(async () => {
  if (problem === undefined) programs = await buildLabPrograms();
});

afterAll(async () => {
  await programs?.remove();
});

interface Measured {
  readonly count: number;
  /** Attempts that did not arrive. */
  readonly lost: number;
  /** One line for each attempt that went otherwise than the signature says. */
  readonly surprises: readonly string[];
}

async function measure(lab: LabDescription, signature: Signature): Promise<Measured> {
  const first = await compare(lab, signature, listAttempts(lab), 1_500);
  // Everybody has tried everything at once. What went wrong for want of a processor goes right when it has the machine.
  const again = await compare(lab, signature, first.surprising, 4_000);
  return { count: first.count, lost: first.lost, surprises: again.surprises };
}

interface Comparison extends Measured {
  readonly surprising: readonly Attempt[];
}

async function compare(
  lab: LabDescription,
  signature: Signature,
  attempts: readonly Attempt[],
  timeoutMs: number,
): Promise<Comparison> {
  const results = await probeLab(
    lab.name,
    attempts.map((attempt) => attempt.flow),
    timeoutMs,
  );
  const surprising: Attempt[] = [];
  const surprises = attempts.flatMap((attempt, at) => {
    const outcome = results[at]?.outcome ?? 'failed';
    const allowed = allowedOutcomes(signature, attempt);
    if (allowed.includes(outcome)) return [];
    surprising.push(attempt);
    const target = `${attempt.kind} ${attempt.to}${attempt.entry === undefined ? '' : ` by ${attempt.entry}`}`;
    return [`${attempt.from.name} → ${target}: ${outcome}, not ${allowed.join(' or ')}`];
  });
  return {
    count: attempts.length,
    lost: results.filter((result) => result.outcome !== 'ok').length,
    surprises,
    surprising,
  };
}

const written = listFaults().flatMap((fault) =>
  fault.signature === undefined ? [] : [{ fault, signature: fault.signature, name: fault.name }],
);
// A fault spends its time waiting for timeouts, so several labs share the processor well. Namespaces are not looked for
// afterwards: the kernel gives the number of one that is gone to the next lab's. Without processes and mounts there is none.
const takeTurns = pLimit(3);

describe.concurrent('what a fault does to packets', () => {
  it.for(written)('is what its file says: $name', { timeout: 600_000 }, async ({ fault, signature }, ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    await takeTurns(async () => {
      const name = `filter-${process.pid}-${fault.name}`.slice(0, 40).replace(/-+$/, '');
      const lab = await startLab({ name, faults: [fault.name] });
      const footprint = takeFootprint(name, readState(name)!.holderPid);
      try {
        const measured = await measure(lab, signature);
        expect(measured.surprises).toEqual([]);
        expect(measured.count).toBeGreaterThan(300);
        if (fault.expected.length > 0) expect(measured.lost).toBeGreaterThan(0);
      } finally {
        await stopLab(name);
      }
      expect(await waitUntilGone({ ...footprint, namespaces: new Set() })).toEqual([]);
    });
    return undefined;
  });
});

describe('a twin', () => {
  it('is of a fault that exists, and is none itself', () => {
    const names = new Map(listFaults().map((fault) => [fault.name, fault]));
    const twins = listFaults().filter((fault) => fault.twinOf !== undefined);
    expect(twins.length).toBeGreaterThan(10);
    for (const twin of twins) {
      expect(twin.expected).toEqual([]);
      expect(names.get(twin.twinOf ?? '')?.expected.length).toBeGreaterThan(0);
    }
  });
});

describe('kube-proxy in nftables mode', () => {
  it('lets through what iptables mode does, and refuses a port that no Service has', async (ctx) => {
    if (problem !== undefined) return ctx.skip(problem);
    const name = `nftables-${process.pid}`;
    const lab = await startLab({ name, proxy: 'nftables' });
    try {
      expect((await measure(lab, () => undefined)).surprises).toEqual([]);
      const [wrongPort, unallocated, throughLoopback] = await probeLab(name, [
        { from: 'swimto/frontend', ip: '10.43.0.10', port: 54, proto: 'tcp' },
        { from: 'swimto/frontend', ip: '10.43.0.77', port: 80, proto: 'tcp' },
        { from: 'node-2', ip: '127.0.0.1', port: 30_080, proto: 'tcp' },
      ]);
      expect([wrongPort?.outcome, unallocated?.outcome, throughLoopback?.outcome]).toEqual([
        'refused',
        'timeout',
        'refused',
      ]);
      const { stdout } = await execInLab(name, 'node-2', ['iptables-save']);
      expect(stdout).not.toContain('KUBE-SVC-');
    } finally {
      await stopLab(name);
    }
    return undefined;
  });
});
