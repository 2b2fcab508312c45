// What a route takes: the cluster's own addresses, the network the machines themselves stand on, or something else.
import type { Network } from '../model/network.ts';
import { formatPrefix, hostPrefix, prefixCovers, prefixesOverlap } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { RouteEdit } from '../snapshot/change.ts';
import type { TailscalePeer } from '../snapshot/machine-facts.ts';
import type { RouteFact } from '../snapshot/namespace-facts.ts';

export interface Taken {
  readonly kind: 'cluster' | 'nodes' | 'other';
  /** Which of the cluster's prefixes, or of the nodes' addresses. */
  readonly prefixes: readonly Prefix[];
}

export function takenBy(network: Network, route: RouteEdit): Taken {
  const { podPrefixes, servicePrefixes } = network.clusterNetwork;
  const cluster = [...podPrefixes, ...servicePrefixes].filter((prefix) =>
    prefixesOverlap(prefix, route.destination),
  );
  if (cluster.length > 0) return { kind: 'cluster', prefixes: cluster };
  const nodes = network.cluster.nodes.known ? network.cluster.nodes.value : [];
  const own = nodes
    .flatMap((node) => node.internalIps)
    .map(hostPrefix)
    .filter((host) => prefixCovers(route.destination, host));
  return own.length > 0 ? { kind: 'nodes', prefixes: own } : { kind: 'other', prefixes: [] };
}

/** Other routes of the same table and device on the same machine that take cluster addresses too. */
export function findSiblings(network: Network, namespace: string, route: RouteEdit): readonly RouteFact[] {
  const known = network.namespaces.get(namespace)?.facts.routes[route.family];
  if (!known?.known) return [];
  const link = route.nexthops[0]?.link;
  const kind = takenBy(network, route).kind;
  return known.value.filter(
    (other) =>
      other.table === route.table &&
      other.type === route.type &&
      other.nexthops[0]?.link === link &&
      formatPrefix(other.destination) !== formatPrefix(route.destination) &&
      takenBy(network, other).kind === kind &&
      kind !== 'other',
  );
}

export interface Advertiser {
  /** `tailnet/device/NAME`, or `node/NAME` and `host/NAME` where the machine is in the evidence. */
  readonly subject: string;
  readonly name: string;
  readonly address?: string;
  readonly prefix: Prefix;
  readonly peer: TailscalePeer;
}

/** Who advertises the prefix into the tailnet, as the machine that accepts it sees it. */
export function findAdvertisers(
  network: Network,
  namespace: string,
  destination: Prefix,
): readonly Advertiser[] {
  const status = network.machines.get(namespace)?.facts.tailscale.status;
  if (!status?.known) return [];
  return status.value.peers.flatMap((peer) => {
    const isOwn = (prefix: Prefix): boolean => peer.addresses.includes(prefix.address);
    const routes = [...peer.primaryRoutes, ...peer.allowedIps].filter((prefix) => !isOwn(prefix));
    const prefix = routes.find((candidate) => formatPrefix(candidate) === formatPrefix(destination));
    if (prefix === undefined) return [];
    const address = peer.addresses[0];
    return [
      {
        subject: `tailnet/device/${deviceName(peer)}`,
        name: deviceName(peer),
        ...(address === undefined ? {} : { address }),
        prefix,
        peer,
      },
    ];
  });
}

/** The tailnet's name for a device is the first label of its DNS name; the machine's own name may differ (`-1`). */
export function deviceName(peer: TailscalePeer): string {
  return peer.dnsName?.split('.')[0] ?? peer.hostName;
}
