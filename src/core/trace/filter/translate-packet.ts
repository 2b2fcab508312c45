// The translation of addresses at a hook. A connection's first packet meets the nat chains, and what they decide is kept;
// every later packet, the answers too, gets what was kept. In: a tracked packet at a hook. Out: its states after the
// hook's translation. Rules: Linux 6.12 nf_nat_core.c (nf_nat_inet_fn: chains in turn until one has set up a mapping; none:
// a null binding), nf_nat_proto.c (nf_nat_icmp_reply_translation). Where the chains were not collected, what kube-proxy,
// flannel and tailscaled would have written stands in for them, and the hop says so.
import type { Missing } from '../../fact/known.ts';
import { familyOf } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import type { ProgramChain } from '../../model/filter-program.ts';
import { readDeviceSetting } from '../../model/device-settings.ts';
import { serviceKey } from '../../model/service-table.ts';
import type { FilterProgramName } from '../../snapshot/filter-place.ts';
import type { Element } from '../flow.ts';
import type { Tracking } from '../connection.ts';
import { invertTuple, mappedDestination, mappedSource, withConnection } from '../track-packet.ts';
import { selectMasquerade } from '../masquerade-address.ts';
import { addHop, endLost, endUnknown, isRoot, withPacket } from '../walk.ts';
import type { HopText, WalkState } from '../walk.ts';
import { assumeDestination, assumeSource, writesServiceChains } from './assumed-translation.ts';
import type { AssumedTranslation } from './assumed-translation.ts';
import type { ChainOutcome, NatChoice } from './chain-outcome.ts';
import { describeDecider, evidenceOfDecider } from './decider-elements.ts';
import { judgeChain } from './judge-chain.ts';
import {
  addDecisionHop,
  applyMarks,
  describePacket,
  ended,
  listElements,
  mergeDoubts,
  passed,
} from './pass-chain.ts';
import type { HookPlace, HookResult } from './hook-place.ts';

export function translatePacket(
  state: WalkState,
  place: HookPlace,
  chains: readonly ProgramChain[],
): readonly HookResult[] {
  const { tracking } = state;
  if (tracking?.connection === undefined) return [passed(state, false)];
  if (tracking.state === 'related') return [passed(translateError(state, place, tracking), false)];
  if (tracking.direction === 'reply' || isSettled(place, tracking)) return [restore(state, place, tracking)];
  const assumed = assumeTranslation(state, place);
  if (assumed !== undefined) return assumed.map((one) => applyAssumed(state, place, one));
  return meetChains(state, place, chains);
}

function isOnDestination({ hook }: HookPlace): boolean {
  return hook === 'prerouting' || hook === 'output';
}

function isSettled(place: HookPlace, { connection }: Tracking): boolean {
  if (connection === undefined) return false;
  return isOnDestination(place) ? connection.isDestinationSettled : connection.isSourceSettled;
}

/** What was decided for the connection, applied to another of its packets. */
function restore(state: WalkState, place: HookPlace, tracking: Tracking): HookResult {
  const { packet } = state;
  const target = isOnDestination(place) ? mappedDestination(tracking) : mappedSource(tracking);
  if (target === undefined) return passed(state, false);
  const known = place.namespace.id;
  const observed = tracking.connection?.observed;
  const change = isOnDestination(place)
    ? { destination: target.address, destinationPort: target.port }
    : { source: target.address, sourcePort: target.port };
  const isSame = isOnDestination(place)
    ? packet.destination === target.address && packet.destinationPort === target.port
    : packet.source === target.address && packet.sourcePort === target.port;
  if (isSame) return passed(state, false);
  const changed = withPacket(state, change);
  const isRerouted = place.hook === 'output';
  if (observed === undefined) return passed(changed, isRerouted);
  const did = `an entry of the connection table decides: ${packet.destination}:${packet.destinationPort} → ${target.address}:${target.port}`;
  return passed(
    addHop(changed, known, {
      step: 'connection',
      did,
      because: [observed.evidence],
      elements: [{ kind: 'connection', namespace: known, connection: observed }],
    }),
    isRerouted,
  );
}

/** An ICMP error is translated as an answer would be; so is the packet that it quotes, when it leaves. */
function translateError(state: WalkState, place: HookPlace, tracking: Tracking): WalkState {
  const { connection, direction } = tracking;
  if (connection === undefined || state.quoted === undefined) return state;
  const target = direction === 'reply' ? invertTuple(connection.original) : invertTuple(connection.reply);
  const isSourceNat = connection.reply.destination !== connection.original.source;
  const isDestinationNat = connection.reply.source !== connection.original.destination;
  if (isOnDestination(place)) {
    const isDue = direction === 'reply' ? isSourceNat : isDestinationNat;
    return isDue ? withPacket(state, { destination: target.destination }) : state;
  }
  const isDue = direction === 'reply' ? isDestinationNat : isSourceNat;
  const left = isDue ? withPacket(state, { source: target.source }) : state;
  const tuple = direction === 'reply' ? connection.original : connection.reply;
  return { ...left, quoted: { ...state.quoted, tuple } };
}

