// Flows that somebody forbade: a NetworkPolicy that refuses one pod to another is no fault, so such a flow is none that
// should arrive. It stays one where something is configured to go there (names through the cluster's DNS, the kubelet's
// probes, what somebody measured), and where the policy judged another address than the sender's own: then the packet was
// mistaken for somebody else's.
import type { Candidate } from './candidate.ts';
import type { JudgedIntent } from './diagnosis.ts';
import { findOwner } from './filter-owner.ts';
import { dropsInvalid } from './invalid-packets.ts';
import type { World } from './world.ts';
import type { Network } from '../model/network.ts';
import type { Disposition, Element, Hop, Journey } from '../trace/flow.ts';

export function dropForbidden(network: Network, judged: readonly JudgedIntent[]): readonly JudgedIntent[] {
  return judged.filter((one) => !isForbidden(network, one));
}

/**
 * A packet that comes under another address is refused for that; once it comes under its own, a policy may refuse it all
 * the same. In: the world where all but the policies is healed. Out: the flows that no policy refuses there.
 */
export function dropForbiddenWhenHealed(
  healed: World,
  judged: readonly JudgedIntent[],
): readonly JudgedIntent[] {
  return judged.filter(({ intent, trace }) => {
    const isFailing = trace.verdict === 'fails' || trace.verdict === 'partly';
    return !isFailing || !isForbidden(healed.network, { intent, trace: healed.trace(intent.flow) });
  });
}

/** The change that takes a policy's verdict away. */
export function isPolicyChange({ family }: Candidate): boolean {
  return family.startsWith('remove-policy-verdict ');
}

/** Whether some flow ends at a policy at all: only then is it worth to look for what led it there. */
export function meetsPolicy(judged: readonly JudgedIntent[]): boolean {
  return judged.some(({ trace }) =>
    trace.journeys.some(({ hops }) => hops.at(-1)?.elements.some(isRefusal) === true),
  );
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
  return (
    losses.length > 0 &&
    repliesArrive &&
    losses.every((journey) => isPolicyVerdict(network, journey, intent.flow.from))
  );
}

function isLoss(end: Disposition): boolean {
  return end.kind === 'lost' || end.kind === 'refused';
}

/** A policy's rule ended it, and what the rule saw was an address of the sender's own. */
function isPolicyVerdict(network: Network, { hops }: Journey, sender: string): boolean {
  const last = hops.at(-1);
  if (last === undefined) return false;
  const owners = network.owners.get(last.packet.source) ?? [];
  const isOwn = owners.some((owner) => owner.namespace === sender);
  return isOwn && last.elements.some(isRefusal) && isEnd(last);
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
