// Faults that no object of the cluster asks about (a pod to a machine of the LAN, to the tailnet, to the world, a NodePort):
// somebody's measured attempt makes them an intent. With it each recorded bundle gives exactly its cause, and a repair
// that heals the attempt; without it, and with an attempt that worked on the same way elsewhere, nothing is blamed.
import { describe, expect, test } from 'vitest';
import { measuredFindings } from './expected-findings.ts';
import { causesOf, judgeFiles, readBundle, withFile } from './recorded-bundle.ts';

describe.each(measuredFindings)('$bundle', ({ bundle, causes, from, to, confidence }) => {
  test('gives exactly its cause where somebody tried', async () => {
    const probe = { id: 'tried', from, to: { ...to, proto: 'tcp' }, stage: 'connect', outcome: 'timeout' };
    const { answer } = judgeFiles(
      withFile(await readBundle(bundle), 'probes.jsonl', `${JSON.stringify(probe)}\n`),
    );
    expect(causesOf(answer)).toEqual(causes);
    expect(answer.rootCauses.map((cause) => cause.confidence)).toEqual([confidence]);
    expect(answer.rootCauses[0]?.breaks.intents.join(' ')).toContain('probe tried');
    expect(answer.repairs.length + (confidence === 'supported' ? 1 : 0)).toBeGreaterThan(0);
    for (const { simulated } of answer.repairs) expect(simulated.breaks).toBe(0);
  });

  test('blames nothing where nobody did', async () => {
    const { answer } = judgeFiles(await readBundle(bundle));
    expect(causesOf(answer)).toEqual([]);
    expect(answer.verdict).toBe('healthy');
  });
});
