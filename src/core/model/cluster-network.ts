// From which prefixes the cluster numbers its pods and Services, and under which domain. Observed first (podCIDRs,
// programs' arguments, flannel's subnet.env, ServiceCIDR objects), a distribution's usual range last.
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { formatPrefix, parsePrefix, prefixContains, prefixCovers } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Json, KubeObject } from '../snapshot/cluster-facts.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ClusterNetwork } from './network.ts';

export function readClusterNetwork(snapshot: Snapshot): ClusterNetwork {
  return {
    podPrefixes: podPrefixes(snapshot),
    servicePrefixes: servicePrefixes(snapshot),
    domain: flagValues(snapshot, 'cluster-domain')[0] ?? 'cluster.local',
  };
}

export function isPodAddress(network: ClusterNetwork, address: Address): boolean {
  return network.podPrefixes.some((prefix) => prefixContains(prefix, address));
}

export function isServiceAddress(network: ClusterNetwork, address: Address): boolean {
  return network.servicePrefixes.some((prefix) => prefixContains(prefix, address));
}

/** k3s and RKE2, flannel's own manifest and kubeadm's examples, MicroK8s: where one holds every node's share. */
const usualPodRanges = ['10.42.0.0/16', '10.244.0.0/16', '10.1.0.0/16'].flatMap(
  (text) => parsePrefix(text) ?? [],
);

/** What is configured is the whole; from the Nodes' shares alone the whole can only be known where it is a usual one. */
function podPrefixes(snapshot: Snapshot): readonly Prefix[] {
  const configured = [...flagPrefixes(snapshot, 'cluster-cidr'), ...flannelNetworks(snapshot)];
  const prefixes = outermost([...podCidrs(snapshot), ...configured]);
  return configured.length > 0 ? prefixes : usualPodRange(prefixes);
}

function usualPodRange(prefixes: readonly Prefix[]): readonly Prefix[] {
  const shares = prefixes.filter((prefix) => prefix.family === 4);
  const range = usualPodRanges.find(
    (candidate) => shares.length > 0 && shares.every((share) => prefixCovers(candidate, share)),
  );
  return range === undefined ? prefixes : [range, ...prefixes.filter((prefix) => prefix.family === 6)];
}

function podCidrs(snapshot: Snapshot): readonly Prefix[] {
  return snapshot.cluster.nodes.known ? snapshot.cluster.nodes.value.flatMap((node) => node.podCidrs) : [];
}

function flannelNetworks(snapshot: Snapshot): readonly Prefix[] {
  return [...snapshot.nodes.values()].flatMap((machine) => {
    const subnet = machine.flannelSubnet;
    return subnet.known && subnet.value.network !== undefined ? [subnet.value.network] : [];
  });
}

function servicePrefixes(snapshot: Snapshot): readonly Prefix[] {
  const configured = [
    ...flagPrefixes(snapshot, 'service-cidr'),
    ...flagPrefixes(snapshot, 'service-cluster-ip-range'),
    ...serviceCidrObjects(snapshot),
  ];
  if (configured.length > 0) return outermost(configured);
  const services = snapshot.cluster.services;
  const ips = services.known ? services.value.flatMap((service) => service.clusterIps) : [];
  return [4, 6].flatMap((family) => usualRange(ips.filter((ip) => familyOf(ip) === family)));
}

/** The ServiceCIDR objects of Kubernetes 1.31 and newer. */
function serviceCidrObjects(snapshot: Snapshot): readonly Prefix[] {
  const objects = snapshot.cluster.resources.get('servicecidrs.networking.k8s.io');
  if (!objects?.known) return [];
  return objects.value.flatMap((object) => parsePrefixes(cidrsOf(object)));
}

function cidrsOf(object: KubeObject): readonly string[] {
  const spec = object.raw['spec'];
  const cidrs = isRecord(spec) ? spec['cidrs'] : undefined;
  return Array.isArray(cidrs) ? (cidrs as readonly Json[]).filter((text) => typeof text === 'string') : [];
}

function isRecord(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function flagPrefixes(snapshot: Snapshot, flag: string): readonly Prefix[] {
  return parsePrefixes(flagValues(snapshot, flag).flatMap((text) => text.split(',')));
}

/** `--flag value` and `--flag=value` of the programs on the nodes, and k3s's annotation of its arguments. */
function flagValues(snapshot: Snapshot, flag: string): readonly string[] {
  const lines = [...snapshot.nodes.values()].flatMap((machine) =>
    [...machine.commandLines.values()].flatMap((line) => (line.known ? [line.value] : [])),
  );
  const nodes = snapshot.cluster.nodes.known ? snapshot.cluster.nodes.value : [];
  const annotated = nodes.flatMap((node) => parseArguments(node.annotations.get('k3s.io/node-args')));
  return [...lines, ...annotated].flatMap((line) => valuesOfFlag(line, flag));
}

function parseArguments(text: string | undefined): readonly (readonly string[])[] {
  if (text === undefined) return [];
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? [parsed.filter((word): word is string => typeof word === 'string')] : [];
  } catch {
    return [];
  }
}

function valuesOfFlag(line: readonly string[], flag: string): readonly string[] {
  return line.flatMap((word, index) => {
    if (word.startsWith(`--${flag}=`)) return [word.slice(flag.length + 3)];
    const next = line[index + 1];
    return word === `--${flag}` && next !== undefined ? [next] : [];
  });
}

function parsePrefixes(texts: readonly string[]): readonly Prefix[] {
  return texts.flatMap((text) => parsePrefix(text.trim()) ?? []);
}

/** Without those that another one covers; in text order. */
function outermost(prefixes: readonly Prefix[]): readonly Prefix[] {
  const unique = new Map(prefixes.map((prefix) => [formatPrefix(prefix), prefix]));
  const all = [...unique.values()];
  return all
    .filter((prefix) => !all.some((other) => other !== prefix && prefixCovers(other, prefix)))
    .sort((a, b) => (formatPrefix(a) < formatPrefix(b) ? -1 : 1));
}

/**
 * The ranges that distributions use unless told otherwise (k3s and RKE2, kubeadm and k0s, MicroK8s, OpenShift): a known
 * default that holds every ClusterIP is a better word for them than the addresses one by one.
 */
const usualServiceRanges = [
  '10.43.0.0/16',
  '10.96.0.0/12',
  '10.152.183.0/24',
  '172.30.0.0/16',
  'fd00:43::/112',
].flatMap((text) => parsePrefix(text) ?? []);

function usualRange(ips: readonly Address[]): readonly Prefix[] {
  if (ips.length === 0) return [];
  const range = usualServiceRanges.find((prefix) => ips.every((ip) => prefixContains(prefix, ip)));
  return range === undefined ? outermost(ips.flatMap((ip) => parsePrefix(ip) ?? [])) : [range];
}
