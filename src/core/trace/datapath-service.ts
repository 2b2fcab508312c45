// Services on a node whose datapath is not kube-proxy's chains: IPVS, or Cilium's eBPF maps where they were collected. In: a
// packet at a place where the kernel or a program would look at it. Out: the endpoints it may be sent to, that it is
// refused, that nothing happens to it here, or the question that nobody answered. Pure: the walk makes the steps of it.
import { isPodAddress } from '../model/cluster-network.ts';
import { findCiliumBackends } from '../model/cilium-services.ts';
import type { CiliumAnswer } from '../model/cilium-services.ts';
import { readCiliumSetupOf } from '../model/cilium-setup.ts';
import type { DatapathJob, NodeDatapath } from '../model/datapath.ts';
import { findIpvsServers } from '../model/ipvs-services.ts';
import { recogniseDatapath } from '../model/recognise-datapath.ts';
import { serviceKey } from '../model/service-table.ts';
import type { ServiceEntry } from '../model/service-table.ts';
import type { IpvsRealServer } from '../snapshot/datapath-facts.ts';
import type { Packet } from './flow.ts';
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';

/** Where a packet is looked at. */
export type DatapathPlace =
  /** A program in the namespace connects or sends, before anything is routed (Cilium's programs at the socket). */
  | { readonly kind: 'connect' }
  /** The node sends it (OUTPUT), or it was routed to the node itself (INPUT): IPVS. */
  | { readonly kind: 'output' | 'input' }
  /** It came in to the node by a device (eBPF at the device). */
  | { readonly kind: 'device'; readonly link: string };

export type DatapathService =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'translated';
      readonly endpoints: readonly { readonly address: Address; readonly port: number }[];
      /** What kube-proxy's chains in this mode mark for masquerade; a walk that evaluates chains asks those instead. */
      readonly isMasqueraded: boolean;
      /** Draws beside the endpoints that drop the packet. */
      readonly lostDraws: number;
      /** Of the endpoints, those that the cluster's objects do not name, with where they stand. */
      readonly strangers: readonly { readonly address: Address; readonly evidence: Evidence }[];
      readonly text: string;
      readonly evidence: readonly Evidence[];
      readonly assumes?: string;
    }
  | { readonly kind: 'no-endpoints'; readonly text: string; readonly evidence: readonly Evidence[] }
  /** The cluster has the Service and its endpoints, and what should translate it here does not know it. */
  | { readonly kind: 'forgotten'; readonly text: string; readonly evidence: readonly Evidence[] }
  /** `missing` where a file would settle it. */
  | { readonly kind: 'unknown'; readonly question: string; readonly missing?: Missing };

const nothing: DatapathService = { kind: 'none' };

export interface DatapathPacket {
  readonly packet: Packet;
  readonly place: DatapathPlace;
}

export function translateByDatapath(
  network: Network,
  namespace: Namespace,
  at: DatapathPacket,
): DatapathService {
  const root = network.namespaces.get(namespace.machine);
  if (root === undefined || at.packet.protocol === 'icmp') return nothing;
  const datapath = recogniseDatapath(network, root.id);
  if (datapath.owners.length === 0) return nothing;
  const job = jobAt(network, { namespace, root, at });
  if (job === undefined || job.kind === 'kernel') return nothing;
  const { owner } = job;
  const isAsked = isServiceOfCluster(network, root, at.packet);
  if (job.kind === 'unknown') {
    return isAsked ? { kind: 'unknown', question: job.question, missing: job.missing } : nothing;
  }
  if (owner.kind === 'ipvs') return translateByIpvs(network, root, at);
  if (owner.kind === 'cilium-ebpf') return translateByCilium(network, { namespace, root, at });
  if (!isAsked) return nothing;
  return {
    kind: 'unknown',
    question: `which endpoint does ${owner.name} on ${root.id} pick for ${endText(at.packet)}?`,
  };
}

interface Asking {
  readonly namespace: Namespace;
  readonly root: Namespace;
  readonly at: DatapathPacket;
}

