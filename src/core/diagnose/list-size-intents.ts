// Flows that work for small packets and have to work for large ones too: what a connection sends once it moves data. In: the
// flows that arrive, traced. Out: the same flows with the size that their two ends would use, where some device on the way
// is narrower than that; where none is, nothing more has to be asked.
import type { Intent, JudgedIntent } from './diagnosis.ts';
import { linksOf } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import { vxlanOverheadBytes } from '../model/overlay-overhead.ts';
import { familyOf } from '../net/address.ts';
import type { Hop, Journey } from '../trace/flow.ts';

export function listSizeIntents(network: Network, judged: readonly JudgedIntent[]): readonly Intent[] {
  return judged.flatMap(({ intent, trace }) => {
    if (trace.verdict !== 'arrives' || intent.flow.protocol === 'udp') return [];
    // A node's own connection to a Service agrees on the size of the way that it would take untranslated.
    if (intent.flow.sizeBytes !== undefined || intent.kind === 'node-to-service') return [];
    const sizeBytes = findFullSize(network, trace.journeys);
    if (sizeBytes === undefined || !trace.journeys.some((journey) => isNarrow(network, journey, sizeBytes)))
      return [];
    return [
      {
        ...intent,
        id: `${intent.id}-full-size`,
        flow: { ...intent.flow, sizeBytes },
        label: `${intent.label} (packets of ${sizeBytes} bytes)`,
        reason: `${intent.reason}, with as much in a packet as its two ends' devices take`,
      },
    ];
  });
}

/** The smaller of what the two ends' devices take: both say so when they connect. */
function findFullSize(network: Network, journeys: readonly Journey[]): number | undefined {
  const journey = journeys.find(({ end }) => end.kind === 'delivered');
  const sender = journey?.hops[0];
  const answer = journey?.replies?.[0]?.hops.find((hop) => hop.link !== undefined);
  const first = journey?.hops.find((hop) => hop.link !== undefined && hop.at === sender?.at);
  const sizes = [first, answer].map((hop) => (hop === undefined ? undefined : mtuOf(network, hop)));
  const [own, far] = sizes;
  return own === undefined || far === undefined ? undefined : Math.min(own, far);
}

function mtuOf(network: Network, hop: Hop): number | undefined {
  return network.namespaces.get(hop.at)?.linksByName.get(hop.link ?? '')?.mtuBytes;
}

/** A device that is passed, or a port of a bridge that is, takes less than the packet, or than it with its wrapping. */
function isNarrow(network: Network, journey: Journey, sizeBytes: number): boolean {
  return (
    journey.hops.some((hop) => isNarrowAt(network, hop, sizeBytes)) ||
    (journey.replies ?? []).some((reply) => isNarrow(network, reply, sizeBytes))
  );
}

function isNarrowAt(network: Network, hop: Hop, sizeBytes: number): boolean {
  const carrier = hop.nested?.hops[0]?.packet.destination;
  if (hop.nested !== undefined && carrier !== undefined) {
    if (isNarrow(network, hop.nested, sizeBytes + vxlanOverheadBytes[familyOf(carrier)])) return true;
  }
  const namespace = network.namespaces.get(hop.at);
  const link = namespace?.linksByName.get(hop.link ?? '');
  if (namespace === undefined || link === undefined) return false;
  const devices = link.kind === 'bridge' ? [link, ...portsOf(namespace, link.name)] : [link];
  return devices.some((device) => device.mtuBytes !== undefined && device.mtuBytes < sizeBytes);
}

function portsOf(namespace: Namespace, bridge: string): ReturnType<typeof linksOf> {
  return linksOf(namespace).filter((link) => link.master === bridge);
}
