// Candidates where the packet filter or connection tracking decided: the rule that drops, rejects, marks or translates goes;
// a program whose chains do not say what the cluster's objects say writes them again; a stale connection is forgotten. In:
// the failing way. Out: candidates, unsorted. What a program wrote for its own purpose is not taken from it but written anew.
import type { Candidate } from './candidate.ts';
import { findOwner } from './filter-owner.ts';
import { proposeAccept, proposeException } from './propose-accept.ts';
import { proposeClusterPolicy } from './propose-cluster-policy.ts';
import { unfoldHops } from './failing-way.ts';
import type { FailingWay } from './failing-way.ts';
import { dropsInvalid } from './invalid-packets.ts';
import { rewriteProgram } from './rewrite-program.ts';
import { isStray, proposeReturnRoute } from './propose-return-route.ts';
import { isPodAddress } from '../model/cluster-network.ts';
import type { Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import { formatFilterRule, formatTuple } from '../snapshot/format-filter.ts';
import type { FilterProgramName } from '../snapshot/filter-place.ts';
import type { Element, Hop, Packet } from '../trace/flow.ts';

type RuleElement = Extract<Element, { kind: 'filter-rule' }>;

export function proposeFilter(network: Network, way: FailingWay): readonly Candidate[] {
  const nearest = unfoldHops(way.hops).reverse();
  return [
    ...nearest.flatMap((hop) => hop.elements.flatMap((element) => propose(network, hop, element))),
    ...(isStray(way) ? proposeReturnRoute(network, way) : proposeForBarePod(network, nearest)),
  ];
}

function propose(network: Network, hop: Hop, element: Element): readonly Candidate[] {
  switch (element.kind) {
    case 'filter-rule':
      return proposeForRule(network, hop, element);
    case 'filter-policy':
      return proposeAccept(network, hop, element);
    case 'connection':
      return [forgetConnection(element)];
    case 'absence':
      return proposeForAbsence(network, hop, element);
    default:
      return [];
  }
}

function proposeForRule(network: Network, hop: Hop, element: RuleElement): readonly Candidate[] {
  switch (element.effect) {
    case 'drops':
    case 'rejects':
      return proposeForDrop(network, hop, element);
    case 'translates':
      return proposeForTranslation(network, hop, element);
    case 'marks':
      return proposeForMark(element);
    case 'untracks':
      return isForeign(element) ? [removeRule(element, { family: 'remove-untrack', rank: 14 })] : [];
    case 'accepts':
    case 'leads':
      return [];
  }
}

/** Nobody's who belongs to the cluster or the tailnet: a person's, a script's, a firewall's. */
function isForeign({ rule }: RuleElement): boolean {
  return !['kube-proxy', 'network-policy', 'flannel', 'tailscale', 'portmap'].includes(findOwner(rule));
}

function proposeForDrop(network: Network, hop: Hop, element: RuleElement): readonly Candidate[] {
  // What made the packet invalid comes first: letting invalid packets pass mends nothing but the symptom.
  if (dropsInvalid(element.rule.text))
    return [removeRule(element, { family: 'remove-invalid-drop', rank: 45 })];
  switch (findOwner(element.rule)) {
    case 'network-policy':
      return [removeRule(element, { family: 'remove-policy-verdict', rank: 32 })];
    case 'kube-proxy':
      // A Service that has no endpoints gets the same rule again, and nothing is healed by that.
      return [
        rewriteProgram(element.namespace, 'kube-proxy', 'stale'),
        ...proposeClusterPolicy(network, element),
      ];
    case 'tailscale':
      return [removeRule(element, { family: 'remove-filter-rule', rank: 10 })];
    default:
      return [
        removeRule(element, { family: 'remove-filter-rule', rank: 10 }),
        ...proposeException(network, hop, element),
      ];
  }
}

function proposeForTranslation(network: Network, hop: Hop, element: RuleElement): readonly Candidate[] {
  switch (findOwner(element.rule)) {
    case 'kube-proxy':
      return isEndpoint(network, hop.packet)
        ? []
        : [rewriteProgram(element.namespace, 'kube-proxy', 'stale')];
    case 'flannel':
      return [rewriteProgram(element.namespace, 'flannel', 'stale')];
    case 'tailscale':
    case 'portmap':
    case 'network-policy':
      return [];
    default:
      return [removeRule(element, { family: 'remove-translation', rank: 14 })];
  }
}

/** Whether some Service's objects name what the packet was translated to. */
function isEndpoint(network: Network, { destination, destinationPort }: Packet): boolean {
  return [...network.services.byKey.values()].some((entry) =>
    entry.endpoints.some((one) => one.address === destination && one.port === destinationPort),
  );
}

/** A mark that somebody else's rule sets can mean another thing to the programs that come after it. */
function proposeForMark(element: RuleElement): readonly Candidate[] {
  if (isForeign(element)) return [removeRule(element, { family: 'remove-mark', rank: 9 })];
  const isTunnel = findOwner(element.rule) === 'tailscale';
  return isTunnel ? [removeRule(element, { family: 'remove-mark', rank: 40 })] : [];
}

function removeRule(
  element: RuleElement,
  kind: { readonly family: string; readonly rank: number },
): Candidate {
  const { namespace, rule } = element;
  const text = formatFilterRule(rule);
  return {
    key: `remove-filter-rule ${namespace} ${rule.path} ${rule.at} ${text}`,
    family: `${kind.family} ${text}`,
    rank: kind.rank,
    changes: [{ kind: 'remove-filter-rule', namespace, rule }],
  };
}

function forgetConnection({ namespace, connection }: Extract<Element, { kind: 'connection' }>): Candidate {
  const { protocol, original } = connection;
  return {
    key: `remove-connection ${namespace} ${formatTuple(protocol, original)}`,
    family: `remove-connection ${connection.reply.source}`,
    rank: 7,
    changes: [{ kind: 'remove-connection', namespace, protocol, original }],
  };
}

function proposeForAbsence(
  network: Network,
  hop: Hop,
  element: Extract<Element, { kind: 'absence' }>,
): readonly Candidate[] {
  switch (element.of) {
    case 'service-rule':
      return [rewriteProgram(element.namespace, 'kube-proxy', 'missing')];
    case 'endpoint':
      return [rewriteProgram(element.namespace, 'kube-proxy', 'stale')];
    case 'masquerade':
      return listMasqueraders(network, hop, element.namespace).map((program) =>
        rewriteProgram(element.namespace, program, 'masquerade'),
      );
    case 'connection':
      return [
        ...switchBridgeFilter(network, hop, element.namespace),
        ...(element.namespace.startsWith('node/')
          ? [rewriteProgram(element.namespace, 'kube-proxy', 'masquerade')]
          : []),
      ];
    default:
      return [];
  }
}

/** A pod's own address where nobody outside knows the way back to it: what left the pod network was not masqueraded. */
function proposeForBarePod(network: Network, nearest: readonly Hop[]): readonly Candidate[] {
  const { nodes } = network.cluster;
  const last = nearest.find(({ at, packet }) => {
    const isBare =
      isPodAddress(network.clusterNetwork, packet.source) &&
      !isPodAddress(network.clusterNetwork, packet.destination);
    return isBare && nodes.known && nodes.value.some((node) => `node/${node.name}` === at && node.flannel);
  });
  return last === undefined ? [] : [rewriteProgram(last.at, 'flannel', 'masquerade')];
}

/** Who would have masqueraded it: flannel what leaves or enters the pod network, tailscaled what comes by the tailnet. */
function listMasqueraders(network: Network, hop: Hop, namespace: string): readonly FilterProgramName[] {
  if (!namespace.startsWith('node/')) return [];
  const { source, destination } = hop.packet;
  const crosses =
    isPodAddress(network.clusterNetwork, source) !== isPodAddress(network.clusterNetwork, destination);
  const hasTailnet = (network.machines.get(namespace)?.tailnetLinks.size ?? 0) > 0;
  return [
    'kube-proxy',
    ...(crosses ? ['flannel' as const] : []),
    ...(hasTailnet ? ['tailscaled' as const] : []),
  ];
}

/** Frames between ports of one bridge pass iptables, and are translated back, only with this switch. */
function switchBridgeFilter(network: Network, hop: Hop, namespace: string): readonly Candidate[] {
  const sysctls = network.namespaces.get(namespace)?.facts.sysctls;
  if (sysctls?.known !== true) return [];
  const key = `net.bridge.bridge-nf-call-${familyOf(hop.packet.source) === 6 ? 'ip6tables' : 'iptables'}`;
  const was = sysctls.value.get(key)?.value;
  if (was === '1') return [];
  return [
    {
      key: `sysctl ${namespace} ${key}=1`,
      family: `sysctl ${key}=1`,
      rank: 8,
      changes: [{ kind: 'set-sysctl', namespace, key, value: '1', ...(was === undefined ? {} : { was }) }],
    },
  ];
}
