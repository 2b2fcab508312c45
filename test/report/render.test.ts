// The texts that people read: as they stand at 80 columns (the files beside this one), and what holds at any width, in any
// terminal and with any text that evidence may contain.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DiagnosisText } from '../../src/core/diagnose/diagnosis-text.ts';
import type { Answer } from '../../src/core/report/answer.ts';
import { buildAnswer } from '../../src/core/report/build-answer.ts';
import { buildFlow } from '../../src/core/report/build-flow.ts';
import { indexPlaces } from '../../src/core/report/find-places.ts';
import { displayWidth } from '../../src/core/report/text/display-width.ts';
import { renderAnswer } from '../../src/core/report/text/render-answer.ts';
import { renderCatalogue, renderExplanation } from '../../src/core/report/text/render-explanation.ts';
import { renderRepairs } from '../../src/core/report/text/render-repairs.ts';
import { renderTrace } from '../../src/core/report/text/render-trace.ts';
import { plainStyle } from '../../src/core/report/text/text-style.ts';
import type { TextStyle } from '../../src/core/report/text/text-style.ts';
import {
  arrivingTrace,
  brokenJudgement,
  healthyJudgement,
  lostReplyTrace,
  lostTrace,
  snapshot,
  unknownJudgement,
} from './judgement-fixture.ts';

const healed = { traceHealed: () => arrivingTrace, traceAlone: () => undefined };
const broken = buildAnswer(brokenJudgement, healed);
const places = indexPlaces(snapshot);
const words = { id: 'question', kind: 'question', label: 'q', reason: 'asked', toName: 'shop/store' };
const lost = buildFlow(words, lostTrace, places);
const arrives = buildFlow(words, arrivingTrace, places);

const explanation: DiagnosisText = {
  code: 'some-code',
  layer: 'kernel-route',
  title: 'A route takes what is not its own',
  meaning: 'A route that is wider than it should be wins. Traffic leaves the cluster.',
  howProved: 'Without the route every flow arrives.',
  byHand: ['Look at the table:', '$ ip route show table 52'],
  sources: ['Linux 6.12 net/ipv4/fib_rules.c'],
};

describe('at 80 columns', () => {
  test('the first screen of a broken cluster', async () => {
    await expect(renderAnswer(broken, plainStyle)).toMatchFileSnapshot('broken.txt');
  });
  test('the same with everything, at 120 columns', async () => {
    const style = { ...plainStyle, width: 120, isWide: true };
    await expect(renderAnswer(broken, style)).toMatchFileSnapshot('broken-wide.txt');
  });
  test('the same in a narrow terminal without UTF-8', async () => {
    const style = { ...plainStyle, width: 40, isAscii: true };
    await expect(renderAnswer(broken, style)).toMatchFileSnapshot('broken-narrow-ascii.txt');
  });
  test('a healthy cluster', async () => {
    await expect(renderAnswer(buildAnswer(healthyJudgement), plainStyle)).toMatchFileSnapshot('healthy.txt');
  });
  test('an unknown one says what to run', async () => {
    await expect(renderAnswer(buildAnswer(unknownJudgement), plainStyle)).toMatchFileSnapshot('unknown.txt');
  });
  test('commands are suggested as the user has to type them', () => {
    const invocation = { program: 'kubectl waylaid', source: ['--bundle', 'b.tar.gz'] };
    const text = renderAnswer(broken, { ...plainStyle, width: 120 }, invocation);
    expect(text).toContain('kubectl waylaid trace shop/web shop/store --port 5432 --bundle b.tar.gz');
    expect(text).toContain('kubectl waylaid fix --dry-run --bundle b.tar.gz');
  });
  test('a trace that is lost', async () => {
    await expect(renderTrace(lost, plainStyle)).toMatchFileSnapshot('trace-lost.txt');
  });
  test('a trace of which the answer is lost', async () => {
    const flow = buildFlow(words, lostReplyTrace, places);
    await expect(renderTrace(flow, plainStyle)).toMatchFileSnapshot('trace-reply-lost.txt');
  });
  test('a trace with a what-if, wide', async () => {
    const style = { ...plainStyle, width: 100, isWide: true };
    const commands = ['ip rule add to 10.42.0.0/16 priority 5100 lookup main'];
    await expect(renderTrace(lost, style, { commands, flow: arrives })).toMatchFileSnapshot('what-if.txt');
  });
  test('the repairs', async () => {
    await expect(renderRepairs(broken, plainStyle)).toMatchFileSnapshot('repairs.txt');
  });
  test('an explanation', async () => {
    await expect(renderExplanation(explanation, plainStyle)).toMatchFileSnapshot('explanation.txt');
  });
});

