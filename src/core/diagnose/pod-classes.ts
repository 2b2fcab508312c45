// Pods that nothing tells apart are one class: same node, no route or rule anywhere that names one and not the other, the
// same treatment by their node's packet filter, and namespaces that route alike. One member is traced for all. In: the network. Out: classes, each with its members in
// name order.
import { describeTreatment } from '../model/filter-treatment.ts';
import { indexPolicyKeys } from './policy-classes.ts';
import { linksOf } from '../model/network.ts';
import { isOnPodNetwork } from '../model/pod-network.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import { formatPrefix, prefixContains, widthOf } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { PodFact } from '../snapshot/cluster-facts.ts';
import { formatRoute, formatRule } from '../snapshot/format-routing.ts';
import type { RouteFact } from '../snapshot/namespace-facts.ts';

export interface PodClass {
  readonly node: string;
  /** A collected namespace first, then by name. */
  readonly pods: readonly PodFact[];
}

export function classifyPods(network: Network): readonly PodClass[] {
  const { pods } = network.cluster;
  const candidates = (pods.known ? pods.value : []).filter(
    (pod) => isOnPodNetwork(pod) && pod.nodeName !== undefined,
  );
  const specific = listSpecificPrefixes(network);
  const policyKeyOf = indexPolicyKeys(network);
  const classes = new Map<string, PodFact[]>();
  for (const pod of candidates) {
    const key = [
      pod.nodeName,
      describeNamespace(network, pod),
      policyKeyOf(pod),
      describeTreatment(network.namespaces.get(`node/${pod.nodeName ?? ''}`)?.facts.filter, pod.ips),
      ...specific.filter((prefix) => holds(prefix, pod)).map(formatPrefix),
    ].join('|');
    classes.set(key, [...(classes.get(key) ?? []), pod]);
  }
  return [...classes]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, members]) => ({ node: members[0]?.nodeName ?? '', pods: sortMembers(network, members) }));
}

function sortMembers(network: Network, pods: readonly PodFact[]): readonly PodFact[] {
  const rank = (pod: PodFact): number => (network.namespaces.get(podId(pod))?.isAssumed === false ? 0 : 1);
  return [...pods].sort((a, b) => rank(a) - rank(b) || (podId(a) < podId(b) ? -1 : 1));
}

export function podId(pod: PodFact): string {
  return `pod/${pod.namespace}/${pod.name}`;
}

function holds(prefix: Prefix, pod: PodFact): boolean {
  return pod.ips.some((ip) => prefixContains(prefix, ip));
}

/** Prefixes inside a node's share of the pod network that some rule or route on some machine names. */
function listSpecificPrefixes(network: Network): readonly Prefix[] {
  const shares = (network.cluster.nodes.known ? network.cluster.nodes.value : []).flatMap(
    (node) => node.podCidrs,
  );
  const isInside = (prefix: Prefix): boolean =>
    shares.some(
      (share) =>
        share.family === prefix.family &&
        share.length < prefix.length &&
        prefixContains(share, prefix.address),
    );
  const found = new Map<string, Prefix>();
  for (const id of network.machines.keys()) {
    const root = network.namespaces.get(id);
    if (root === undefined) continue;
    for (const prefix of prefixesOf(root)) if (isInside(prefix)) found.set(formatPrefix(prefix), prefix);
  }
  return [...found.values()];
}

function prefixesOf(namespace: Namespace): readonly Prefix[] {
  const { rules, routes } = namespace.facts;
  const families = [4, 6] as const;
  const ofRules = families.flatMap((family) => {
    const known = rules[family];
    return known.known
      ? known.value.flatMap((rule) => [rule.from, rule.to].flatMap((prefix) => prefix ?? []))
      : [];
  });
  const ofRoutes = families.flatMap((family) => {
    const known = routes[family];
    return known.known
      ? known.value.filter((route) => tellsPodsApart(namespace, route)).map((route) => route.destination)
      : [];
  });
  return [...ofRules, ...ofRoutes];
}

/** A host route to a pod by the pod's own device is how some CNIs attach every pod; it tells nothing. */
function tellsPodsApart(namespace: Namespace, route: RouteFact): boolean {
  if (route.table === 'local' || route.type === 'broadcast' || route.type === 'multicast') return false;
  const link = route.nexthops[0]?.link;
  const isHost = route.destination.length === widthOf(route.family);
  return !(isHost && link !== undefined && namespace.linksByName.get(link)?.kind === 'veth');
}

/** How the pod's own namespace routes, with its own address left out. */
function describeNamespace(network: Network, pod: PodFact): string {
  const namespace = network.namespaces.get(podId(pod));
  if (namespace === undefined) return 'unseen';
  if (namespace.isAssumed) return 'assumed';
  const { rules, routes } = namespace.facts;
  const texts = ([4, 6] as const).flatMap((family) => [
    ...(rules[family].known ? rules[family].value.map(formatRule) : [`rules ${family} unknown`]),
    ...(routes[family].known
      ? routes[family].value.filter((route) => route.table !== 'local').map(formatRoute)
      : [`routes ${family} unknown`]),
  ]);
  const links = linksOf(namespace).map(
    (link) => `${link.name} ${link.kind} ${link.flags.includes('UP') ? 'up' : 'down'}`,
  );
  return withoutOwn([...texts, ...links].join(';'), pod.ips);
}

function withoutOwn(text: string, own: readonly Address[]): string {
  return own.reduce((sofar, ip) => sofar.split(ip).join('own'), text);
}
