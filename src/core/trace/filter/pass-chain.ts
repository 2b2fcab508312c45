// One base chain and what becomes of the packet in it. In: a state before the chain. Out: the states after it, one for each
// outcome that can be, with the deciding rules as a hop; or the end of the packet there.
import type { ProgramChain } from '../../model/filter-program.ts';
import { isPodAddress } from '../../model/cluster-network.ts';
import { serviceKey } from '../../model/service-table.ts';
import { familyOf } from '../../net/address.ts';
import type { Element, FilterEffect } from '../flow.ts';
import { viewConnection, withConnection } from '../track-packet.ts';
import { addHop, endLost, endUnknown, withPacket } from '../walk.ts';
import type { Step, WalkState } from '../walk.ts';
import type { ChainOutcome, Decider } from './chain-outcome.ts';
import { describeDecider, effectOf, elementOfDecider, evidenceOfDecider } from './decider-elements.ts';
import { judgeChain } from './judge-chain.ts';
import type { FilterPacket } from './filter-packet.ts';
import { makePacketLookups } from './packet-lookups.ts';
import type { HookPlace, HookResult } from './hook-place.ts';

export function passChain(state: WalkState, place: HookPlace, chain: ProgramChain): readonly HookResult[] {
  return judgeChain(chain, describePacket(state, place)).map((outcome) =>
    applyOutcome(state, { place, chain }, outcome),
  );
}

/** The packet as the rules of the hook see it. */
export function describePacket(state: WalkState, place: HookPlace): FilterPacket {
  const { packet } = state;
  const family = familyOf(packet.destination);
  const connection = viewConnection(state);
  return {
    packet,
    family,
    ...(place.inputLink === undefined ? {} : { inputLink: place.inputLink }),
    ...(place.outputLink === undefined ? {} : { outputLink: place.outputLink }),
    ...(place.physicalInput === undefined ? {} : { physicalInput: place.physicalInput }),
    ...(place.physicalOutput === undefined ? {} : { physicalOutput: place.physicalOutput }),
    isBridged: place.isBridged === true,
    ...(connection === undefined ? {} : { connection }),
    lookups: makePacketLookups(place.namespace),
    ...headersOf(state, family),
    ...(packet.sizeBytes === undefined ? {} : { lengthBytes: packet.sizeBytes }),
    packetType: 'unicast',
  };
}

const syn = 2;
const synAck = 18;

/** The first packet of each direction: SYN and SYN-ACK, echo request and echo reply, or the error that answers. */
function headersOf(
  state: WalkState,
  family: 4 | 6,
): Pick<FilterPacket, 'tcpFlags' | 'icmpType' | 'icmpCode'> {
  if (state.packet.protocol === 'tcp') return { tcpFlags: state.isReply ? synAck : syn };
  if (state.packet.protocol !== 'icmp') return {};
  if (state.quoted !== undefined) return errorHeaders(family, state.quoted.isTooBig === true);
  if (family === 6) return { icmpType: state.isReply ? 129 : 128, icmpCode: 0 };
  return { icmpType: state.isReply ? 0 : 8, icmpCode: 0 };
}

/** Packet too big and fragmentation needed, or port unreachable. */
function errorHeaders(family: 4 | 6, isTooBig: boolean): Pick<FilterPacket, 'icmpType' | 'icmpCode'> {
  if (family === 6) return isTooBig ? { icmpType: 2, icmpCode: 0 } : { icmpType: 1, icmpCode: 4 };
  return { icmpType: 3, icmpCode: isTooBig ? 4 : 3 };
}

interface InChain {
  readonly place: HookPlace;
  readonly chain: ProgramChain;
}

function applyOutcome(state: WalkState, { place, chain }: InChain, outcome: ChainOutcome): HookResult {
  const clamped = applyClamp(state, place, outcome);
  const marked = applyMarks({ ...clamped, doubts: mergeDoubts(state, outcome) }, outcome);
  const { verdict } = outcome;
  const decided = addDecisionHop(marked, place, outcome);
  if ('isTproxy' in verdict && verdict.isTproxy === true) {
    const question = `what does the program do that ${place.namespace.id} hands the packet to (TPROXY)?`;
    return ended(endUnknown(decided, place.namespace.id, question));
  }
  switch (verdict.kind) {
    case 'accept':
      // A filter chain's mark comes too late for the route; a chain of type route looks it up again.
      return passed(decided, chain.chain.base?.type === 'route' && decided.packet.mark !== state.packet.mark);
    case 'drop':
      return isRewritten(decided, place, outcome)
        ? passed(marked, false)
        : ended(endLost(decided, place.namespace.id, 'filtered'));
    case 'reject':
      return ended(endRefused(decided, place, verdict.with));
    case 'unknown':
      return ended(endUnknown(decided, place.namespace.id, verdict.question));
  }
}

