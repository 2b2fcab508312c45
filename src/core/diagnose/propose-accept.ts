// Candidates where the policy of a chain dropped a packet that no rule had let pass, or a host firewall's rule did: the pod
// network's own program writes its accepting rules again; a rule in front accepts this kind of traffic; the policy opens. In:
// the hop and the policy or the rule that ended it. Out: candidates, the least that opens first.
import type { Candidate } from './candidate.ts';
import { findChain } from './observe-filter.ts';
import { rewriteProgram } from './rewrite-program.ts';
import { isPodAddress } from '../model/cluster-network.ts';
import type { Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import { formatPrefix } from '../net/prefix.ts';
import type { Change } from '../snapshot/change.ts';
import { isNative } from '../snapshot/format-filter.ts';
import type { FilterPlace, FilterRulePlace } from '../snapshot/filter-place.ts';
import type { Element, Hop, Packet } from '../trace/flow.ts';

type PolicyElement = Extract<Element, { kind: 'filter-policy' }>;
type RuleElement = Extract<Element, { kind: 'filter-rule' }>;

interface InsertPlace {
  readonly namespace: string;
  readonly chain: FilterPlace;
  readonly before?: FilterRulePlace;
}

export function proposeAccept(network: Network, hop: Hop, element: PolicyElement): readonly Candidate[] {
  const { namespace, chain } = element;
  const open: Candidate = {
    key: `set-filter-policy ${namespace} ${placeKey(chain)} accept`,
    family: `set-filter-policy ${placeKey(chain)}`,
    rank: 14,
    changes: [{ kind: 'set-filter-policy', namespace, chain, policy: 'accept', was: 'drop' }],
  };
  return [...proposeFlannel(network, hop, element), ...proposeRules(network, hop, element), open];
}

/** In front of a rule that ends packets: where several such rules stand behind each other, one exception does for all. */
export function proposeException(network: Network, hop: Hop, element: RuleElement): readonly Candidate[] {
  const { namespace, rule } = element;
  if (rule.table !== 'filter' && !isNative(rule)) return [];
  const { path, origin, family, table } = rule;
  const chain: FilterPlace = { path, origin, family, table, chain: rule.chain };
  return proposeRules(network, hop, { namespace, chain, before: rule });
}

function placeKey(chain: FilterPlace): string {
  return `${chain.family} ${chain.table} ${chain.chain}`;
}

/** flannel accepts what the pod network forwards, where it runs: its annotations or its subnet.env say so. */
function proposeFlannel(
  network: Network,
  hop: Hop,
  { namespace, chain }: PolicyElement,
): readonly Candidate[] {
  if (hookOf(network, namespace, chain) !== 'forward' || !isPodTraffic(network, hop.packet)) return [];
  const { nodes } = network.cluster;
  const isAnnotated =
    nodes.known &&
    nodes.value.some((node) => `node/${node.name}` === namespace && node.flannel !== undefined);
  const hasSubnet = network.machines.get(namespace)?.facts.flannelSubnet.known === true;
  return isAnnotated || hasSubnet ? [rewriteProgram(namespace, 'flannel', 'accept')] : [];
}

function isPodTraffic(network: Network, { source, destination }: Packet): boolean {
  return isPodAddress(network.clusterNetwork, source) || isPodAddress(network.clusterNetwork, destination);
}

function hookOf(network: Network, namespace: string, chain: FilterPlace): string {
  const filter = network.namespaces.get(namespace)?.facts.filter;
  return findChain(filter, chain)?.base?.hook ?? chain.chain.toLowerCase();
}

function proposeRules(network: Network, hop: Hop, place: InsertPlace): readonly Candidate[] {
  const { namespace, chain, before } = place;
  const kinds = listAccepts(network, hop.packet, {
    isNative: isNative(chain),
    isForward: isForwarding(network, place, hop),
  });
  const where = before === undefined ? {} : { before };
  const key = `${placeKey(chain)}${before === undefined ? '' : ` before ${before.at}`}`;
  return kinds.map(({ texts, rank }) => ({
    key: `insert-filter-rule ${namespace} ${key} ${texts.join('; ')}`,
    family: `insert-filter-rule ${placeKey(chain)} ${texts.join('; ')}`,
    rank,
    changes: texts.map((text): Change => ({ kind: 'insert-filter-rule', namespace, chain, text, ...where })),
  }));
}

/** A chain of somebody's own may be called from several hooks: the machine's own addresses tell. */
function isForwarding(network: Network, { namespace, chain }: InsertPlace, hop: Hop): boolean {
  const hook = findChain(network.namespaces.get(namespace)?.facts.filter, chain)?.base?.hook;
  if (hook !== undefined) return hook === 'forward';
  const isOwn = (address: Packet['source']): boolean =>
    (network.owners.get(address) ?? []).some((owner) => owner.namespace === namespace);
  return !isOwn(hop.packet.source) && !isOwn(hop.packet.destination);
}

interface Language {
  readonly isNative: boolean;
  readonly isForward: boolean;
}

interface Accept {
  readonly texts: readonly string[];
  readonly rank: number;
}

/** The pod network as a whole where its packets are concerned; else the port; and what answers a known connection. */
function listAccepts(network: Network, packet: Packet, language: Language): readonly Accept[] {
  const answers = language.isNative
    ? 'ct state established,related accept'
    : '-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT';
  const own = isPodAddress(network.clusterNetwork, packet.source) || language.isForward;
  const pods = own && isPodTraffic(network, packet) ? acceptPods(network, packet, language) : [];
  const port = language.isForward ? [] : [acceptPort(packet, language)];
  return [
    ...(pods.length === 0 ? port : [pods]).map((texts) => ({ texts, rank: 11 })),
    { texts: [answers], rank: 12 },
  ];
}

function acceptPods(network: Network, packet: Packet, language: Language): readonly string[] {
  const family = familyOf(packet.source);
  const prefixes = network.clusterNetwork.podPrefixes.filter((prefix) => prefix.family === family);
  return prefixes.map(formatPrefix).flatMap((prefix) => {
    if (!language.isNative) {
      const from = `-s ${prefix} -j ACCEPT`;
      return language.isForward ? [from, `-d ${prefix} -j ACCEPT`] : [from];
    }
    const ip = family === 6 ? 'ip6' : 'ip';
    const from = `${ip} saddr ${prefix} accept`;
    return language.isForward ? [from, `${ip} daddr ${prefix} accept`] : [from];
  });
}

function acceptPort({ protocol, destinationPort, source }: Packet, language: Language): readonly string[] {
  if (protocol === 'icmp') {
    const name = familyOf(source) === 6 ? 'ipv6-icmp' : 'icmp';
    return [language.isNative ? `meta l4proto ${name} accept` : `-p ${name} -j ACCEPT`];
  }
  return [
    language.isNative
      ? `${protocol} dport ${destinationPort} accept`
      : `-p ${protocol} -m ${protocol} --dport ${destinationPort} -j ACCEPT`,
  ];
}