/** Whose turn it is here; undefined where no program is attached at this place. */
function jobAt(network: Network, { namespace, root, at }: Asking): DatapathJob | undefined {
  const datapath = recogniseDatapath(network, root.id);
  const isRoot = namespace.id === root.id;
  const { place } = at;
  if (place.kind === 'connect' && !isRoot) return jobInPod(network, root, datapath.podServices);
  if (!isRoot) return undefined;
  const job = place.kind === 'device' ? jobAtDevice(datapath, place.link) : datapath.hostServices;
  // What is routed to the node itself and is not from a pod comes from outside; to IPVS both are the same.
  const isVirtual = job.kind !== 'kernel' && job.owner.kind === 'ipvs';
  return isVirtual === (place.kind === 'output' || place.kind === 'input') ? job : undefined;
}

function jobAtDevice(datapath: NodeDatapath, link: string): DatapathJob {
  return isWorkloadDevice(link) ? datapath.podServices : datapath.externalServices;
}

/** In a pod only a program at the socket can do it: IPVS and chains are the node's. */
function jobInPod(network: Network, root: Namespace, job: DatapathJob): DatapathJob | undefined {
  const isCiliums = job.kind === 'program' && job.owner.kind === 'cilium-ebpf';
  return isCiliums && readCiliumSetupOf(network, root)?.socketBalancing === 'everywhere' ? job : undefined;
}

function isWorkloadDevice(link: string): boolean {
  return /^(lxc|cali|veth|cilium_)/.test(link);
}

function isServiceOfCluster(network: Network, root: Namespace, packet: Packet): boolean {
  if (network.services.addresses.has(packet.destination)) return true;
  const { services } = network.cluster;
  const isNodePort = (services.known ? services.value : []).some((service) =>
    service.ports.some(
      (port) => port.nodePort === packet.destinationPort && port.protocol === packet.protocol,
    ),
  );
  return isNodePort && isOwnAddress(root, packet.destination);
}

function isOwnAddress(root: Namespace, address: Address): boolean {
  return [...root.addressesByLink.values()].some((rows) => rows.some((row) => row.address === address));
}

function translateByIpvs(network: Network, root: Namespace, at: DatapathPacket): DatapathService {
  const { packet, place } = at;
  // Incoming packets meet IPVS when they are delivered: an address that is not the node's own is sent on.
  const isSeen =
    place.kind === 'output' || !root.facts.addresses.known || isOwnAddress(root, packet.destination);
  if (!isSeen) return nothing;
  const entry = network.services.byKey.get(
    serviceKey(packet.destination, packet.protocol, packet.destinationPort),
  );
  if (root.facts.rewritten?.has('kube-proxy') === true) return translateByObjects(network, packet, entry);
  const answer = findIpvsServers(network, root, {
    address: packet.destination,
    protocol: packet.protocol,
    port: packet.destinationPort,
  });
  if (answer.kind === 'none') return forgetsService(network, root, entry);
  if (answer.kind === 'unknown') return isServiceOfCluster(network, root, packet) ? answer : nothing;
  const { servers, evidence } = answer;
  if (servers.length === 0) {
    const text = `IPVS has no real server with a weight for ${endText(packet)}: refused`;
    return { kind: 'no-endpoints', text, evidence };
  }
  const other = servers.find((server) => server.forwarding !== 'masquerade');
  if (other !== undefined) {
    return {
      kind: 'unknown',
      question: `where does IPVS of ${root.id} send packets for ${endText(packet)} (${other.forwarding})?`,
    };
  }
  return {
    kind: 'translated',
    endpoints: servers.map((server) => ({ address: server.address, port: server.port })),
    isMasqueraded: needsMasquerade(network, packet, servers),
    lostDraws: 0,
    strangers: listStrangers(servers, entry),
    text: `IPVS (${answer.virtualServer.scheduler}) on ${root.id}`,
    evidence,
  };
}

