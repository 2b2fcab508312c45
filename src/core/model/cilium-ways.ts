// Which way Cilium's programs send a packet on a node. In: the node, where the packet met a program, and its ends. Out: into
// a pod, into the tunnel to another node, back to the kernel's own routing, dropped by policy, or the question that is
// open. Followed as far as its own state was collected: endpoints (whose device has which address), identities and tunnels
// (ipcache), policy maps. Source: Cilium 1.14 to 1.18, bpf/bpf_lxc.c, bpf_host.c, bpf_overlay.c, lib/local_delivery.h.
// Encryption (WireGuard, IPsec), egress gateways and the host's firewall are not followed; see docs/limits.md.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import { prefixContains } from '../net/prefix.ts';
import type { CiliumEndpoint, CiliumFacts, CiliumIpcacheEntry } from '../snapshot/datapath-facts.ts';
import { judgeCiliumPolicy } from './cilium-policy.ts';
import type { PolicyAnswer } from './cilium-policy.ts';
import { missingCiliumState, readCiliumSetup } from './datapath/recognise-cilium.ts';
import type { CiliumSetup } from './datapath/recognise-cilium.ts';
import { viewNode } from './datapath/node-signals.ts';
import type { NodeView } from './datapath/node-signals.ts';
import type { Namespace, Network } from './network.ts';

export interface CiliumPacket {
  readonly source: Address;
  readonly destination: Address;
  /** IP protocol number. */
  readonly protocol: number;
  /** The destination port, or the type of an ICMP message. */
  readonly port: number;
  /** An answer passes policy with the connection that it belongs to. */
  readonly isReply: boolean;
}

/** Where a program meets the packet: from a pod by its device, from the node's own routing, or from outside. */
export interface CiliumPlace {
  readonly from: 'pod' | 'node' | 'outside';
  readonly link: string;
}

export type CiliumWay =
  | { readonly kind: 'endpoint'; readonly endpoint: CiliumEndpoint; readonly evidence: readonly Evidence[] }
  | {
      readonly kind: 'tunnel';
      readonly link: string;
      readonly remote: Address;
      /** UDP port of the tunnel. */
      readonly port: number;
      readonly evidence: readonly Evidence[];
    }
  /** The node's own tables decide about the packet, which carries this mark. */
  | { readonly kind: 'stack'; readonly mark: number }
  | { readonly kind: 'denied'; readonly text: string; readonly evidence: readonly Evidence[] }
  /** `missing` where a file would settle it. */
  | { readonly kind: 'unknown'; readonly question: string; readonly missing?: Missing };

/** Identities that Cilium reserves: pkg/identity/numericidentity.go. */
const hostIdentity = 1;

interface Deciding {
  readonly view: NodeView;
  readonly cilium: CiliumFacts | undefined;
  readonly endpoints: readonly CiliumEndpoint[];
  readonly packet: CiliumPacket;
  readonly place: CiliumPlace;
}

export function findCiliumWay(
  network: Network,
  root: Namespace,
  place: CiliumPlace,
  packet: CiliumPacket,
): CiliumWay | undefined {
  const view = viewNode(network, root.id);
  if (view === undefined) return undefined;
  const cilium = view.machine.facts.datapath?.cilium;
  if (cilium?.endpoints.known !== true) {
    const question = `what do Cilium's eBPF programs on ${root.id} do with packets at ${place.link}?`;
    return { kind: 'unknown', question, missing: missingCiliumState(view, 'endpoints') };
  }
  const deciding = { view, cilium, endpoints: cilium.endpoints.value, packet, place };
  if (place.from !== 'pod') return passIn(deciding, sourceIdentity(deciding));
  const sender = deciding.endpoints.find((endpoint) => endpoint.link === place.link);
  if (sender === undefined || !sender.addresses.includes(packet.source))
    return unknownSender(deciding, sender);
  return passOut(deciding, sender);
}

/** Forwarded by a pod, or a device that the list does not have (yet): whether it is let pass depends on the version. */
function unknownSender({ view, place, packet }: Deciding, sender: CiliumEndpoint | undefined): CiliumWay {
  const question =
    sender === undefined
      ? `which of Cilium's endpoints on ${view.root.id} has the device ${place.link}?`
      : `does Cilium on ${view.root.id} let ${packet.source} out of ${place.link}, which is not that endpoint's address?`;
  return { kind: 'unknown', question, missing: missingCiliumState(view, 'endpoints') };
}

function sourceIdentity(deciding: Deciding): number | undefined {
  const { source } = deciding.packet;
  return deciding.place.from === 'node' && isOwn(deciding, source)
    ? hostIdentity
    : findIdentity(deciding, source)?.identity;
}

/** The longest prefix of the ipcache that holds the address. */
function findIdentity({ cilium }: Deciding, address: Address): CiliumIpcacheEntry | undefined {
  if (cilium?.ipcache.known !== true) return undefined;
  let best: CiliumIpcacheEntry | undefined;
  for (const entry of cilium.ipcache.value) {
    if (prefixContains(entry.prefix, address) && entry.prefix.length >= (best?.prefix.length ?? 0))
      best = entry;
  }
  return best;
}

