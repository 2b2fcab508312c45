// Joins namespaces by their veth pairs. The two ends know each other by index: `eth0@if7` in the pod is index 7 on the
// node, and that one is `@if2`. Both directions must agree, within one machine. Where the host's end cannot be told that
// way (a device list without peer indexes), the bridge's table says behind which port the pod's MAC was learned.
import type { LinkFact } from '../../snapshot/namespace-facts.ts';
import { linksOf } from '../network.ts';
import { wireKey } from '../network.ts';
import type { Namespace, WireEnd } from '../network.ts';

/** All wires among the namespaces of one machine (root first), both directions. */
export function connectWires(root: Namespace, pods: readonly Namespace[]): ReadonlyMap<string, WireEnd> {
  const wires = new Map<string, WireEnd>();
  joinWithin(root, wires);
  for (const pod of pods) {
    if (pod.isAssumed) continue;
    joinWithin(pod, wires);
    for (const link of linksOf(pod)) {
      if (link.kind !== 'veth') continue;
      const host = findByIndex(root, link) ?? findByForwardingTable(root, link);
      if (host === undefined) continue;
      join(
        wires,
        { namespace: root.id, link: host.link.name },
        { namespace: pod.id, link: link.name },
        host.because,
      );
    }
  }
  return wires;
}

interface HostEnd {
  readonly link: LinkFact;
  readonly because: WireEnd['because'];
}

function findByIndex(root: Namespace, podLink: LinkFact): HostEnd | undefined {
  if (podLink.peerIndex === undefined) return undefined;
  const host = root.linksByIndex.get(podLink.peerIndex);
  if (host?.kind !== 'veth' || host.peerIndex !== podLink.index) return undefined;
  return { link: host, because: 'index-pair' };
}

function findByForwardingTable(root: Namespace, podLink: LinkFact): HostEnd | undefined {
  if (podLink.peerIndex !== undefined || podLink.mac === undefined || !root.facts.fdb.known) return undefined;
  const row = root.facts.fdb.value.find((fact) => fact.mac === podLink.mac && fact.master !== undefined);
  const link = row === undefined ? undefined : root.linksByName.get(row.link);
  return link?.kind === 'veth' ? { link, because: 'forwarding-table' } : undefined;
}

/** A veth pair whose two ends are in the same namespace names its peer. */
function joinWithin(namespace: Namespace, wires: Map<string, WireEnd>): void {
  for (const link of linksOf(namespace)) {
    if (link.kind !== 'veth' || link.lower === undefined) continue;
    const peer = namespace.linksByName.get(link.lower);
    if (peer?.kind !== 'veth') continue;
    join(
      wires,
      { namespace: namespace.id, link: link.name },
      { namespace: namespace.id, link: peer.name },
      'index-pair',
    );
  }
}

interface End {
  readonly namespace: string;
  readonly link: string;
}

function join(wires: Map<string, WireEnd>, a: End, b: End, because: WireEnd['because']): void {
  wires.set(wireKey(a.namespace, a.link), { ...b, because });
  wires.set(wireKey(b.namespace, b.link), { ...a, because });
}
