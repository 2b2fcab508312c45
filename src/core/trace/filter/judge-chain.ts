// The outcomes of a chain for a packet, found once: many flows differ in nothing that a chain of one machine can see, and a
// flow is followed again in worlds that differ elsewhere. In: a chain and a packet. Out: what evaluateChain says. Kept per
// namespace's lookups, which are other objects as soon as anything in the namespace is.
import type { ProgramChain } from '../../model/filter-program.ts';
import type { ChainOutcome } from './chain-outcome.ts';
import { evaluateChain } from './evaluate-chain.ts';
import type { FilterPacket, PacketLookups } from './filter-packet.ts';

type Outcomes = Map<string, readonly ChainOutcome[]>;

const kept = new WeakMap<PacketLookups, WeakMap<ProgramChain, Outcomes>>();

export function judgeChain(chain: ProgramChain, packet: FilterPacket): readonly ChainOutcome[] {
  const outcomes = outcomesOf(chain, packet.lookups);
  const key = keyOf(packet);
  const known = outcomes.get(key);
  if (known !== undefined) return known;
  const made = evaluateChain(chain, packet);
  outcomes.set(key, made);
  return made;
}

function outcomesOf(chain: ProgramChain, lookups: PacketLookups): Outcomes {
  const chains = kept.get(lookups) ?? new WeakMap<ProgramChain, Outcomes>();
  kept.set(lookups, chains);
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
