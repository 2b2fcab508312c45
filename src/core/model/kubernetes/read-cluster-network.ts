// From which prefixes the cluster numbers its pods and Services, and under which domain. Observed first (podCIDRs,
// programs' arguments, flannel's subnet.env, ServiceCIDR objects), the ClusterIPs' common prefix last.
import { familyOf, formatAddress, wordsOf } from '../../net/address.ts';
import type { Address } from '../../net/address.ts';
import { formatPrefix, parsePrefix, prefixContains, prefixCovers, widthOf } from '../../net/prefix.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { Json, KubeObject } from '../../snapshot/cluster-facts.ts';
import type { Snapshot } from '../../snapshot/snapshot.ts';
import type { ClusterNetwork } from '../network.ts';

export function readClusterNetwork(snapshot: Snapshot): ClusterNetwork {
  return {
    podPrefixes: outermost([
      ...podCidrs(snapshot),
      ...flagPrefixes(snapshot, 'cluster-cidr'),
      ...flannelNetworks(snapshot),
    ]),
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
  return [4, 6].flatMap((family) => commonPrefix(ips.filter((ip) => familyOf(ip) === family)));
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

function commonPrefix(ips: readonly Address[]): readonly Prefix[] {
  const first = ips[0];
  if (first === undefined) return [];
  const family = familyOf(first);
  let length = widthOf(family);
  for (const ip of ips) while (length > 0 && !sharesBits(first, ip, length)) length--;
  // One ClusterIP says nothing about the range, and a range larger than a /12 would be a guess.
  const prefix = parsePrefix(`${formatAddress(family, wordsOf(first))}/${length}`);
  return prefix !== undefined && ips.length > 1 && length >= 12
    ? [prefix]
    : ips.flatMap((ip) => parsePrefix(ip) ?? []);
}

function sharesBits(a: Address, b: Address, length: number): boolean {
  const prefix = parsePrefix(`${a}/${length}`);
  return prefix !== undefined && prefixContains(prefix, b);
}
