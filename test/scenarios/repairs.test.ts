// Every repair that is offered, applied to the facts: its cause is gone, nothing else broke, and judging again from the
// beginning says what the simulation said.
import { describe, expect, test } from 'vitest';
import { awaitsEndpoints } from '../../src/core/diagnose/awaits-endpoints.ts';
import { diagnoseSnapshot } from '../../src/core/diagnose/diagnose.ts';
import type { Diagnosis } from '../../src/core/diagnose/diagnosis.ts';
import { applyChanges } from '../../src/core/snapshot/apply-changes.ts';
import { openWorld } from '../../src/core/diagnose/world.ts';
import type { Snapshot } from '../../src/core/snapshot/snapshot.ts';
import type { Trace } from '../../src/core/trace/flow.ts';
import { brokenFindings } from './expected-findings.ts';
import { judgeFiles, readBundle } from './recorded-bundle.ts';

/** By what was asked, not by number: classes of pods may split or join when routes change. */
function flowsOf({ judged }: Diagnosis): ReadonlyMap<string, Trace> {
  return new Map(judged.map(({ intent, trace }) => [JSON.stringify(intent.flow), trace]));
}

const isFailing = (trace: Trace): boolean => trace.verdict === 'fails' || trace.verdict === 'partly';

/** A Service whose pods the fault made unwell stays without endpoints in the recorded objects, whatever is repaired. */
const hasNoEndpoints = (snapshot: Snapshot, { flow }: Trace): boolean =>
  awaitsEndpoints(openWorld(snapshot).network, flow);

/**
 * What a program writes again is kept by that program, a connection is forgotten once, a policy is mended where it is
 * written, and whose foreign masquerade it is nobody can say.
 */
const hasNoLastingRepair = /^(?:kube-proxy-|conntrack-|policy-|masquerade-pod-to-pod)/;

/** Starting a program again, making pods anew and forgetting a connection leave nothing to undo. */
const renewing =
  /^(?:conntrack -D |systemctl (?:restart|start) |kubectl (?:drain|uncordon|rollout restart) )/;

describe.each(brokenFindings)('$bundle', ({ bundle }) => {
  test('each repair leaves no cause, breaks nothing and does what was simulated', async () => {
    const { snapshot, diagnosis, repairs, answer } = judgeFiles(await readBundle(bundle));
    const before = flowsOf(diagnosis);
    const failing = [...before].filter(([, trace]) => isFailing(trace));
    const waiting = failing.filter(([, trace]) => hasNoEndpoints(snapshot, trace)).length;
    const kinds = answer.repairs.map(({ kind }) => kind);
    expect(kinds.some((kind) => kind === 'immediate' || kind === 'at-source')).toBe(true);
    expect(kinds.includes('persistent') || hasNoLastingRepair.test(bundle)).toBe(true);
    for (const repair of repairs) {
      const after = diagnoseSnapshot(applyChanges(snapshot, repair.changes));
      expect(after.causes, repair.title).toEqual([]);
      const left = after.judged.filter(({ trace }) => trace.verdict !== 'arrives');
      expect(
        left.every(({ trace }) => hasNoEndpoints(snapshot, trace)),
        repair.title,
      ).toBe(true);
      expect(left.length, repair.title).toBe(waiting);
      expect(after.verdict, repair.title).toBe(
        // What was observed while it was broken is still in the evidence, and nothing explains it any more.
        diagnosis.symptoms.length > 0 ? 'unknown' : 'healthy',
      );
      expect(repair.simulated, repair.title).toEqual({
        heals: failing.length,
        breaks: 0,
        leaves: 0,
        unknown: 0,
      });
      expect(repair.commands.length, repair.title).toBeGreaterThan(0);
      const edits = repair.commands.filter(({ argv }) => /^(?:ip6?tables|nft)/.test(argv[0] ?? ''));
      const lines = edits.map(({ on, argv }) => [on, ...argv].join(' ').replace('iptables-nft', 'iptables'));
      expect(new Set(lines).size, repair.title).toBe(lines.length);
      // A program that was started again has nothing to be undone.
      const isRestart = repair.commands.every(({ argv }) => renewing.test(argv.join(' ')));
      expect(repair.undo.length > 0 || isRestart, repair.title).toBe(true);
    }
  });

  test('the change of the cause alone heals too', async () => {
    const { snapshot, diagnosis } = judgeFiles(await readBundle(bundle));
    const after = diagnoseSnapshot(
      applyChanges(
        snapshot,
        diagnosis.causes.flatMap((cause) => cause.changes),
      ),
    );
    expect(after.causes).toEqual([]);
    expect(after.judged.filter(({ trace }) => isFailing(trace) && !hasNoEndpoints(snapshot, trace))).toEqual(
      [],
    );
  });
});
