// Flows that somebody forbade: a NetworkPolicy that refuses one pod to another is no fault, so such a flow is none that
// should arrive. It stays one where something is configured to go there (names through the cluster's DNS, the kubelet's
// probes, what somebody measured), and where the policy judged another address than the sender's own: then the packet was
// mistaken for somebody else's.
import type { Candidate } from './candidate.ts';
import type { JudgedIntent } from './diagnosis.ts';
import { findOwner } from './filter-owner.ts';
import { dropsInvalid } from './invalid-packets.ts';
import { changeWorld } from './world.ts';
import type { World } from './world.ts';
import type { Network } from '../model/network.ts';
import type { Disposition, Element, Hop, Journey } from '../trace/flow.ts';

export function dropForbidden(network: Network, judged: readonly JudgedIntent[]): readonly JudgedIntent[] {
  return judged.filter((one) => !isForbidden(network, one));
}

/**
 * A packet that comes under another address is refused for that; once it comes under its own, a policy may refuse it all
 * the same. In: what was found for the failing flows. Out: the flows that no policy refuses in the world where all but
 * the policies is healed.
 */
export function dropForbiddenWhenHealed(
  base: World,
  judged: readonly JudgedIntent[],
  chosen: readonly Candidate[],
): readonly JudgedIntent[] {
  const others = chosen.filter(({ family }) => !family.startsWith('remove-policy-verdict '));
  if (others.length === chosen.length) return judged;
  const healed = changeWorld(
    base,
    others.flatMap((candidate) => candidate.changes),
  );
  return judged.filter(({ intent, trace }) => {
    const isFailing = trace.verdict === 'fails' || trace.verdict === 'partly';
    return !isFailing || !isForbidden(healed.network, { intent, trace: healed.trace(intent.flow) });
  });
}

function isForbidden(network: Network, { intent, trace }: JudgedIntent): boolean {
  if (trace.verdict !== 'fails' && trace.verdict !== 'partly') return false;
  const isOptional =
    intent.kind === 'pod-to-pod' ||
    intent.kind === 'node-to-service' ||
    (intent.kind === 'pod-to-service' && intent.flow.port !== 53);
  if (!isOptional) return false;
  const losses = trace.journeys.filter((journey) => isLoss(journey.end));
  const arrived = trace.journeys.filter((journey) => journey.end.kind === 'delivered');
  const repliesArrive = arrived.every(
    (journey) => !(journey.replies ?? []).some((reply) => isLoss(reply.end)),
  );
  return losses.length > 0 && repliesArrive && losses.every((journey) => isPolicyVerdict(network, journey));
}

function isLoss(end: Disposition): boolean {
  return end.kind === 'lost' || end.kind === 'refused';
}

/** A policy's rule ended it, and what the rule saw was the sender's own address. */
function isPolicyVerdict(network: Network, { hops }: Journey): boolean {
  const last = hops.at(-1);
  const own = hops.find((hop) => hop.packet.source !== '0.0.0.0' && hop.packet.source !== '::');
  if (last === undefined || own === undefined || last.packet.source !== own.packet.source) return false;
  return network.namespaces.has(last.at) && last.elements.some(isRefusal) && isEnd(last);
}

function isEnd(hop: Hop): boolean {
  return hop.step === 'filter';
}

function isRefusal(element: Element): boolean {
  return (
    element.kind === 'filter-rule' &&
    (element.effect === 'drops' || element.effect === 'rejects') &&
    findOwner(element.rule) === 'network-policy' &&
    !dropsInvalid(element.rule.text)
  );
}