const oddText = fc.oneof(
  fc.string({ maxLength: 200 }),
  fc.string({ unit: 'binary', maxLength: 80 }),
  fc.lorem({ maxCount: 40 }),
  fc.constantFrom('\u001b[2J\u001b[31mred', 'a\nb\tc', '中文字符'.repeat(30), 'x'.repeat(300), '→↔…✗', ''),
);

const oddStyle: fc.Arbitrary<TextStyle> = fc.record({
  width: fc.integer({ min: 40, max: 200 }),
  paint: fc.constant(plainStyle.paint),
  isAscii: fc.boolean(),
  isWide: fc.boolean(),
});

/** Every text of the answer that comes from evidence or from a diagnosis replaced by an odd one. */
function disturb(answer: Answer, texts: readonly string[]): Answer {
  let next = 0;
  const odd = (): string => texts[next++ % texts.length] ?? '';
  const [cause] = answer.rootCauses;
  return {
    ...answer,
    symptoms: answer.symptoms.map((symptom) => ({ ...symptom, text: odd(), subject: odd() })),
    cleared: answer.cleared.map((cleared) => ({ ...cleared, suspect: odd(), reason: odd() })),
    unknowns: answer.unknowns.map((unknown) => ({ ...unknown, question: odd(), command: odd() })),
    repairs: answer.repairs.map((repair) => ({ ...repair, title: odd(), note: odd() })),
    rootCauses: [
      {
        ...cause!,
        title: odd(),
        explanation: odd(),
        origin: odd(),
        elements: cause!.elements.map((element) => ({ ...element, text: odd(), kind: odd() })),
        path: {
          ...cause!.path!,
          steps: cause!.path!.steps.map((step) => ({ ...step, label: odd(), detail: odd() })),
          end: { disposition: 'lost' as const, text: odd() },
        },
        expected: {
          ...cause!.expected!,
          steps: cause!.expected!.steps.map((step) => ({ ...step, label: odd() })),
        },
      },
    ],
  };
}

describe('at any width, with any text', () => {
  const texts = fc.array(oddText, { minLength: 1, maxLength: 12 });

  test('no line is longer than the terminal', () => {
    fc.assert(
      fc.property(texts, oddStyle, (odd, style) => {
        const answer = disturb(broken, odd);
        const flow = { ...lost, path: answer.rootCauses[0]!.path!, label: odd[0]! };
        const rendered = [
          renderAnswer(answer, style),
          renderTrace(flow, style, { commands: [odd[0]!], flow: arrives }),
          renderCatalogue([explanation, { ...explanation, code: 'x'.repeat(60) }], style),
        ];
        for (const line of rendered.join('').split('\n')) {
          expect(displayWidth(line), JSON.stringify(line)).toBeLessThanOrEqual(style.width);
        }
      }),
      { numRuns: 300 },
    );
  });

  test('nothing reaches the terminal that could drive it', () => {
    fc.assert(
      fc.property(texts, oddStyle, (odd, style) => {
        const text = renderAnswer(disturb(broken, odd), style);
        expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
        if (style.isAscii) expect(text).toMatch(/^[\n -~]*$/);
      }),
      { numRuns: 300 },
    );
  });

  test('colour changes nothing but colour', () => {
    const marks = (tone: string, text: string): string => `⟦${tone}⟧${text}⟦⟧`;
    for (const isWide of [false, true]) {
      const painted = renderAnswer(broken, { ...plainStyle, paint: marks, isWide });
      expect(painted).toContain('⟦bad⟧');
      expect(painted.replace(/⟦[a-z]*⟧/g, '')).toBe(renderAnswer(broken, { ...plainStyle, isWide }));
    }
  });
});
