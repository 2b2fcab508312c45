// Where waylaid and the kernel part on one flow through the router. In: the network as read from the router's own dumps,
// a flow, what the kernel did with it. Out: `same`, `unknown: …` where waylaid says so, or a sentence.
// Where rules draw, more than one journey is foretold: the kernel's must be among them, and its answer among that one's.
import { parseAddress } from '../../src/core/net/address.ts';
import type { Network } from '../../src/core/model/network.ts';
import type { Disposition, Flow, Hop, Journey } from '../../src/core/trace/flow.ts';
import { traceFlow } from '../../src/core/trace/trace-flow.ts';
import { describeSighting } from './netfilter-flows.ts';
import type { Observation, OracleFlow, Sighting } from './netfilter-flows.ts';
import { outside } from './netfilter-topology.ts';
import type { Place } from './netfilter-topology.ts';

const router = 'node/router';

type Outcome =
  | { readonly kind: 'seen'; readonly sighting: Sighting }
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'lost'; readonly why: string }
  | { readonly kind: 'unknown'; readonly why: string };

export interface FlowVerdict {
  readonly text: string;
  /** The foretold journeys, for whoever looks into a difference. */
  readonly journeys: readonly Journey[];
}

export interface Tolerance {
  /** Some rule picks source ports at random. */
  readonly hasRandomPorts: boolean;
}

export function compareFlow(
  network: Network,
  flow: OracleFlow,
  asked: { readonly observed: Observation; readonly tolerance: Tolerance },
): FlowVerdict {
  const { journeys } = traceFlow(network, describeAsked(flow));
  return { text: judge(flow, journeys, asked), journeys };
}

function describeAsked({ from, packet, mark }: OracleFlow): Flow {
  const place = outside.find((each) => each.name === from);
  const isIcmp = packet.protocol === 'icmp';
  return {
    from: place?.id ?? router,
    fromAddress: parseAddress(packet.source)!,
    to: parseAddress(packet.destination)!,
    protocol: packet.protocol,
    ...(isIcmp ? {} : { fromPort: packet.sourcePort, port: packet.destinationPort }),
    mark,
  };
}

function judge(
  flow: OracleFlow,
  journeys: readonly Journey[],
  { observed, tolerance }: { readonly observed: Observation; readonly tolerance: Tolerance },
): string {
  const foretold = journeys.map((journey) => ({ journey, outcome: outcomeOf(journey, flow) }));
  const right = foretold.filter(
    ({ outcome }) => isSame(outcome, observed, tolerance) || isOwnError(flow, outcome, observed),
  );
  if (right.length === 0) {
    const doubt = foretold.find(({ outcome }) => outcome.kind === 'unknown');
    if (doubt?.outcome.kind === 'unknown') return `unknown: ${doubt.outcome.why}`;
    const said = foretold.map(({ outcome }) => describeOutcome(outcome)).join(' or ');
    return `there: kernel ${describeForward(observed)}; foretold ${said}`;
  }
  if (isPortDrawn(right, observed)) return 'same';
  const replies = right.flatMap(({ journey }) => repliesOf(journey));
  if (replies.length === 0 || observed.refusal !== undefined || observed.forward === undefined) return 'same';
  const answers = replies.map((reply) => outcomeOf(reply, flow));
  if (answers.some((outcome) => isSameAnswer(outcome, observed, tolerance))) return 'same';
  const doubt = answers.find((outcome) => outcome.kind === 'unknown');
  if (doubt?.kind === 'unknown') return `unknown: ${doubt.why}`;
  const said = answers.map(describeOutcome).join(' or ');
  return `back: kernel ${describeSighting(observed.reply)}; foretold ${said} (there ${describeForward(observed)})`;
}

/** A port that the kernel drew is the answer's destination, and rules may look at it: what is foretold is one case of many. */
function isPortDrawn(right: readonly { readonly outcome: Outcome }[], { forward }: Observation): boolean {
  return right.every(
    ({ outcome }) => outcome.kind === 'seen' && outcome.sighting.sourcePort !== forward?.sourcePort,
  );
}

/** A way home without hops is taken for granted, and an answer without one has not been followed. */
function repliesOf({ end, replies }: Journey): readonly Journey[] {
  if (end.kind !== 'delivered') return [];
  return (replies ?? []).filter((reply) => reply.hops.length > 0);
}

/**
 * The router's own program is told by an error of its call, which no packet shows. A translated packet of 127.0.0.1 has
 * that error before the chains that come after nat, so it never meets the one that would refuse it.
 */
function isOwnError(flow: OracleFlow, outcome: Outcome, { forward, refusal }: Observation): boolean {
  const isSilent = forward === undefined && refusal === undefined;
  if (flow.from !== 'router' || !isSilent || outcome.kind !== 'refused') return false;
  return outcome.why !== 'filter-rejected' || flow.packet.source === '127.0.0.1';
}

