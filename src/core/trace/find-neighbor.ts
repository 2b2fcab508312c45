// From a next hop's address to the device that takes the frame. In: who sends on which device to which address. Out: the
// device, or why there is none. Order as in the kernel: an entry that is permanent decides alone; a learned one is
// followed where somebody still has that MAC; otherwise the address is asked for on the segment (ARP, ND).
import {
  findMacOnSegment,
  findOnSegment,
  findPeer,
  findUnlisted,
  segmentOf,
  underlaySegment,
} from './segment.ts';
import type { DeviceOnSegment } from './segment.ts';
import { neighborKey } from '../model/network.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import type { NeighborFact } from '../snapshot/namespace-facts.ts';
import type { Missing } from '../fact/known.ts';

export type NeighborAnswer =
  | {
      readonly kind: 'found';
      readonly device: DeviceOnSegment;
      readonly entry?: NeighborFact;
      readonly isAssumed: boolean;
    }
  /** An entry with a MAC that nobody on a fully known segment has. */
  | { readonly kind: 'wrong-mac'; readonly entry: NeighborFact }
  /** Nobody answers; the entry, if there is one, says FAILED. */
  | { readonly kind: 'nobody'; readonly entry?: NeighborFact }
  /** The segment is the underlay and nobody known has the address: a machine outside the evidence may. */
  | { readonly kind: 'outside'; readonly entry?: NeighborFact }
  | { readonly kind: 'unknown'; readonly missing: Missing };

export function findNeighbor(
  network: Network,
  namespace: Namespace,
  link: string,
  address: Address,
): NeighborAnswer {
  const entry = namespace.neighbors.known
    ? namespace.neighbors.value.get(neighborKey(link, address))
    : undefined;
  const segment = segmentOf(network, namespace.id, link);
  const isFixed = entry?.states.some((state) => state === 'PERMANENT' || state === 'NOARP') ?? false;
  if (entry?.mac !== undefined && !isFailed(entry)) {
    const device = findMacOnSegment(network, segment, entry.mac);
    if (device !== undefined && device.namespace !== namespace.id)
      return { kind: 'found', device, entry, isAssumed: false };
    if (isFixed)
      return segment === underlaySegment
        ? { kind: 'outside', entry }
        : followFixed(network, { namespace, link }, entry);
  }
  return askSegment(network, { namespace, link, segment }, { address, entry });
}

interface Asking {
  readonly namespace: Namespace;
  readonly link: string;
  readonly segment: string;
}

/** A permanent entry whose MAC nobody is known to have: an assumed pod has no known MAC, so the address decides there. */
function followFixed(
  network: Network,
  from: { namespace: Namespace; link: string },
  entry: NeighborFact,
): NeighborAnswer {
  const owner = findOnSegment(network, { namespace: from.namespace.id, link: from.link }, entry.address);
  const isAssumed = owner !== undefined && network.namespaces.get(owner.namespace)?.isAssumed === true;
  return owner !== undefined && isAssumed
    ? { kind: 'found', device: owner, entry, isAssumed }
    : { kind: 'wrong-mac', entry };
}

function askSegment(
  network: Network,
  asking: Asking,
  about: { readonly address: Address; readonly entry: NeighborFact | undefined },
): NeighborAnswer {
  const { namespace, link, segment } = asking;
  const entry = about.entry === undefined ? {} : { entry: about.entry };
  const owner = findOnSegment(network, { namespace: namespace.id, link }, about.address);
  const isUnderlay = segment === underlaySegment;
  if (owner !== undefined) return { kind: 'found', device: owner, ...entry, isAssumed: isUnderlay };
  const peer = findPeer(network, namespace.id, link);
  if (peer !== undefined) return { kind: 'found', device: peer, ...entry, isAssumed: true };
  const missing = findUnlisted(network, { namespace: namespace.id, segment }, about.address);
  if (missing !== undefined) return { kind: 'unknown', missing };
  if (isUnderlay && !(about.entry !== undefined && isFailed(about.entry)))
    return { kind: 'outside', ...entry };
  return { kind: 'nobody', ...entry };
}

function isFailed(entry: NeighborFact): boolean {
  return entry.states.some((state) => state === 'FAILED' || state === 'INCOMPLETE');
}
