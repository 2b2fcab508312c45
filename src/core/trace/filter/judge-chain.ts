// The outcomes of a chain for a packet, found once: many flows differ in nothing that a chain of one machine can see, and a
// flow is followed again in worlds that differ elsewhere. In: a chain and a packet. Out: what evaluateChain says. Kept with
// the chain; where a rule looked an address up, with the namespace's lookups, which are other objects as soon as anything
// in the namespace is.
import type { ProgramChain } from '../../model/filter-program.ts';
import type { ChainOutcome } from './chain-outcome.ts';
import { evaluateChain } from './evaluate-chain.ts';
import type { FilterPacket, PacketLookups } from './filter-packet.ts';

type Outcomes = Map<string, readonly ChainOutcome[]>;

/** Of packets for which no rule looked anything up: they hold whatever the namespace's routes are. */
const lasting = new WeakMap<ProgramChain, Outcomes>();
const kept = new WeakMap<PacketLookups, WeakMap<ProgramChain, Outcomes>>();

export function judgeChain(chain: ProgramChain, packet: FilterPacket): readonly ChainOutcome[] {
  const key = keyOf(packet);
  const forEver = outcomesOf(lasting, chain);
  const own = outcomesOf(chainsOf(packet.lookups), chain);
  const known = forEver.get(key) ?? own.get(key);
  if (known !== undefined) return known;
  const watched = watchLookups(packet.lookups);
  const made = evaluateChain(chain, { ...packet, lookups: watched.lookups });
  (watched.isAsked() ? own : forEver).set(key, made);
  return made;
}

function watchLookups(lookups: PacketLookups): {
  readonly lookups: PacketLookups;
  readonly isAsked: () => boolean;
} {
  let isAsked = false;
  return {
    lookups: {
      typeOf: (address, link) => {
        isAsked = true;
        return lookups.typeOf(address, link);
      },
      routeLinkOf: (query) => {
        isAsked = true;
        return lookups.routeLinkOf(query);
      },
    },
    isAsked: () => isAsked,
  };
}

function chainsOf(lookups: PacketLookups): WeakMap<ProgramChain, Outcomes> {
  const chains = kept.get(lookups) ?? new WeakMap<ProgramChain, Outcomes>();
  kept.set(lookups, chains);
  return chains;
}

function outcomesOf(chains: WeakMap<ProgramChain, Outcomes>, chain: ProgramChain): Outcomes {
  const outcomes = chains.get(chain) ?? new Map<string, readonly ChainOutcome[]>();
  chains.set(chain, outcomes);
  return outcomes;
}

/** Everything that a rule can ask of the packet. */
function keyOf(about: FilterPacket): string {
  const { packet, connection } = about;
  const { source, destination, protocol, sourcePort, destinationPort, mark, ttl } = packet;
  const headers = `${source} ${destination} ${protocol} ${sourcePort} ${destinationPort} ${mark} ${ttl}`;
  const way = `${about.inputLink ?? ''} ${about.outputLink ?? ''} ${about.physicalInput ?? ''} ${about.physicalOutput ?? ''} ${about.isBridged === true ? 1 : 0}`;
  const kinds = `${about.tcpFlags ?? ''} ${about.icmpType ?? ''} ${about.icmpCode ?? ''} ${about.lengthBytes ?? ''} ${about.packetType}`;
  if (connection === undefined) return `${headers}|${way}|${kinds}`;
  const { state, direction, status, original, reply } = connection;
  const tuples = [original, reply].map(
    (tuple) => `${tuple.source} ${tuple.sourcePort} ${tuple.destination} ${tuple.destinationPort}`,
  );
  return `${headers}|${way}|${kinds}|${state} ${direction} ${connection.mark} ${status.join(',')} ${tuples.join(' ')}`;
}
