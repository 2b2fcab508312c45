import { describe, expect, it } from 'vitest';
import { makeWorld, shareText } from '../../../test/worlds/make-world.ts';
import { readWorld } from '../../../test/worlds/write-world.ts';
import { diagnoseSnapshot } from '../diagnose/diagnose.ts';
import { openWorld } from '../diagnose/world.ts';
import type { Change } from '../snapshot/change.ts';
import { simulateChanges } from './simulate.ts';

describe('a change on the model', () => {
  const draft = makeWorld({ nodes: 3, podsPerNode: 1 });
  const [, second] = draft.nodes;
  if (second === undefined) throw new Error('no second node');
  second.routes4 = second.routes4.filter((line) => !line.startsWith(`${shareText(draft, 2)} `));
  const snapshot = readWorld(draft);
  const diagnosis = diagnoseSnapshot(snapshot);
  const about = { world: openWorld(snapshot), diagnosis, causes: diagnosis.causes };
  const failing = diagnosis.judged.filter(({ trace }) => trace.verdict === 'fails').length;

  it('that is the cause’s own heals all and breaks nothing', () => {
    expect(failing).toBeGreaterThan(0);
    expect(simulateChanges(about, diagnosis.causes[0]?.changes ?? [])).toEqual({
      heals: failing,
      breaks: 0,
      leaves: 0,
      unknown: 0,
    });
  });

  it('that does nothing leaves all', () => {
    expect(simulateChanges(about, [])).toEqual({ heals: 0, breaks: 0, leaves: failing, unknown: 0 });
  });

  it('that takes away what works is counted', () => {
    const off: Change = {
      kind: 'set-sysctl',
      namespace: 'node/node-3',
      key: 'net.ipv4.ip_forward',
      value: '0',
    };
    expect(simulateChanges(about, [off]).breaks).toBeGreaterThan(0);
  });
});