function needsMasquerade(
  network: Network,
  packet: Packet,
  ends: readonly { readonly address: Address }[],
): boolean {
  return (
    ends.some((end) => end.address === packet.source) || !isPodAddress(network.clusterNetwork, packet.source)
  );
}

function listStrangers(
  servers: readonly IpvsRealServer[],
  entry: ServiceEntry | undefined,
): readonly { readonly address: Address; readonly evidence: Evidence }[] {
  if (entry?.isKnown !== true) return [];
  return servers.filter(
    (server) => !entry.endpoints.some((end) => end.address === server.address && end.port === server.port),
  );
}

/** kube-ipvs0 makes the address the node's own, so that without a virtual server the node itself is asked. */
function forgetsService(network: Network, root: Namespace, entry: ServiceEntry | undefined): DatapathService {
  if (entry?.isKnown !== true || entry.endpoints.length === 0) return nothing;
  const table = network.machines.get(root.id)?.facts.datapath?.ipvs;
  const text = `IPVS on ${root.id} has no virtual server for ${entry.service}: the node takes the packet for itself`;
  return { kind: 'forgotten', text, evidence: table?.known === true ? [table.evidence] : [] };
}

/** As kube-proxy would fill the table now. */
function translateByObjects(
  network: Network,
  packet: Packet,
  entry: ServiceEntry | undefined,
): DatapathService {
  if (entry?.isKnown !== true) return nothing;
  const { endpoints, evidence, service } = entry;
  if (endpoints.length === 0)
    return { kind: 'no-endpoints', text: `${service} has no ready endpoint: refused`, evidence };
  return {
    kind: 'translated',
    endpoints,
    isMasqueraded: needsMasquerade(network, packet, endpoints),
    lostDraws: 0,
    strangers: [],
    text: 'IPVS, written anew',
    evidence,
  };
}

function translateByCilium(network: Network, asking: Asking): DatapathService {
  const { root, at } = asking;
  const { packet } = at;
  if (!isCiliumAttached(network, root, at.place)) return nothing;
  const answer = findCiliumBackends(network, root, {
    address: packet.destination,
    protocol: packet.protocol,
    port: packet.destinationPort,
  });
  if (answer.kind === 'none') return nothing;
  if (answer.kind === 'unknown') return isServiceOfCluster(network, root, packet) ? answer : nothing;
  const { flags } = answer;
  const isOutside = at.place.kind === 'device' && !isWorkloadDevice(at.place.link);
  if (isOutside && flags.includes('non-routable')) return nothing;
  if (flags.includes('l7-load-balancer')) {
    return {
      kind: 'unknown',
      question: `what does Cilium's proxy on ${root.id} do with requests to ${endText(packet)}?`,
    };
  }
  return describeBackends(asking, answer, isOutside && !flags.includes('dsr'));
}

/** Its programs are on the devices that it lists, and on no other (a VPN's tunnel, for one). */
function isCiliumAttached(network: Network, root: Namespace, place: DatapathPlace): boolean {
  if (place.kind !== 'device' || isWorkloadDevice(place.link)) return true;
  const devices = readCiliumSetupOf(network, root)?.devices;
  return devices?.includes(place.link) ?? true;
}

function describeBackends(
  { namespace, at }: Asking,
  answer: Extract<CiliumAnswer, { kind: 'backends' }>,
  isMasqueraded: boolean,
): DatapathService {
  const { backends, lostSlots, evidence, assumes } = answer;
  if (backends.length === 0 && lostSlots === 0) {
    const text = `Cilium has no backend for ${endText(at.packet)}: refused`;
    return { kind: 'no-endpoints', text, evidence };
  }
  return {
    kind: 'translated',
    endpoints: backends.map(({ address, port }) => ({ address, port })),
    isMasqueraded,
    lostDraws: lostSlots,
    strangers: [],
    text: `Cilium on ${namespace.id}`,
    evidence,
    ...(assumes === undefined ? {} : { assumes }),
  };
}

function endText(packet: Packet): string {
  return `${packet.destination}:${packet.destinationPort}`;
}
