// Flows of the netfilter oracle and what the kernel did with them. In: a live router and flows. Out: for each flow where
// its packet came out, with which addresses, ports and mark, or how it was refused; and the same of the answer to it.
import type { OutgoingPacket, PacketEvent } from './netfilter-agent.ts';
import type { LiveFilter } from './netfilter-kernel.ts';
import { makePacket, readPacket, turnPacket } from './netfilter-packet.ts';
import type { OraclePacket, SeenPacket } from './netfilter-packet.ts';
import { flowPorts, marks, outsideAddresses, pickDestination } from './netfilter-pools.ts';
import type { Version } from './netfilter-pools.ts';
import { outside, routerAddresses4, routerAddresses6 } from './netfilter-topology.ts';
import type { Place, PlaceName } from './netfilter-topology.ts';
import { rollDice } from './random.ts';
import type { Dice } from './random.ts';

export interface OracleFlow {
  readonly number: number;
  readonly from: PlaceName;
  readonly packet: OraclePacket;
  /** Of the socket that sends; only the router's own. */
  readonly mark: number;
}

/** Where a packet was last seen. */
export interface Sighting {
  /** `out DEVICE`, `local`, or `to POD` where a bridge carried it past the packet filter. */
  readonly place: string;
  readonly source: string;
  readonly destination: string;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly protocol: string;
  readonly mark: number;
}

export interface Observation {
  readonly forward?: Sighting;
  /** The router refused it: with what. */
  readonly refusal?: string;
  readonly reply?: Sighting;
}

/** What flows are for beside the common addresses and ports: what the rules of a recording name. */
export interface Aims {
  readonly destinations: readonly string[];
  readonly ports: readonly number[];
}

export function makeFlows(seed: number, count: number, aims?: Aims): readonly OracleFlow[] {
  const dice = rollDice(seed ^ 0x5bd1e995);
  const ports = new Set<number>();
  return Array.from({ length: count }, (_, number) => {
    const flow = makeFlow(dice, number, takePort(dice, ports));
    return aims === undefined ? flow : aimFlow(dice, flow, aims);
  });
}

function aimFlow(dice: Dice, flow: OracleFlow, aims: Aims): OracleFlow {
  const { packet } = flow;
  if (packet.family === 6 || packet.source === '127.0.0.1') return flow;
  const destination = dice.chance(0.7) ? dice.pick(aims.destinations) : packet.destination;
  const destinationPort = packet.protocol === 'icmp' ? packet.destinationPort : dice.pick(aims.ports);
  const isSelf = packet.source === destination || placeOfAddress(destination)?.name === flow.from;
  return isSelf ? flow : { ...flow, packet: { ...packet, destination, destinationPort } };
}

function placeOfAddress(address: string): Place | undefined {
  return outside.find((place) =>
    [...place.addresses4, ...place.addresses6].some((each) => each.split('/')[0] === address),
  );
}

/** A port of its own for each flow, so that no two are one connection. Those of the router's servers are left out. */
function takePort(dice: Dice, taken: Set<number>): number {
  for (;;) {
    const port = dice.chance(0.9) ? 1024 + dice.below(48_000) : 1024 + dice.below(64_000);
    if (taken.has(port) || flowPorts.includes(port) || (port >= 49_000 && port <= 52_000)) continue;
    taken.add(port);
    return port;
  }
}

function makeFlow(dice: Dice, number: number, sourcePort: number): OracleFlow {
  const family: Version = dice.chance(0.65) ? 4 : 6;
  const isLocal = dice.chance(0.2);
  const place = dice.pick(outside);
  const own = (family === 4 ? place.addresses4 : place.addresses6).map((each) => each.split('/')[0] ?? '');
  const router = family === 4 ? routerAddresses4 : routerAddresses6;
  const destination = pickFlowDestination(dice, family, isLocal);
  const isLoopback = destination === '127.0.0.1' || destination === '::1';
  const source = isLoopback ? destination : dice.pick(isLocal ? router.slice(0, -1) : own);
  const protocol = dice.pick(['tcp', 'tcp', 'tcp', 'udp', 'udp', 'icmp'] as const);
  const destinationPort = protocol === 'icmp' ? sourcePort : dice.pick(flowPorts);
  const mark = isLocal && dice.chance(0.4) ? dice.pick(marks) : 0;
  if (!isLocal && own.includes(destination)) return makeFlow(dice, number, sourcePort);
  return {
    number,
    from: isLocal ? 'router' : place.name,
    packet: { family, protocol, source, destination, sourcePort, destinationPort },
    mark,
  };
}

function pickFlowDestination(dice: Dice, family: Version, isLocal: boolean): string {
  // Not ::1: translated to an address outside, its answers are looked up in ways of their own (rt6_need_strict).
  if (isLocal && family === 4 && dice.chance(0.12)) return '127.0.0.1';
  return dice.chance(0.2) ? dice.pick(outsideAddresses[family]) : pickDestination(dice, family);
}

const perBatch = 250;

export async function runFlows(
  live: LiveFilter,
  flows: readonly OracleFlow[],
): Promise<readonly Observation[]> {
  const seen: Observation[] = [];
  for (let start = 0; start < flows.length; start += perBatch) {
    seen.push(...(await runBatch(live, flows.slice(start, start + perBatch))));
  }
  return seen;
}

interface Found {
  readonly event: PacketEvent;
  readonly packet: SeenPacket;
}

