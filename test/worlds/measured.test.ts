// What somebody measured, against what the model says; and what is asked for where nobody can say.
import { describe, expect, it } from 'vitest';
import { addPod, makeWorld, podAddress, shareText } from './make-world.ts';
import type { World } from './world.ts';
import { judgeWorld } from './write-world.ts';

function withProbe(world: World, outcome: string, stage = 'connect'): World {
  const probe = {
    id: 'p1',
    from: { node: 'node-2', pod: 'shop/app-1-0' },
    to: { ip: podAddress(world.options, 2, 0), port: 8080, proto: 'tcp' },
    stage,
    outcome,
  };
  world.files.set('probes.jsonl', `${JSON.stringify(probe)}\n`);
  return world;
}

function loseRoute(world: World): World {
  const node = world.nodes[1]!;
  node.routes4 = node.routes4.filter((line) => !line.startsWith(`${shareText(world, 2)} `));
  return world;
}

describe('a probe', () => {
  it.each(['ok', 'refused', 'reset'])('%s agrees with a way that arrives', (outcome) => {
    expect(judgeWorld(withProbe(makeWorld(), outcome)).diagnosis.verdict).toBe('healthy');
  });

  it('that timed out contradicts it: the flow is unknown, and the answer says why', () => {
    const { diagnosis } = judgeWorld(withProbe(makeWorld(), 'timeout'));
    expect(diagnosis.verdict).toBe('unknown');
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.unknowns.map((unknown) => unknown.question).join()).toContain(
      'p1 measured connect timeout',
    );
  });

  it('that got through contradicts a loss, and timed out agrees with it', () => {
    const verdictOf = (outcome: string): string | undefined =>
      judgeWorld(withProbe(loseRoute(makeWorld()), outcome)).diagnosis.judged.find(
        ({ intent }) => intent.kind === 'probe',
      )?.trace.verdict;
    expect(verdictOf('ok')).toBe('unknown');
    expect(verdictOf('timeout')).toBe('fails');
  });
});

describe('symptoms', () => {
  it('what one cause explains hangs under it, through the endpoints of others', () => {
    const world = loseRoute(makeWorld());
    const node = world.nodes[1]!;
    addPod(world, node, 'api', {
      isReady: false,
      waitingReason: 'CrashLoopBackOff',
      restarts: 5,
      lastExit: { reason: 'Error', exitCode: 1 },
    });
    world.logs.set('shop/api/main.log', [
      `dial tcp ${podAddress(world.options, 2, 0)}:8080: connect: no route to host`,
    ]);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.causes.map((cause) => cause.code)).toEqual(['flannel-route-missing']);
    expect(diagnosis.symptoms.map((symptom) => [symptom.kind, symptom.explainedBy])).toEqual([
      ['crash-loop', ['rc1']],
      ['log-error', ['rc1']],
    ]);
    expect(diagnosis.causes[0]?.explains).toEqual(diagnosis.symptoms.map((symptom) => symptom.id));
  });

  it('a failure that nothing found explains keeps a cluster from being healthy', () => {
    const world = makeWorld();
    addPod(world, world.nodes[1]!, 'api', {
      isReady: false,
      waitingReason: 'CrashLoopBackOff',
      restarts: 5,
      lastExit: { reason: 'Error', exitCode: 1 },
    });
    world.logs.set('shop/api/main.log', [`dial tcp ${podAddress(world.options, 2, 0)}:8080: i/o timeout`]);
    const { diagnosis } = judgeWorld(world);
    expect(diagnosis.verdict).toBe('unknown');
    expect(diagnosis.causes).toEqual([]);
    expect(diagnosis.summary).toContain('unexplained');
  });

  it('suspects are cleared only where something is broken', () => {
    const strict = (world: World): World => {
      for (const node of world.nodes)
        for (const key of node.sysctls.keys()) if (key.endsWith('.rp_filter')) node.sysctls.set(key, '1');
      return world;
    };
    expect(judgeWorld(strict(makeWorld())).diagnosis.cleared).toEqual([]);
    const cleared = judgeWorld(strict(loseRoute(makeWorld()))).diagnosis.cleared.map((one) => one.suspect);
    expect(cleared).toContain('strict reverse-path check (rp_filter=1)');
  });
});

describe('unknowns', () => {
  it('one file that is missing is asked for once, with the flows that wait for it', () => {
    const world = makeWorld();
    world.nodes[1]?.without.add('ip-rule-4');
    const { diagnosis } = judgeWorld(world);
    const asked = diagnosis.unknowns.filter((unknown) => unknown.needs.startsWith('nodes/node-2/ip-rule-4'));
    expect(asked).toHaveLength(1);
    expect(asked[0]).toMatchObject({ command: 'waylaid collect --node node-2' });
    expect(asked[0]?.intents.length).toBeGreaterThan(3);
  });
});
