// How a journey ended, in a few words of its own for every disposition. `unknown` names what would have to be known.
import type { Disposition, Journey, LostWhy, RefusedWhy } from '../trace/flow.ts';
import type { AnswerEnd } from './answer-flow.ts';
import { shortName } from './names.ts';

const lostWords: Readonly<Record<LostWhy, string>> = {
  blackhole: 'a blackhole discards it',
  'not-forwarding': 'forwarding is switched off',
  'source-rejected': 'its source address is rejected (rp_filter)',
  'no-neighbor': 'nobody answers for the next hop',
  'no-fdb-entry': 'the bridge or tunnel does not know where that MAC is',
  'no-hairpin': 'the bridge sends nothing back by the port it came from (hairpin mode is off)',
  'link-down': 'the device is down',
  'wrong-host': 'it reaches a machine that does not have the address',
  'left-the-cluster': 'it leaves for a network that does not know the address',
  'tunnel-no-peer': 'no tunnel peer takes this destination',
  'tunnel-source-refused': 'the tunnel peer takes nothing from this source',
  'tunnel-filtered': 'the tailnet packet filter drops it',
  'outer-lost': 'the packet that carries it is lost',
  filtered: 'the packet filter drops it',
  'program-drops': 'a program of the pod network drops it',
  'reply-unmatched': 'the answer comes from another address than was asked, so the asker does not take it',
  'too-big': 'it is larger than a device on the way takes',
  loop: 'it goes round in a loop',
  'too-many-paths': 'there are too many paths to follow',
};

const refusedWords: Readonly<Record<RefusedWhy, string>> = {
  'port-closed': 'nothing listens on the port',
  'net-unreachable': 'no route: network unreachable',
  'host-unreachable': 'no route: host unreachable',
  prohibited: 'a prohibit route or rule forbids it',
  'no-endpoints': 'the Service has no endpoints',
  'filter-rejected': 'the packet filter rejects it',
};

export function buildEnd(end: Disposition): AnswerEnd {
  switch (end.kind) {
    case 'delivered':
      return { disposition: 'delivered', at: end.to };
    case 'refused':
      return { disposition: 'refused', at: end.by, why: end.why };
    case 'lost':
      return { disposition: 'lost', at: end.at, why: end.why, certain: end.isCertain };
    case 'unknown':
      return {
        disposition: 'unknown',
        at: end.at,
        question: end.question,
        ...(end.missing === undefined ? {} : { needs: end.missing.path }),
      };
  }
}

/** `the tunnel peer takes nothing from this source`. */
export function describeEnd(end: Disposition): string {
  switch (end.kind) {
    case 'delivered':
      return `arrives at ${shortName(end.to)}`;
    case 'refused':
      return refusedWords[end.why];
    case 'lost':
      return end.isCertain ? lostWords[end.why] : `${lostWords[end.why]}, as far as anyone can see from here`;
    case 'unknown':
      return end.question;
  }
}

/** Why a journey ended, as its last hop saw it (with names and numbers) where that hop is what ended it. */
export function describeJourneyEnd(journey: Journey): string {
  const { end, hops } = journey;
  const last = hops.at(-1);
  if (end.kind === 'delivered' || end.kind === 'unknown' || last === undefined) return describeEnd(end);
  if (end.kind === 'lost' && (end.why === 'loop' || end.why === 'too-many-paths')) return describeEnd(end);
  const isDecidedByRouting = end.kind === 'refused' || end.why === 'blackhole';
  if ((last.step === 'route' || last.step === 'rule') && !isDecidedByRouting) return describeEnd(end);
  const outer = hops.findLast((hop) => hop.nested !== undefined)?.nested;
  const isOuterLost = end.kind === 'lost' && end.why === 'outer-lost' && outer !== undefined;
  return isOuterLost ? `${last.did}: ${describeJourneyEnd(outer)}` : last.did;
}
