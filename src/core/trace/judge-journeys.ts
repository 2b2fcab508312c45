// One verdict over all the ways a packet can take. Ways that chance decides are all real: where some of them fail, the flow
// works by luck. Ways that rest on what nobody knows are real only if that is so: where the answers would make different
// verdicts, the flow is unknown.
import type { Doubt } from './filter/chain-outcome.ts';
import type { Journey, Verdict } from './flow.ts';

interface Judged {
  readonly verdict: Verdict;
  readonly doubts: readonly Doubt[];
}

/** More open questions than this on one flow are not told apart. */
const maxDoubts = 8;

export function judgeJourneys(journeys: readonly Journey[]): Verdict {
  return combineDoubtful(journeys.flatMap(judgeJourney), maxDoubts);
}

function judgeJourney(journey: Journey): readonly Judged[] {
  const doubts = journey.doubts ?? [];
  if (journey.end.kind === 'unknown') return [{ verdict: judgeOutside(journey), doubts }];
  if (journey.end.kind !== 'delivered') return [{ verdict: 'fails', doubts }];
  if (journey.replies === undefined) return [{ verdict: 'arrives', doubts }];
  return journey.replies.flatMap((reply) =>
    judgeJourney(reply.doubts === undefined ? { ...reply, doubts } : reply),
  );
}

/** Nobody knows what becomes of it out there; but if every answer is lost on this side, it has failed whatever that is. */
function judgeOutside({ replies }: Journey): Verdict {
  if (replies === undefined || replies.length === 0) return 'unknown';
  const isLost = replies.every(
    ({ end, doubts }) =>
      (doubts ?? []).length === 0 &&
      ((end.kind === 'lost' && end.isCertain) || (end.kind === 'refused' && end.why === 'filter-rejected')),
  );
  return isLost ? 'fails' : 'unknown';
}

function combineDoubtful(items: readonly Judged[], depth: number): Verdict {
  const doubt = items.find((item) => item.doubts.length > 0)?.doubts[0];
  if (doubt === undefined) return combine(items.map((item) => item.verdict));
  if (depth === 0) return allAgree(items) ?? 'unknown';
  const verdicts = (['matches', 'does not match'] as const).flatMap((side) => {
    const possible = items.filter((item) =>
      item.doubts.every((one) => one.id !== doubt.id || one.side === side),
    );
    if (possible.length === 0) return [];
    const settled = possible.map((item) => ({
      ...item,
      doubts: item.doubts.filter((one) => one.id !== doubt.id),
    }));
    return [combineDoubtful(settled, depth - 1)];
  });
  const [first] = verdicts;
  return first !== undefined && verdicts.every((verdict) => verdict === first) ? first : 'unknown';
}

function allAgree(items: readonly Judged[]): Verdict | undefined {
  const first = items[0]?.verdict;
  return items.every((item) => item.verdict === first) ? first : undefined;
}

function combine(verdicts: readonly Verdict[]): Verdict {
  const first = verdicts[0];
  if (first === undefined) return 'unknown';
  if (verdicts.every((verdict) => verdict === first)) return first;
  // Some ways fail for certain: by luck at best. Otherwise what is left over is not known.
  return verdicts.some((verdict) => verdict === 'fails' || verdict === 'partly') ? 'partly' : 'unknown';
}