/** Programs whose chains are taken to be there: all where nobody collected any, else those that a change rewrites. */
function isAssumed(place: HookPlace, program: FilterProgramName): boolean {
  return place.program === undefined || place.namespace.facts.rewritten?.has(program) === true;
}

function assumeTranslation(state: WalkState, place: HookPlace): readonly AssumedTranslation[] | undefined {
  const { network, namespace } = place;
  if (!isRoot(namespace)) return undefined;
  if (isOnDestination(place)) {
    return isAssumed(place, 'kube-proxy') ? assumeDestination(network, namespace, state) : undefined;
  }
  if (place.hook !== 'postrouting') return undefined;
  const programs = (['kube-proxy', 'flannel', 'tailscaled'] as const).filter((one) => isAssumed(place, one));
  return assumeSource(state, { ...place, programs });
}

function applyAssumed(state: WalkState, place: HookPlace, assumed: AssumedTranslation): HookResult {
  switch (assumed.kind) {
    case 'unknown':
      return ended(endUnknown(state, place.namespace.id, assumed.question, assumed.missing));
    case 'none':
      return passed(settle(state, place), false);
    case 'destination': {
      const marked = { ...state, isMarkedForMasquerade: assumed.isMarked };
      const { address, port } = assumed;
      const changed = changeDestination(marked, place, { address, port });
      return passed(addHop(changed, place.namespace.id, assumed.hop), place.hook === 'output');
    }
    case 'source': {
      const changed = changeSource(state, place, { address: assumed.address });
      return passed(addHop(changed, place.namespace.id, assumed.hop), false);
    }
  }
}

function meetChains(
  state: WalkState,
  place: HookPlace,
  chains: readonly ProgramChain[],
): readonly HookResult[] {
  const [chain, ...others] = chains;
  if (chain === undefined) return leaveUntranslated(state, place);
  return judgeChain(chain, describePacket(state, place)).flatMap((outcome) => {
    const marked = applyMarks({ ...state, doubts: mergeDoubts(state, outcome) }, outcome);
    if (outcome.nat !== undefined) return [applyNat(marked, place, { outcome, nat: outcome.nat })];
    const decided = addDecisionHop(marked, place, outcome);
    if (outcome.verdict.kind === 'unknown')
      return [ended(endUnknown(decided, place.namespace.id, outcome.verdict.question))];
    if (outcome.verdict.kind !== 'accept') return [ended(endLost(decided, place.namespace.id, 'filtered'))];
    return meetChains(decided, place, others);
  });
}

/** Where a part of the filter was not collected, the Service's rules may be in it. */
function leaveUntranslated(state: WalkState, place: HookPlace): readonly HookResult[] {
  const isSeen = (place.program?.gaps.length ?? 0) === 0;
  const unseen =
    isSeen || !isOnDestination(place) ? undefined : assumeDestination(place.network, place.namespace, state);
  if (unseen !== undefined) return unseen.map((one) => applyAssumed(state, place, one));
  return [passed(noteUntranslated(settle(state, place), place), false)];
}

interface Decided {
  readonly outcome: ChainOutcome;
  readonly nat: NatChoice;
}

function applyNat(state: WalkState, place: HookPlace, decided: Decided): HookResult {
  const { nat } = decided;
  if (nat.type === 'dnat' || nat.type === 'redirect') {
    const address = nat.type === 'redirect' ? selectRedirect(state, place) : nat.address;
    if (nat.type === 'redirect' && address === undefined) {
      return ended(
        endUnknown(state, place.namespace.id, `which address has ${place.inputLink ?? 'this machine'}?`),
      );
    }
    const port = nat.port ?? nat.ports?.from;
    const changed = changeDestination(state, place, {
      address: address ?? state.packet.destination,
      port: port ?? state.packet.destinationPort,
    });
    // A new port alone is not routed again (6.12 nf_nat_ipv4_local_fn).
    const isElsewhere = changed.packet.destination !== state.packet.destination;
    return passed(
      addHop(changed, place.namespace.id, describeNat(state, changed, place, decided)),
      place.hook === 'output' && isElsewhere,
    );
  }
  return applySourceNat(state, place, decided);
}

function applySourceNat(state: WalkState, place: HookPlace, decided: Decided): HookResult {
  const { nat } = decided;
  const { namespace } = place;
  const address = nat.type === 'masquerade' ? chooseMasquerade(state, place) : nat.address;
  if (typeof address === 'object') {
    const question = `which address does ${namespace.id} put in place of ${state.packet.source}?`;
    return ended(endUnknown(state, namespace.id, question, address));
  }
  // MASQUERADE drops where the device has no address to give (nf_nat_masquerade_ipv4).
  if (nat.type === 'masquerade' && address === undefined) {
    const text = describeNat(state, state, place, decided);
    return ended(endLost(addHop(state, namespace.id, text), namespace.id, 'filtered'));
  }
  const changed = changeSource(state, place, {
    address: address ?? state.packet.source,
    ...(nat.port === undefined ? {} : { port: nat.port }),
  });
  if (changed.packet.source === state.packet.source && changed.packet.sourcePort === state.packet.sourcePort)
    return passed(changed, false);
  return passed(addHop(changed, namespace.id, describeNat(state, changed, place, decided)), false);
}

