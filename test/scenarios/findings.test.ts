// Each recorded bundle gives exactly its causes, the verdict and exit code that go with them, and an answer that holds
// together: it fits its schema, its counts add up, and every place that it cites is in the bundle and says what is quoted.
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, describe, expect, test } from 'vitest';
import { exitCodeOfAnswer } from '../../src/cli/exit-code.ts';
import type { Answer } from '../../src/core/report/answer.ts';
import { findBadCitations, listCitations } from './citations.ts';
import { expectedFindings } from './expected-findings.ts';
import { openScoreBoard } from './layer-score.ts';
import { causesOf, judgeFiles, readBundle, textOf } from './recorded-bundle.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/answer.schema.json', import.meta.url), 'utf8'),
) as Record<string, unknown>;
const validate = new Ajv2020({ strict: true }).compile(schema);
const board = openScoreBoard();

afterAll(() => console.log(`\n${board.format()}\n`));

describe.each(expectedFindings)('$bundle', ({ bundle, causes }) => {
  test('gives exactly its causes, in an answer that holds together', async () => {
    const files = await readBundle(bundle);
    const { answer, snapshot } = judgeFiles(files);
    board.count(causes, causesOf(answer));
    expect(causesOf(answer)).toEqual(causes);
    expect(answer.rootCauses.map((cause) => cause.confidence)).toEqual(causes.map(() => 'proven'));
    expect(answer.verdict).toBe(causes.length > 0 ? 'broken' : 'healthy');
    expect(exitCodeOfAnswer(answer.verdict)).toBe(causes.length > 0 ? 1 : 0);
    expect(answer.notes).toEqual([]);

    const plain = JSON.parse(JSON.stringify(answer)) as unknown;
    expect(validate(plain), JSON.stringify(validate.errors)).toBe(true);
    expectCountsToAddUp(answer);
    expectSymptomsToBeExplained(answer);

    const citations = listCitations(plain);
    expect(citations.length).toBeGreaterThan(100);
    expect(
      findBadCitations(citations, (path) => (files.has(path) ? textOf(files, path) : undefined)),
    ).toEqual([]);
    expect(snapshot.unreachable.size).toBe(0);
  });
});

function expectCountsToAddUp(answer: Answer): void {
  const { intended, delivered, failed, unknown, list } = answer.flows;
  expect(delivered + failed + unknown).toBe(intended);
  expect(list).toHaveLength(intended);
  expect(list.filter((flow) => flow.verdict === 'arrives')).toHaveLength(delivered);
  expect(new Set(list.map((flow) => flow.id)).size).toBe(intended);
  expect(unknown).toBe(0);
  for (const { id, breaks } of answer.rootCauses) {
    expect(
      breaks.groups.reduce((sum, group) => sum + group.flows, 0),
      id,
    ).toBe(breaks.flows);
    for (const example of breaks.examples) {
      expect(['fails', 'partly']).toContain(list.find((flow) => flow.id === example)?.verdict);
    }
  }
  const [only] = answer.rootCauses;
  if (answer.rootCauses.length === 1) expect(only?.breaks.flows).toBe(failed);
}

function expectSymptomsToBeExplained(answer: Answer): void {
  const ids = answer.rootCauses.map((cause) => cause.id);
  for (const symptom of answer.symptoms) {
    expect(symptom.notConnectivity !== undefined || symptom.explainedBy.length > 0, symptom.text).toBe(true);
    expect(ids).toEqual(expect.arrayContaining(symptom.explainedBy));
  }
  for (const cause of answer.rootCauses) {
    const explained = answer.symptoms.filter((symptom) => symptom.explainedBy.includes(cause.id));
    expect(explained.map((symptom) => symptom.id).sort()).toEqual([...cause.explains].sort());
    expect(cause.repairs.length).toBeGreaterThan(0);
  }
}

describe('the check of citations', () => {
  const read = (path: string): string | undefined =>
    path === 'a.json' ? '[{"dst":"10.42.0.0/16"}]' : undefined;
  test.each([
    [{ path: 'b.json' }, /not in the bundle/],
    [{ path: 'a.json', at: '/1' }, /does not resolve/],
    [{ path: 'a.json', at: '/0', quote: '10.43.0.0/16 dev x' }, /there stands/],
  ])('objects to %j', (evidence, objection) => {
    expect(findBadCitations(listCitations({ evidence: [evidence] }), read).join()).toMatch(objection);
  });

  test('accepts what is there', () => {
    const evidence = [{ path: 'a.json', at: '/0', quote: '10.42.0.0/16 dev x' }];
    expect(findBadCitations(listCitations({ evidence }), read)).toEqual([]);
  });
});