async function runBatch(live: LiveFilter, flows: readonly OracleFlow[]): Promise<readonly Observation[]> {
  const there = indexEvents(await live.agent.send(flows.map(sendFlow)));
  const first = flows.map((flow) => observeForward(live, there.get(flow.number) ?? []));
  const answers: OutgoingPacket[] = [];
  const answered = new Set<number>();
  for (const [index, flow] of flows.entries()) {
    const answer = answerTo(flow, first[index]?.forward);
    if (answer === undefined) continue;
    answers.push(answer);
    answered.add(flow.number);
  }
  const back = indexEvents(await live.agent.send(answers));
  return flows.map((flow, index) => {
    const found = (answered.has(flow.number) ? back : there).get(flow.number) ?? [];
    const reply = lastSighting(live, found, 'reply');
    return { ...first[index], ...(reply === undefined ? {} : { reply }) };
  });
}

function indexEvents(events: readonly PacketEvent[]): Map<number, Found[]> {
  const found = new Map<number, Found[]>();
  for (const event of events) {
    const packet = readPacket(Buffer.from(event.hex, 'hex'));
    if (packet === undefined) continue;
    found.set(packet.flow, [...(found.get(packet.flow) ?? []), { event, packet }]);
  }
  return found;
}

function placeOf(name: string): Place {
  const place = outside.find((each) => each.name === name);
  if (place === undefined) throw new Error(`no place ${name}`);
  return place;
}

function frame(place: Place, packet: Buffer, family: 4 | 6, to: string = place.routerMac): string {
  const mac = (text: string): string => text.replaceAll(':', '');
  return `${mac(to)}${mac(place.mac)}${family === 4 ? '0800' : '86dd'}${packet.toString('hex')}`;
}

/** Pods of one bridge speak to each other directly. */
function nextMac(place: Place, destination: string): string {
  const neighbor = outside.find(
    (other) =>
      other !== place &&
      other.link === place.link &&
      [other.addresses4, other.addresses6].some((list) =>
        list.some((each) => each.split('/')[0] === destination),
      ),
  );
  return neighbor?.mac ?? place.routerMac;
}

function sendFlow(flow: OracleFlow): OutgoingPacket {
  const bytes = makePacket(flow.packet, flow.number);
  if (flow.from === 'router')
    return { in: 'router', to: flow.packet.destination, mark: flow.mark, hex: bytes.toString('hex') };
  const place = placeOf(flow.from);
  return {
    in: flow.from,
    dev: 'eth0',
    hex: frame(place, bytes, flow.packet.family, nextMac(place, flow.packet.destination)),
  };
}

function observeForward(live: LiveFilter, found: readonly Found[]): Observation {
  const forward = lastSighting(live, found, 'forward');
  if (forward !== undefined) return { forward };
  // The reset for what a bridge brought goes straight out of its port (nf_send_reset with br_netfilter on).
  const refused = found.find(
    ({ event, packet }) => packet.part === 'refusal' && (event.at === 'out' || event.at === 'wire'),
  );
  return refused?.packet.refusal === undefined ? {} : { refusal: refused.packet.refusal };
}

/** Local delivery and the far side of a bridge come after what was seen at POSTROUTING. */
function lastSighting(
  live: LiveFilter,
  found: readonly Found[],
  part: SeenPacket['part'],
): Sighting | undefined {
  const own = found.filter(({ event, packet }) => packet.part === part && event.at !== 'out');
  const ended =
    own.find(({ event }) => event.at === 'in') ??
    own.find(({ event }) => event.at === 'post' && live.linkNames.get(event.out ?? 0) !== 'lo');
  const carried = own.find(({ event }) => event.at === 'wire');
  const best = ended ?? carried;
  if (best === undefined) return undefined;
  const { event, packet } = best;
  const place =
    event.at === 'in'
      ? 'local'
      : event.at === 'wire'
        ? `to ${event.place ?? ''}`
        : `out ${live.linkNames.get(event.out ?? 0) ?? ''}`;
  return {
    place,
    source: packet.source,
    destination: packet.destination,
    sourcePort: packet.sourcePort,
    destinationPort: packet.destinationPort,
    protocol: packet.protocol,
    mark: event.mark ?? 0,
  };
}

/** What left the router is answered from where it went; the router's own servers have answered already. */
function answerTo(flow: OracleFlow, forward: Sighting | undefined): OutgoingPacket | undefined {
  if (forward === undefined || forward.place === 'local') return undefined;
  const seen: OraclePacket = {
    ...flow.packet,
    source: forward.source,
    destination: forward.destination,
    sourcePort: forward.sourcePort,
    destinationPort: forward.destinationPort,
  };
  const place = placeBehind(forward);
  if (place === undefined) return undefined;
  const answer = turnPacket(seen);
  const bytes = makePacket(answer, flow.number, true);
  return {
    in: place.name,
    dev: 'eth0',
    hex: frame(place, bytes, flow.packet.family, nextMac(place, answer.destination)),
  };
}

function placeBehind(forward: Sighting): Place | undefined {
  if (forward.place.startsWith('to ')) return placeOf(forward.place.slice(3));
  const link = forward.place.slice(4);
  const behind = outside.filter((place) => place.link === link);
  return behind.length === 1
    ? behind[0]
    : behind.find((place) =>
        [...place.addresses4, ...place.addresses6].some((each) => each.split('/')[0] === forward.destination),
      );
}

export function describeFlow(flow: OracleFlow): string {
  const { packet } = flow;
  return `#${flow.number} ${flow.from}: ${packet.protocol} ${packet.source} ${packet.sourcePort} -> ${packet.destination} ${packet.destinationPort}${flow.mark === 0 ? '' : ` mark 0x${flow.mark.toString(16)}`}`;
}

export function describeSighting(sighting: Sighting | undefined): string {
  if (sighting === undefined) return 'lost';
  const { place, source, destination, sourcePort, destinationPort, mark } = sighting;
  return `${place} ${source} ${sourcePort} -> ${destination} ${destinationPort} mark 0x${mark.toString(16)}`;
}