/** TCPMSS: at most its number, or what the ways to and from here take (6.12 xt_TCPMSS.c, tcpmss_mangle_packet). */
function applyClamp(state: WalkState, place: HookPlace, { clampMss }: ChainOutcome): WalkState {
  if (clampMss === undefined || state.packet.protocol !== 'tcp') return state;
  const headerBytes = familyOf(state.packet.destination) === 6 ? 60 : 40;
  const links = [place.inputLink, place.outputLink].flatMap(
    (name) => place.namespace.linksByName.get(name ?? '')?.mtuBytes ?? [],
  );
  const limits = clampMss === 'path' ? links : [clampMss + headerBytes];
  const bytes = Math.min(state.clampedBytes ?? Infinity, ...limits);
  return Number.isFinite(bytes) ? { ...state, clampedBytes: bytes } : state;
}

export function mergeDoubts(state: WalkState, outcome: ChainOutcome): WalkState['doubts'] {
  if (outcome.doubts.length === 0) return state.doubts;
  const known = new Set(state.doubts.map((doubt) => doubt.id));
  return [...state.doubts, ...outcome.doubts.filter((doubt) => !known.has(doubt.id))];
}

export function applyMarks(state: WalkState, outcome: ChainOutcome): WalkState {
  const untracked: WalkState = outcome.isUntracked
    ? { ...state, tracking: state.tracking ?? { state: 'untracked', direction: 'original' } }
    : state;
  const marked =
    outcome.mark === untracked.packet.mark ? untracked : withPacket(untracked, { mark: outcome.mark });
  const connection = marked.tracking?.connection;
  if (connection === undefined || connection.mark === outcome.connectionMark) return marked;
  return withConnection(marked, { ...connection, mark: outcome.connectionMark });
}

/** One hop for the chain where a rule or its policy did something; a packet that nothing stopped needs none. */
export function addDecisionHop(state: WalkState, place: HookPlace, outcome: ChainOutcome): WalkState {
  const last = outcome.deciders.at(-1);
  const isTelling = outcome.deciders.some((decider) => telling.includes(effectOf(decider)));
  if (last === undefined || (outcome.verdict.kind === 'accept' && !last.isFinal && !isTelling)) return state;
  const assumes = outcome.assumes[0];
  return addHop(state, place.namespace.id, {
    step: 'filter',
    did: `${place.hook.toUpperCase()} ${describeVerdict(outcome, last, state)}`,
    because: [evidenceOfDecider(last)],
    elements: listElements(place, outcome.deciders),
    ...(place.outputLink === undefined ? {} : { link: place.outputLink }),
    ...(assumes === undefined ? {} : { assumes }),
  });
}

/** What a rule may do to a packet that goes on, and that decides about it later. */
const telling: readonly FilterEffect[] = ['marks', 'untracks'];

export function listElements(place: HookPlace, deciders: readonly Decider[]): readonly Element[] {
  return deciders.map((decider) => elementOfDecider(place.namespace.id, decider));
}

function describeVerdict(outcome: ChainOutcome, last: Decider, state: WalkState): string {
  const rule = describeDecider(last);
  switch (outcome.verdict.kind) {
    case 'drop':
      return `drops it: ${rule}`;
    case 'reject':
      return `rejects it: ${rule}`;
    case 'unknown':
      return `cannot be followed: ${rule}`;
    case 'accept':
      if (last.isFinal) return `lets it pass: ${rule}`;
      return effectOf(last) === 'untracks'
        ? `takes it out of connection tracking: ${rule}`
        : `marks it 0x${state.packet.mark.toString(16)}: ${rule}`;
  }
}

/**
 * Flannel appends what lets its own network pass to FORWARD of the filter table (0.28, pkg/trafficmngr/iptables): where it
 * is taken to have done so, that policy comes after. Other tables' policies stand as they are.
 */
function isRewritten(state: WalkState, place: HookPlace, outcome: ChainOutcome): boolean {
  const { namespace, network, hook } = place;
  if (hook !== 'forward' || namespace.facts.rewritten?.has('flannel') !== true) return false;
  const last = outcome.deciders.at(-1);
  if (last === undefined || last.rule !== undefined || last.place.owner.table.name !== 'filter') return false;
  const { source, destination } = state.packet;
  return isPodAddress(network.clusterNetwork, source) || isPodAddress(network.clusterNetwork, destination);
}

/** A rejection of what no endpoint serves is the Service's state, and not a firewall's will. */
function endRefused(state: WalkState, place: HookPlace, answer: string): Step {
  const { packet } = state;
  const { byKey } = place.network.services;
  const entry = byKey.get(serviceKey(packet.destination, packet.protocol, packet.destinationPort));
  const why = entry?.isKnown === true && entry.endpoints.length === 0 ? 'no-endpoints' : 'filter-rejected';
  return {
    state,
    stage: { kind: 'end', disposition: { kind: 'refused', by: place.namespace.id, why, with: answer } },
  };
}

export function passed(state: WalkState, isRerouted: boolean): HookResult {
  return { kind: 'passed', state, isRerouted };
}

export function ended(step: Step): HookResult {
  return { kind: 'ended', step };
}
