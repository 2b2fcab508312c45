// The answer: valid against its published schema, the same bytes whatever the order of what went in, and complete.
import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import type { Judgement } from '../../src/core/pipeline.ts';
import { answerSchema } from '../../src/core/report/answer.ts';
import { buildAnswer } from '../../src/core/report/build-answer.ts';
import { formatAnswerSchema } from '../../scripts/answer-schema.mjs';
import {
  arrivingTrace,
  brokenJudgement,
  healthyJudgement,
  lostReplyTrace,
  makeLargeJudgement,
  unknownJudgement,
} from './judgement-fixture.ts';

const schemaPath = new URL('../../docs/answer.schema.json', import.meta.url);
const healed = { traceHealed: () => arrivingTrace, traceAlone: () => undefined };

describe('the schema', () => {
  test('the committed file is what the source says (node scripts/answer-schema.mjs writes it)', async () => {
    expect(readFileSync(schemaPath, 'utf8')).toBe(await formatAnswerSchema());
  });

  test.each([
    ['broken', brokenJudgement],
    ['healthy', healthyJudgement],
    ['unknown', unknownJudgement],
  ])('a %s answer is valid, and stays the same through JSON', (verdict, judgement) => {
    const validate = new Ajv2020({ strict: true }).compile(
      JSON.parse(readFileSync(schemaPath, 'utf8')) as Record<string, unknown>,
    );
    const answer = buildAnswer(judgement, healed);
    const read = JSON.parse(JSON.stringify(answer)) as unknown;
    expect(validate(read), JSON.stringify(validate.errors)).toBe(true);
    expect(answerSchema.parse(read)).toEqual(read);
    expect(answer.verdict).toBe(verdict);
  });

  test('refuses an answer with a field missing', () => {
    const validate = new Ajv2020().compile(
      JSON.parse(readFileSync(schemaPath, 'utf8')) as Record<string, unknown>,
    );
    expect(validate({ ...buildAnswer(brokenJudgement, healed), verdict: undefined })).toBe(false);
  });
});

describe('building', () => {
  test('the order of what diagnose lists does not change a byte', () => {
    const { diagnosis, snapshot } = brokenJudgement;
    const shuffled: Judgement = {
      ...brokenJudgement,
      snapshot: { ...snapshot, notes: [...snapshot.notes].reverse() },
      diagnosis: {
        ...diagnosis,
        judged: [...diagnosis.judged].reverse(),
        symptoms: [...diagnosis.symptoms].reverse(),
        cleared: [...diagnosis.cleared].reverse(),
        unknowns: [...diagnosis.unknowns].reverse(),
        causes: diagnosis.causes.map((cause) => ({ ...cause, breaks: [...cause.breaks].reverse() })),
      },
    };
    expect(JSON.stringify(buildAnswer(shuffled, healed))).toBe(
      JSON.stringify(buildAnswer(brokenJudgement, healed)),
    );
  });

  test('flows are counted, and listed by number', () => {
    const { flows } = buildAnswer(brokenJudgement, healed);
    expect(flows).toMatchObject({ intended: 3, delivered: 1, failed: 2, unknown: 0 });
    expect(flows.list.map((flow) => flow.id)).toEqual(['flow-2', 'flow-9', 'flow-10']);
  });

  test('many delivered flows are counted only; what failed is always listed', () => {
    expect(buildAnswer(makeLargeJudgement(400)).flows.list).toHaveLength(401);
    const { flows } = buildAnswer(makeLargeJudgement(401));
    expect(flows.list.map((flow) => flow.id)).toEqual(['flow-0']);
    expect(flows).toMatchObject({ intended: 402, delivered: 401, failed: 1 });
  });

  test('a cause says what it breaks, in groups that add up', () => {
    const [cause] = buildAnswer(brokenJudgement, healed).rootCauses;
    expect(cause?.breaks).toEqual({
      flows: 2,
      examples: ['flow-9', 'flow-10'],
      intents: ['shop/web → kube-system/kube-dns:53/udp', 'shop/web → shop/store:5432'],
      groups: [
        { text: 'blue → kube-system/kube-dns:53/udp', flows: 1 },
        { text: "blue's pods ↔ pods elsewhere", flows: 1 },
      ],
    });
  });

  test('the pictures part where the routes part', () => {
    const [cause] = buildAnswer(brokenJudgement, healed).rootCauses;
    expect(cause?.path?.steps.map((step) => step.label)).toEqual([
      'shop/web',
      'rule 5270',
      'table 52',
      'tailscale0',
    ]);
    expect(cause?.path?.end).toEqual({ disposition: 'lost', text: 'no peer of node/blue takes 10.42.2.17' });
    expect(cause?.expected?.steps.map((step) => step.label)).toEqual([
      'shop/web',
      'flannel.1',
      'green',
      'shop/store',
    ]);
    expect(cause?.trace).toEqual({ from: 'shop/web', to: 'shop/store', protocol: 'tcp', port: 5432 });
  });

  test('without a healed trace there is no expected way rather than a guess', () => {
    const [cause] = buildAnswer(brokenJudgement, { ...healed, traceHealed: () => undefined }).rootCauses;
    expect(cause?.expected).toBeUndefined();
  });

  test('where several causes stand in the way, each shows what it does by itself', () => {
    const alone = { ...healed, traceAlone: () => lostReplyTrace };
    const [cause] = buildAnswer(brokenJudgement, alone).rootCauses;
    expect(cause?.path?.direction).toBe('reply');
    const harmless = { ...healed, traceAlone: () => arrivingTrace };
    expect(buildAnswer(brokenJudgement, harmless).rootCauses[0]?.path?.end.disposition).toBe('lost');
  });

  test('a lost answer is told apart from a lost request', () => {
    const judged = brokenJudgement.diagnosis.judged.map((one) =>
      one.intent.id === 'flow-10' ? { ...one, trace: lostReplyTrace } : one,
    );
    const answer = buildAnswer(
      { ...brokenJudgement, diagnosis: { ...brokenJudgement.diagnosis, judged } },
      healed,
    );
    const flow = answer.flows.list.find((one) => one.id === 'flow-10');
    expect(flow).toMatchObject({ disposition: 'lost', direction: 'reply', to: { at: 'pod/shop/store' } });
    expect(flow?.end).toEqual({ disposition: 'lost', at: 'node/blue', why: 'tunnel-no-peer', certain: true });
    expect(answer.rootCauses[0]?.path?.direction).toBe('reply');
  });

  test('an unknown end names the file that would settle it', () => {
    const flow = buildAnswer(unknownJudgement).flows.list.find((one) => one.verdict === 'unknown');
    expect(flow?.end).toEqual({
      disposition: 'unknown',
      at: 'node/blue',
      question: "which of blue's routing rules applies?",
      needs: 'nodes/blue/ip-rule-4.json',
    });
  });
});