/** Of an answer that did not come, whether it was dropped or refused is not looked at. */
function isSameAnswer(outcome: Outcome, { reply }: Observation, tolerance: Tolerance): boolean {
  if (outcome.kind === 'refused') return reply === undefined;
  return isSame(outcome, reply === undefined ? {} : { forward: reply }, tolerance);
}

function describeForward({ forward, refusal }: Observation): string {
  return refusal === undefined ? describeSighting(forward) : `refuses (${refusal})`;
}

function describeOutcome(outcome: Outcome): string {
  return outcome.kind === 'seen' ? describeSighting(outcome.sighting) : `${outcome.kind} (${outcome.why})`;
}

/** What the router does with it, as far as the journey says. */
function outcomeOf(journey: Journey, flow: OracleFlow): Outcome {
  const { end, hops } = journey;
  const last = hops.findLast((hop) => hop.at === router);
  if (isLocal(end)) return seenAt('local', last, flow);
  if (end.kind === 'refused' && end.by === router) return { kind: 'refused', why: end.why };
  if (last !== undefined && isDeparture(last)) return seenAt(`out ${last.link ?? ''}`, last, flow);
  if (end.kind === 'unknown') return { kind: 'unknown', why: end.question };
  const past = placePast(end);
  if (past !== undefined) return seenPast(past, last?.packet.mark ?? 0, seenAt('', hops.at(-1), flow));
  return { kind: 'lost', why: end.kind === 'lost' ? `${end.why} at ${end.at}` : end.kind };
}

/** It came to the router itself, whether or not somebody listens there, asked for it, or takes it for an answer. */
function isLocal(end: Disposition): boolean {
  if (end.kind === 'delivered') return end.to === router;
  if (end.kind === 'refused') return end.by === router && end.why === 'port-closed';
  return end.kind === 'lost' && end.at === router && ['wrong-host', 'reply-unmatched'].includes(end.why);
}

/** The place beyond the router; an asker that does not take it for an answer got it all the same. */
function placePast(end: Disposition): Place | undefined {
  const isUnmatched = end.kind === 'lost' && end.why === 'reply-unmatched';
  const to = end.kind === 'delivered' ? end.to : isUnmatched ? end.at : undefined;
  return outside.find((place) => place.id === to);
}

function seenPast(place: Place, mark: number, outcome: Outcome): Outcome {
  if (outcome.kind !== 'seen') return outcome;
  return { kind: 'seen', sighting: { ...outcome.sighting, place: `to ${place.name}`, mark } };
}

function isDeparture(hop: Hop): boolean {
  return hop.link !== undefined && hop.link !== 'lo' && (hop.step === 'wire' || hop.step === 'neighbor');
}

function seenAt(place: string, hop: Hop | undefined, flow: OracleFlow): Outcome {
  if (hop === undefined) return { kind: 'unknown', why: 'a journey without hops' };
  const { source, destination, sourcePort, destinationPort, protocol, mark } = hop.packet;
  const isIcmp = protocol === 'icmp';
  const own = flow.packet.sourcePort;
  return {
    kind: 'seen',
    sighting: {
      place,
      source,
      destination,
      protocol,
      mark,
      sourcePort: isIcmp ? own : sourcePort,
      destinationPort: isIcmp ? own : destinationPort,
    },
  };
}

function isSame(outcome: Outcome, observed: Observation, tolerance: Tolerance): boolean {
  const { forward, refusal } = observed;
  if (outcome.kind === 'refused') return forward === undefined && refusal !== undefined;
  if (outcome.kind === 'lost') return forward === undefined && refusal === undefined;
  if (outcome.kind === 'unknown' || forward === undefined) return false;
  const { sighting } = outcome;
  return (
    (sighting.place === forward.place || isCarriedThrough(sighting, forward)) &&
    sighting.source === forward.source &&
    sighting.destination === forward.destination &&
    isSamePort(sighting.destinationPort, forward.destinationPort, tolerance) &&
    isSamePort(sighting.sourcePort, forward.sourcePort, tolerance) &&
    (sighting.mark === forward.mark || isMarkOpen(sighting, forward))
  );
}

/** What a bridge carries from pod to pod passes POSTROUTING with the bridge as its device, where br_netfilter is on. */
function isCarriedThrough(foretold: Sighting, seen: Sighting): boolean {
  return foretold.place.startsWith('to ') && seen.place === 'out cni0';
}

/**
 * A bridge that passes the packet filter by shows no mark; and what was sent to the router itself meets PREROUTING with a
 * port that the kernel drew, which rules there may look at before they mark.
 */
function isMarkOpen(foretold: Sighting, seen: Sighting): boolean {
  if (seen.place.startsWith('to ')) return true;
  return seen.place === 'local' && foretold.sourcePort !== seen.sourcePort;
}

/** Of a range, which port the kernel takes nobody can say. */
function isSamePort(foretold: number, seen: number, { hasRandomPorts }: Tolerance): boolean {
  if (foretold === seen) return true;
  return (seen >= 50_000 && seen <= 50_100) || (seen >= 8000 && seen <= 8080) || (hasRandomPorts && seen > 0);
}
