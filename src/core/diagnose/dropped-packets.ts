// The packets that the rules and policies of a cause ended, as the failing flows show them. In: the group with its failing
// flows. Out: each packet with where it was ended, whether it carried another one (an overlay's outer packet), and how.
import type { CauseGroup } from './cause-group.ts';
import { unfoldHops } from './failing-way.ts';
import type { Change } from '../snapshot/change.ts';
import type { FilterPlace, FilterRulePlace } from '../snapshot/filter-place.ts';
import type { Element, Journey, Packet } from '../trace/flow.ts';

export interface DroppedPacket {
  readonly packet: Packet;
  readonly at: string;
  readonly isOuter: boolean;
  /** It was the answer to a packet that arrived. */
  readonly isReply: boolean;
  /** A policy ended it, and no rule. */
  readonly isByPolicy: boolean;
}

export function listDroppedPackets(group: CauseGroup): readonly DroppedPacket[] {
  const journeys = (group.broken ?? []).flatMap(({ trace }) =>
    trace.journeys.flatMap((journey) => [
      { journey, isReply: false },
      ...(journey.replies ?? []).map((reply) => ({ journey: reply, isReply: true })),
    ]),
  );
  return journeys.flatMap(({ journey, isReply }) => listInJourney(group, journey, isReply));
}

function listInJourney(group: CauseGroup, journey: Journey, isReply: boolean): readonly DroppedPacket[] {
  const outer = new Set(
    journey.hops.flatMap((hop) => (hop.nested === undefined ? [] : unfoldHops(hop.nested.hops))),
  );
  return unfoldHops(journey.hops).flatMap((hop) => {
    const ending = hop.elements.find((element) => ends(element) && isOf(group, element));
    // The hop that tells of the outer packet's loss repeats its elements; the packet is the outer one's own hop's.
    if (ending === undefined || hop.step !== 'filter') return [];
    const isByPolicy = ending.kind === 'filter-policy';
    return [{ packet: hop.packet, at: hop.at, isOuter: outer.has(hop), isReply, isByPolicy }];
  });
}

function ends(element: Element): boolean {
  if (element.kind === 'filter-policy') return true;
  return element.kind === 'filter-rule' && (element.effect === 'drops' || element.effect === 'rejects');
}

/** The element stands where one of the cause's changes is made. */
function isOf(group: CauseGroup, element: Element): boolean {
  return group.changes.some((change) => {
    if (!('namespace' in element) || !('namespace' in change) || change.namespace !== element.namespace)
      return false;
    const rule = ruleOf(change);
    if (rule !== undefined)
      return element.kind === 'filter-rule' && isSame(rule, element.rule) && rule.at === element.rule.at;
    if (element.kind !== 'filter-policy') return false;
    if (change.kind === 'insert-filter-rule' || change.kind === 'set-filter-policy')
      return isSame(change.chain, element.chain);
    return change.kind === 'rewrite-filter';
  });
}

/** The rule that goes, or that an exception is put in front of. */
function ruleOf(change: Change): FilterRulePlace | undefined {
  if (change.kind === 'remove-filter-rule') return change.rule;
  return change.kind === 'insert-filter-rule' ? change.before : undefined;
}

function isSame(a: FilterPlace, b: FilterPlace): boolean {
  return a.path === b.path && a.family === b.family && a.table === b.table && a.chain === b.chain;
}