function passOut(deciding: Deciding, sender: CiliumEndpoint): CiliumWay {
  const { packet } = deciding;
  const local = findLocal(deciding);
  const identity = local?.identity ?? findIdentity(deciding, packet.destination)?.identity;
  const answer = judge(deciding, sender, { direction: 'egress', identity });
  return stopOf(deciding, answer) ?? passIn(deciding, sender.identity);
}

/** On to the pod that has the address, else to the tunnel or to the kernel. */
function passIn(deciding: Deciding, identity: number | undefined): CiliumWay {
  const local = findLocal(deciding);
  if (local === undefined) return leaveNode(deciding);
  const answer = judge(deciding, local, { direction: 'ingress', identity });
  return (
    stopOf(deciding, answer) ?? {
      kind: 'endpoint',
      endpoint: local,
      evidence: [local.evidence, ...evidenceOf(answer)],
    }
  );
}

function findLocal({ endpoints, packet }: Deciding): CiliumEndpoint | undefined {
  return endpoints.find(
    (endpoint) => endpoint.link !== undefined && endpoint.addresses.includes(packet.destination),
  );
}

function judge(
  { cilium, packet }: Deciding,
  endpoint: CiliumEndpoint,
  about: { readonly direction: 'ingress' | 'egress'; readonly identity: number | undefined },
): PolicyAnswer {
  if (packet.isReply) return { kind: 'allowed', evidence: [] };
  const { protocol, port } = packet;
  return judgeCiliumPolicy(cilium?.policies, endpoint, { ...about, protocol, port });
}

function evidenceOf(answer: PolicyAnswer): readonly Evidence[] {
  return answer.kind === 'unknown' ? [] : answer.evidence;
}

function stopOf({ view, packet }: Deciding, answer: PolicyAnswer): CiliumWay | undefined {
  if (answer.kind === 'allowed') return undefined;
  if (answer.kind === 'denied') return answer;
  const question = `does Cilium's policy on ${view.root.id} let ${packet.source} reach ${packet.destination}?`;
  if (answer.needs === 'policies' || answer.needs === 'identity') {
    const part = answer.needs === 'identity' ? 'ipcache' : 'policies';
    return { kind: 'unknown', question, missing: missingCiliumState(view, part) };
  }
  const why =
    answer.needs === 'proxy'
      ? 'a proxy decides about its requests'
      : 'entries of the policy map that match it disagree';
  return { kind: 'unknown', question: `${question.slice(0, -1)} (${why})?` };
}

function isOwn({ view }: Deciding, address: Address): boolean {
  return [...view.root.addressesByLink.values()].some((rows) => rows.some((row) => row.address === address));
}

function leaveNode(deciding: Deciding): CiliumWay {
  const { view, cilium, packet, place } = deciding;
  if (isOwn(deciding, packet.destination)) return backToKernel(deciding);
  const setup = readCiliumSetup(view);
  if (setup.isTunneled === false) return backToKernel(deciding);
  if (cilium?.ipcache.known !== true) {
    const question = `by which tunnel does Cilium on ${view.root.id} send packets for ${packet.destination}?`;
    return { kind: 'unknown', question, missing: missingCiliumState(view, 'ipcache') };
  }
  const entry = findIdentity(deciding, packet.destination);
  const remote = entry?.isTunnelSkipped === true ? undefined : entry?.tunnelEndpoint;
  if (entry === undefined || remote === undefined) return backToKernel(deciding);
  const link = findTunnelLink(view);
  if (link !== undefined && place.from !== 'outside')
    return { kind: 'tunnel', link, remote, port: tunnelPort(setup, link), evidence: [entry.evidence] };
  const question = `what does Cilium on ${view.root.id} do with a packet for ${packet.destination} from outside?`;
  return { kind: 'unknown', question, missing: missingCiliumState(view, 'ipcache') };
}

/** What the kernel's routing has already sent to Cilium's device does not come back to it. */
function backToKernel(deciding: Deciding): CiliumWay {
  const { view, packet, place } = deciding;
  if (place.from !== 'node') return { kind: 'stack', mark: identityMark(deciding) };
  const question = `what does Cilium on ${view.root.id} do with the node's own packets for ${packet.destination}?`;
  return { kind: 'unknown', question, missing: missingCiliumState(view, 'ipcache') };
}

/** set_identity_mark with MARK_MAGIC_IDENTITY (bpf/lib/identity.h, bpf/lib/common.h): on unless enable-identity-mark is false. */
function identityMark({ view, endpoints, place }: Deciding): number {
  const sender = endpoints.find((endpoint) => endpoint.link === place.link);
  if (place.from !== 'pod' || sender?.identity === undefined) return 0;
  if (readCiliumSetup(view).isIdentityMarked === false) return 0;
  return (((sender.identity & 0xffff) << 16) | 0x0f00 | ((sender.identity >>> 16) & 0xff)) >>> 0;
}

const usualPorts: Readonly<Record<string, number>> = { cilium_vxlan: 8472, cilium_geneve: 6081 };

function tunnelPort(setup: CiliumSetup, link: string): number {
  return setup.tunnelPort ?? usualPorts[link] ?? 8472;
}

function findTunnelLink({ root }: NodeView): string | undefined {
  return ['cilium_vxlan', 'cilium_geneve'].find((name) => root.linksByName.has(name));
}