/** The address, none where there is none to give, or the fact that nobody collected. */
function chooseMasquerade({ packet }: WalkState, place: HookPlace): Address | undefined | Missing {
  const { namespace, outputLink, nexthop } = place;
  const { addresses, links } = namespace.facts;
  if (!addresses.known) return addresses;
  if (!links.known) return links;
  const link = outputLink ?? '';
  const address = selectMasquerade(namespace, { link, gateway: nexthop, to: packet.destination });
  if (address !== undefined || familyOf(packet.destination) === 4) return address;
  const setting = readDeviceSetting(namespace.facts, 6, link, 'use_oif_addrs_only');
  return setting.known ? undefined : setting;
}

/** Where REDIRECT sends: loopback for what is sent here, else the first address of the device it came in by. */
function selectRedirect({ packet }: WalkState, place: HookPlace): Address | undefined {
  const family = familyOf(packet.destination);
  if (place.hook === 'output') return (family === 6 ? '::1' : '127.0.0.1') as Address;
  const own = place.namespace.addressesByLink.get(place.inputLink ?? '') ?? [];
  return own.find((fact) => !fact.isSecondary && familyOf(fact.address) === family)?.address;
}

function describeNat(before: WalkState, after: WalkState, place: HookPlace, decided: Decided): HopText {
  const { deciders, assumes } = decided.outcome;
  const last = deciders.at(-1);
  const rule = last === undefined ? '' : `: ${describeDecider(last)}`;
  const isDestination = decided.nat.type === 'dnat' || decided.nat.type === 'redirect';
  const from = before.packet;
  const to = after.packet;
  const did = isDestination
    ? `${serviceWord(before, place)}${from.destination}:${from.destinationPort} → ${to.destination}:${to.destinationPort}${rule}`
    : `source ${from.source} becomes ${to.source}${rule}`;
  const assumed = assumes[0];
  return {
    step: 'nat',
    did,
    because: last === undefined ? [] : [evidenceOfDecider(last)],
    elements: listElements(place, deciders),
    ...(assumed === undefined ? {} : { assumes: assumed }),
  };
}

function serviceWord({ packet }: WalkState, { network }: HookPlace): string {
  const { byKey } = network.services;
  const key = serviceKey(packet.destination, packet.protocol, packet.destinationPort);
  return byKey.has(key) ? 'Service ' : '';
}

/** A Service of the cluster that no chain here translates: support for whoever asks why the packet went astray. */
function noteUntranslated(state: WalkState, place: HookPlace): WalkState {
  const { network, namespace } = place;
  const { packet } = state;
  if (!isOnDestination(place) || !isRoot(namespace) || !writesServiceChains(network, namespace)) return state;
  const entry = network.services.byKey.get(
    serviceKey(packet.destination, packet.protocol, packet.destinationPort),
  );
  if (entry?.isKnown !== true || entry.endpoints.length === 0) return state;
  const evidence = place.program?.evidence ?? { path: namespace.facts.path };
  const element: Element = {
    kind: 'absence',
    namespace: namespace.id,
    of: 'service-rule',
    address: packet.destination,
    evidence,
  };
  return addHop(state, namespace.id, {
    step: 'nat',
    did: `no chain translates ${entry.service}'s ${packet.destination}:${packet.destinationPort}`,
    because: [...entry.evidence, evidence],
    elements: [element],
  });
}

function settle(state: WalkState, place: HookPlace): WalkState {
  const connection = state.tracking?.connection;
  if (connection === undefined) return state;
  const settled = isOnDestination(place) ? { isDestinationSettled: true } : { isSourceSettled: true };
  return withConnection(state, { ...connection, ...settled });
}

function changeDestination(
  state: WalkState,
  place: HookPlace,
  to: { readonly address: Address; readonly port: number },
): WalkState {
  const settled = settle(state, place);
  const connection = settled.tracking?.connection;
  const changed = withPacket(settled, { destination: to.address, destinationPort: to.port });
  if (connection === undefined) return changed;
  return withConnection(changed, {
    ...connection,
    reply: { ...connection.reply, source: to.address, sourcePort: to.port },
  });
}

function changeSource(
  state: WalkState,
  place: HookPlace,
  to: { readonly address: Address; readonly port?: number },
): WalkState {
  const settled = { ...settle(state, place), isMarkedForMasquerade: false };
  const connection = settled.tracking?.connection;
  const port = to.port ?? state.packet.sourcePort;
  const changed = withPacket(settled, { source: to.address, sourcePort: port });
  if (connection === undefined) return changed;
  return withConnection(changed, {
    ...connection,
    reply: { ...connection.reply, destination: to.address, destinationPort: port },
  });
}
