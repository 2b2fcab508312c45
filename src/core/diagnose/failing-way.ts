// The way of a flow that does not arrive: its hops to the loss, and how it ended. In: the journeys of a trace. Out: the first
// that is lost or refused, there or on the way back.
import type { Disposition, Hop, Journey } from '../trace/flow.ts';

/** A way that does not arrive: all hops to the loss (the reply's too), and how it ended. */
export interface FailingWay {
  readonly hops: readonly Hop[];
  readonly end: Disposition;
}

/** The first way of a trace that ends in a loss or a refusal. */
export function findFailingWay(journeys: readonly Journey[]): FailingWay | undefined {
  for (const journey of journeys) {
    if (isLoss(journey.end)) return { hops: journey.hops, end: journey.end };
    const reply = (journey.replies ?? []).find((candidate) => isLoss(candidate.end));
    if (reply !== undefined) return { hops: [...journey.hops, ...reply.hops], end: reply.end };
  }
  return undefined;
}

function isLoss(end: Disposition): boolean {
  return end.kind === 'lost' || end.kind === 'refused';
}

/** The hops with those of the outer packets they carry, each with the packet that its own elements decided about. */
export function unfoldHops(hops: readonly Hop[]): Hop[] {
  return hops.flatMap((hop) => (hop.nested === undefined ? [hop] : [...unfoldHops(hop.nested.hops), hop]));
}
