// What kube-proxy, flannel and tailscaled would do to a connection's addresses, from the cluster's objects: it stands in
// where their chains were not collected, and where a repair has them written anew. In: a packet at a hook. Out: the
// translations it can get (one for each endpoint that could be drawn), none, or what would have to be known.
// Written after kube-proxy 1.28 to 1.36, flannel 0.28 and tailscaled 1.102.
import type { Missing } from '../../fact/known.ts';
import { isPodAddress } from '../../model/cluster-network.ts';
import type { Namespace, Network } from '../../model/network.ts';
import { recogniseDatapath } from '../../model/recognise-datapath.ts';
import { serviceKey } from '../../model/service-table.ts';
import type { ServiceEntry } from '../../model/service-table.ts';
import type { Address } from '../../net/address.ts';
import type { FilterProgramName } from '../../snapshot/filter-place.ts';
import type { Packet } from '../flow.ts';
import { selectMasquerade } from '../masquerade-address.ts';
import { isTailnetLink } from '../tailnet-link.ts';
import { isRoot } from '../walk.ts';
import type { HopText, WalkState } from '../walk.ts';

export type AssumedTranslation =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'destination';
      readonly address: Address;
      readonly port: number;
      readonly isMarked: boolean;
      readonly hop: HopText;
    }
  | { readonly kind: 'source'; readonly address: Address; readonly hop: HopText }
  | { readonly kind: 'unknown'; readonly question: string; readonly missing?: Missing };

/** The Service that the packet asks for, on a machine where kube-proxy is taken to run. */
export function findAssumedService(
  network: Network,
  namespace: Namespace,
  packet: Packet,
): ServiceEntry | undefined {
  if (!isRoot(namespace) || !writesServiceChains(network, namespace)) return undefined;
  return network.services.byKey.get(serviceKey(packet.destination, packet.protocol, packet.destinationPort));
}

/** On a node whose Services nobody but kube-proxy translates, and that by chains: not IPVS, and not Cilium in its place. */
export function writesServiceChains(network: Network, namespace: Namespace): boolean {
  return (
    namespace.id.startsWith('node/') &&
    recogniseDatapath(network, namespace.id).hostServices.kind === 'kernel'
  );
}

/** `undefined` where no Service has the address; a Service without endpoints is left for FORWARD and OUTPUT to refuse. */
export function assumeDestination(
  network: Network,
  namespace: Namespace,
  state: WalkState,
): readonly AssumedTranslation[] | undefined {
  const { packet } = state;
  const entry = findAssumedService(network, namespace, packet);
  if (entry === undefined || !entry.isKnown || entry.endpoints.length === 0) return undefined;
  return entry.endpoints.map(({ address, port }) => ({
    kind: 'destination' as const,
    address,
    port,
    isMarked: address === packet.source || !isPodAddress(network.clusterNetwork, packet.source),
    hop: {
      step: 'nat' as const,
      did: `Service ${packet.destination}:${packet.destinationPort} → endpoint ${address}:${port}`,
      assumes: 'kube-proxy programmed the Service as its objects say (its chains were not collected)',
    },
  }));
}

export interface AssumedSource {
  readonly network: Network;
  readonly namespace: Namespace;
  readonly inputLink?: string;
  readonly outputLink?: string;
  readonly nexthop?: Address;
  readonly programs: readonly FilterProgramName[];
}

/** `undefined` where none of the programs would rewrite the source. */
export function assumeSource(
  state: WalkState,
  about: AssumedSource,
): readonly AssumedTranslation[] | undefined {
  const { network, namespace, programs } = about;
  const { source, destination } = state.packet;
  const isInside =
    isPodAddress(network.clusterNetwork, source) && isPodAddress(network.clusterNetwork, destination);
  const why = findMasquerade(state, about);
  if (why === undefined) return programs.includes('flannel') && isInside ? [{ kind: 'none' }] : undefined;
  const { addresses } = namespace.facts;
  if (!addresses.known) {
    const question = `which address does ${namespace.id} put in place of ${source}?`;
    return [{ kind: 'unknown', question, missing: addresses }];
  }
  const way = { link: about.outputLink ?? '', gateway: about.nexthop, to: destination };
  const address = selectMasquerade(namespace, way);
  if (address === undefined || address === source) return [{ kind: 'none' }];
  const assumes = 'the chains are as their programs write them (they were not collected)';
  const did = `source ${source} becomes ${address}: ${why}`;
  return [{ kind: 'source', address, hop: { step: 'nat', did, assumes } }];
}

/** Why the machine rewrites the source of what it sends out by the device, if it does. */
function findMasquerade(state: WalkState, about: AssumedSource): string | undefined {
  const { network, namespace, programs, inputLink } = about;
  if (programs.includes('kube-proxy') && state.isMarkedForMasquerade === true)
    return 'kube-proxy masquerades what comes from outside the pods to a Service';
  if (inputLink !== undefined && isTailnetLink(network, namespace, inputLink)) {
    const prefs = network.machines.get(namespace.id)?.facts.tailscale.prefs;
    const isOff = prefs?.known === true && prefs.value.noSnat === true;
    return isOff || !programs.includes('tailscaled')
      ? undefined
      : 'tailscaled masquerades what it forwards from the tailnet (snat-subnet-routes)';
  }
  return programs.includes('flannel') ? findFlannelMasquerade(network, namespace, state) : undefined;
}

function findFlannelMasquerade(
  network: Network,
  namespace: Namespace,
  { packet }: WalkState,
): string | undefined {
  if (!namespace.id.startsWith('node/') || !hasFlannelMasquerade(network, namespace)) return undefined;
  const { source, destination } = packet;
  const isFromPods = isPodAddress(network.clusterNetwork, source);
  const isToPods = isPodAddress(network.clusterNetwork, destination);
  if (isFromPods && !isToPods) return 'flannel masquerades what pods send out of the pod network';
  if (!isFromPods && isToPods && !isLocalPod(network, namespace, destination)) {
    return 'flannel masquerades what enters the pod network from outside';
  }
  return undefined;
}

/** FLANNEL_IPMASQ of subnet.env where it was collected; k3s switches it on. */
export function hasFlannelMasquerade(network: Network, namespace: Namespace): boolean {
  const subnet = network.machines.get(namespace.id)?.facts.flannelSubnet;
  if (subnet?.known === true && subnet.value.isMasquerading !== undefined) return subnet.value.isMasquerading;
  const nodes = network.cluster.nodes;
  return (
    nodes.known &&
    nodes.value.some((node) => `node/${node.name}` === namespace.id && node.flannel !== undefined)
  );
}

function isLocalPod(network: Network, namespace: Namespace, address: Address): boolean {
  const owners = network.owners.get(address) ?? [];
  return owners.some((owner) => network.namespaces.get(owner.namespace)?.machine === namespace.id);
}
