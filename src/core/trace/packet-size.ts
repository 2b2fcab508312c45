// Whether a packet fits what it is about to leave by. In: a packet with a size, a device and its route. Out: nothing, or the
// end of the packet there, with the size that would have passed. Rules: Linux 6.12 net/ipv4/ip_forward.c (a router tells the
// sender before FORWARD), drivers/net/vxlan/vxlan_core.c (skb_tunnel_check_pmtu, since Linux 5.9: the inner packet must fit
// what is left of the outer route's), net/core/dev.c (____is_skb_forwardable: what a veth or a bridge's port receives
// larger than its own size and a VLAN tag is dropped without a word).
import type { Namespace } from '../model/network.ts';
import type { LinkFact, NexthopFact, RouteFact } from '../snapshot/namespace-facts.ts';
import { addHop } from './walk.ts';
import type { Step, WalkState } from './walk.ts';

export interface Narrow {
  readonly namespace: Namespace;
  readonly link: LinkFact;
  readonly mtuBytes: number;
  /** Nobody tells the sender: a device dropped the frame below IP. */
  readonly isSilent: boolean;
}

/** A VLAN tag's worth is let through by devices that receive (VLAN_HLEN). */
const receiveSlackBytes = 4;

/** What a routed packet may be at most: the route's own limit, or its device's. */
export function findSizeLimit(
  namespace: Namespace,
  route: RouteFact | undefined,
  hop: NexthopFact,
): number | undefined {
  const link = namespace.linksByName.get(hop.link ?? '');
  const { mtuBytes } = link ?? {};
  if (route?.mtuBytes === undefined) return mtuBytes;
  return mtuBytes === undefined ? route.mtuBytes : Math.min(route.mtuBytes, mtuBytes);
}

export function isTooBig(state: WalkState, mtuBytes: number | undefined): mtuBytes is number {
  const { sizeBytes } = state.packet;
  return sizeBytes !== undefined && mtuBytes !== undefined && sizeBytes > mtuBytes;
}

/** The receiving end of a wire: it takes no frame larger than its own size, and tells nobody. */
export function isTooBigToReceive(state: WalkState, link: LinkFact | undefined): link is LinkFact {
  return link?.mtuBytes !== undefined && isTooBig(state, link.mtuBytes + receiveSlackBytes);
}

export function endTooBig(state: WalkState, narrow: Narrow): Step {
  const { namespace, link, mtuBytes, isSilent } = narrow;
  const told = isSilent ? 'dropped, and nobody is told' : 'the sender is told to send smaller ones';
  const hop = addHop(state, namespace.id, {
    step: 'wire',
    did: `${state.packet.sizeBytes ?? '?'} bytes do not fit ${link.name}, which takes ${mtuBytes}: ${told}`,
    because: [link.evidence],
    elements: [{ kind: 'link', namespace: namespace.id, link }],
    link: link.name,
  });
  const end = {
    kind: 'lost',
    at: namespace.id,
    why: 'too-big',
    isCertain: true,
    mtuBytes,
    isSilent,
  } as const;
  return { state: hop, stage: { kind: 'end', disposition: end } };
}
