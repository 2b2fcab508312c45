// What a program on a device does with a packet that comes in or goes out there, where the kernel's own tables do not say.
// In: the device and the packet. Out: undefined where the kernel decides; else the way as the program's collected state
// has it, or the question that is open, with what would settle it. Pure: the walk makes the steps of it.
import { findCiliumWay } from '../model/cilium-ways.ts';
import type { CiliumPlace, CiliumWay } from '../model/cilium-ways.ts';
import { recogniseDatapath } from '../model/recognise-datapath.ts';
import { describeOpaqueDevice } from './opaque-device.ts';
import type { Packet } from './flow.ts';
import type { Namespace, Network } from '../model/network.ts';

export interface OpaquePath {
  readonly question: string;
}

/** Undefined where the kernel's tables decide about the device. */
export function describeOpaquePodPath(namespace: Namespace, link: string): OpaquePath | undefined {
  const words = describeOpaqueDevice(namespace, link) ?? describeSwitchPort(namespace, link);
  if (words === undefined) return undefined;
  return { question: `what does ${words} on ${link} of ${namespace.id} do with packets there?` };
}

/** A pod's device that is a port of Open vSwitch (`master ovs-system`). */
function describeSwitchPort(namespace: Namespace, link: string): string | undefined {
  const master = namespace.linksByName.get(link)?.master;
  const kind = master === undefined ? undefined : namespace.linksByName.get(master)?.kind;
  return kind === 'openvswitch' ? 'Open vSwitch' : undefined;
}

export interface DatapathCrossing {
  readonly link: string;
  readonly direction: 'in' | 'out';
  readonly packet: Packet;
  readonly isReply: boolean;
}

/** The way of a packet that meets a program's device of the node's own namespace; undefined where none is there. */
export function followDatapath(
  network: Network,
  namespace: Namespace,
  crossing: DatapathCrossing,
): CiliumWay | undefined {
  const opaque = describeOpaquePodPath(namespace, crossing.link);
  if (opaque === undefined) return undefined;
  const { podForwarding } = recogniseDatapath(network, namespace.id);
  if (podForwarding.kind !== 'program' || podForwarding.owner.kind !== 'cilium-ebpf')
    return { kind: 'unknown', ...opaque };
  const { packet, isReply } = crossing;
  const isIcmp = packet.protocol === 'icmp';
  const isV6 = packet.destination.includes(':');
  return findCiliumWay(network, namespace, placeOf(crossing), {
    source: packet.source,
    destination: packet.destination,
    protocol: isIcmp ? (isV6 ? 58 : 1) : packet.protocol === 'tcp' ? 6 : 17,
    // Policy names ICMP by type: an echo request.
    port: isIcmp ? (isV6 ? 128 : 8) : packet.destinationPort,
    isReply,
  });
}

function placeOf({ link, direction }: DatapathCrossing): CiliumPlace {
  if (direction === 'out') return { from: 'node', link };
  return { from: link.startsWith('lxc') ? 'pod' : 'outside', link };
}
