// Routing answers against this kernel's `ip route get`, on generated worlds: rules, tables, links, addresses, settings,
// both families, local senders and received packets. 100,000 questions, 0 differences; WAYLAID_ORACLE_QUERIES asks more,
// WAYLAID_ORACLE_SEED repeats a run. Needs root, for a network namespace of its own.
import { describe, expect, it } from 'vitest';
import { compareAnswer } from './routing-compare.ts';
import { startWorld } from './routing-kernel.ts';
import { makeQuestions, writeQuestion } from './routing-queries.ts';
import { makeWorld } from './routing-world.ts';

const total = Number(process.env.WAYLAID_ORACLE_QUERIES ?? 100_000);
const firstSeed = Number(process.env.WAYLAID_ORACLE_SEED ?? Math.floor(Math.random() * 1e9));
const perWorld = 4000;
const canRun = process.platform === 'linux' && process.getuid?.() === 0;

interface Outcome {
  readonly differences: readonly string[];
  readonly unknown: readonly string[];
}

/** Without the address it is about, so that equal ones count together. */
function nameDoubt(verdict: string): string {
  return verdict.replace(/\d+\.\d+\.\d+\.\d+/, 'ADDRESS');
}

async function judgeWorld(seed: number): Promise<Outcome> {
  const world = makeWorld(seed);
  const live = await startWorld(world);
  try {
    const questions = makeQuestions(live.namespace, seed, perWorld);
    const lines = questions.map((question) => writeQuestion(question));
    const answers = await live.ask(lines);
    if (!(await live.isUnchanged())) return { differences: [`seed ${seed}: the world moved`], unknown: [] };
    const differences: string[] = [];
    const unknown: string[] = [];
    for (const [index, question] of questions.entries()) {
      const verdict = compareAnswer(live.namespace, question, answers[index]!);
      if (verdict.startsWith('unknown')) unknown.push(nameDoubt(verdict));
      else if (verdict !== 'same') differences.push(`seed ${seed}: ${lines[index] ?? ''}: ${verdict}`);
    }
    return { differences, unknown };
  } finally {
    await live.end();
  }
}

describe.runIf(canRun)('routing against this kernel', () => {
  it(`answers ${total} questions as the kernel does, from seed ${firstSeed}`, async () => {
    const worlds = Math.ceil(total / perWorld);
    const differences: string[] = [];
    const unknown = new Map<string, number>();
    for (let world = 0; world < worlds; world++) {
      const outcome = await judgeWorld(firstSeed + world);
      differences.push(...outcome.differences);
      for (const why of outcome.unknown) unknown.set(why, (unknown.get(why) ?? 0) + 1);
    }
    const unknownCount = [...unknown.values()].reduce((sum, count) => sum + count, 0);
    console.info(
      `routing oracle: ${worlds * perWorld} questions from seed ${firstSeed}, ${unknownCount} unknown`,
    );
    for (const [why, count] of unknown) console.info(`  ${count} ${why}`);
    if (differences.length > 0) console.info(`${differences.length} differences`);
    expect(differences.slice(0, 40)).toEqual([]);
    expect(unknownCount).toBeLessThan(worlds * perWorld * 0.02);
  }, 3_600_000);
});

describe.skipIf(canRun)('routing against this kernel', () => {
  it('is not compared here: it needs root and Linux, for a network namespace', () => {
    console.info('skipped: the routing oracle needs root on Linux');
    expect(canRun).toBe(false);
  });
});
