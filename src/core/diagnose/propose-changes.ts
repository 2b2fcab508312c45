// What could be changed where a flow was lost. In: the failing way's hops. Out: candidate changes, best first. Two
// sources and only these: removing or correcting what the hops cite (their support), and adding what the pod network's own
// program would have written there. The cost is bounded by the length of the way, not by the cluster's size.
import type { Candidate } from './candidate.ts';
import type { FailingWay } from './failing-way.ts';
import { proposeFilter } from './propose-filter.ts';
import { proposeMtu } from './propose-mtu.ts';
import { proposeExpected } from './propose-expected.ts';
import type { Element, Hop } from '../trace/flow.ts';
import type { Network } from '../model/network.ts';
import { findExpectedPeer } from '../model/expected-overlay.ts';
import { isSameRoute } from '../snapshot/edit-routing.ts';
import { formatRoute, formatRule } from '../snapshot/format-routing.ts';
import type { RouteFact, RuleFact } from '../snapshot/namespace-facts.ts';

export function proposeChanges(network: Network, way: FailingWay): readonly Candidate[] {
  const nearest = [...way.hops].reverse();
  const corrections = nearest.flatMap((hop) =>
    hop.elements.flatMap((element) => correct(network, hop, element)),
  );
  const expected = nearest.flatMap((hop) => proposeExpected(network, hop));
  const unique = new Map<string, Candidate>();
  const filter = [...proposeFilter(network, way), ...proposeMtu(network, way)];
  for (const candidate of [...corrections, ...expected, ...filter])
    if (!unique.has(candidate.key)) unique.set(candidate.key, candidate);
  return [...unique.values()].sort((a, b) => a.rank - b.rank);
}

function correct(network: Network, hop: Hop, element: Element): readonly Candidate[] {
  switch (element.kind) {
    case 'route':
      return removeRoute(network, hop, element);
    case 'rule':
      return removeRule(element.namespace, element.rule);
    case 'sysctl':
      return setSysctl(network, element);
    case 'link':
      return raiseLink(element);
    default:
      return [];
  }
}

/** Never the route that the pod network wrote itself, nor one to the machine's own addresses. */
function removeRoute(
  network: Network,
  hop: Hop,
  element: Extract<Element, { kind: 'route' }>,
): readonly Candidate[] {
  const { route, namespace } = element;
  if (route.table === 'local' || isKernelRoute(route) || isDefault(route)) return [];
  const root = network.namespaces.get(namespace);
  const expected = root === undefined ? undefined : findExpectedPeer(network, root, hop.packet.destination);
  if (expected !== undefined && isSameRoute({ ...route, protocol: undefined }, expected.route)) return [];
  const text = formatRoute(route);
  return [
    {
      key: `remove-route ${namespace} ${text}`,
      family: `remove-route ${text}`,
      rank: isLedBySelector(hop, route) ? 31 : 10,
      changes: [{ kind: 'remove-route', namespace, route }],
    },
  ];
}

/** A default route in a table of its own is meant for all that is sent there; what sends too much there is the rule. */
function isLedBySelector(hop: Hop, route: RouteFact): boolean {
  if (route.destination.length > 0) return false;
  return hop.elements.some(
    (element) => element.kind === 'rule' && isSelective(element.rule) && !isKernelRule(element.rule),
  );
}

function isSelective(rule: RuleFact): boolean {
  return rule.from !== undefined || rule.inputLink !== undefined || rule.mark !== undefined;
}

/** The connected prefix of one of the machine's own addresses. */
function isKernelRoute(route: RouteFact): boolean {
  return (
    route.table === 'main' &&
    route.protocol === 'kernel' &&
    route.nexthops.every((hop) => hop.gateway === undefined)
  );
}

function isDefault(route: RouteFact): boolean {
  return route.destination.length === 0 && route.table === 'main';
}

const kernelPriorities: readonly number[] = [0, 32766, 32767];

function isKernelRule(rule: RuleFact): boolean {
  return kernelPriorities.includes(rule.priority);
}

function removeRule(namespace: string, rule: RuleFact): readonly Candidate[] {
  if (isKernelRule(rule)) return [];
  const text = formatRule(rule);
  return [
    {
      key: `remove-rule ${namespace} ${text}`,
      family: `remove-rule ${text}`,
      rank: 30,
      changes: [{ kind: 'remove-rule', namespace, rule }],
    },
  ];
}

function setSysctl(network: Network, element: Extract<Element, { kind: 'sysctl' }>): readonly Candidate[] {
  const { namespace, key, value } = element;
  const sysctls = network.namespaces.get(namespace)?.facts.sysctls;
  const found = (other: string): string | undefined =>
    sysctls?.known === true ? sysctls.value.get(other)?.value : undefined;
  // A switch for all that is on already does nothing when it is switched on (devinet_sysctl_forward, Linux 6.12).
  const proposed = proposedValues(key).filter((one) => one.key === key || found(one.key) !== one.value);
  return proposed.map(({ key: target, value: next, rank }) => ({
    key: `sysctl ${namespace} ${target}=${next}`,
    family: `sysctl ${target}=${next}`,
    rank,
    changes: [
      {
        kind: 'set-sysctl',
        namespace,
        key: target,
        value: next,
        was: target === key ? value : (found(target) ?? value),
      },
    ],
  }));
}

interface ProposedValue {
  readonly key: string;
  readonly value: string;
  readonly rank: number;
}

/** Forwarding is switched on for the whole machine, as k3s does at its start; loose reverse-path checks before none. */
function proposedValues(key: string): readonly ProposedValue[] {
  if (key.startsWith('net.ipv4.') && key.endsWith('forwarding')) {
    return [
      { key, value: '1', rank: 6 },
      { key: 'net.ipv4.ip_forward', value: '1', rank: 5 },
    ];
  }
  if (key === 'net.ipv4.ip_forward') return [{ key, value: '1', rank: 5 }];
  if (key.startsWith('net.ipv6.') && key.endsWith('forwarding')) {
    return [
      { key, value: '1', rank: 6 },
      { key: 'net.ipv6.conf.all.forwarding', value: '1', rank: 5 },
    ];
  }
  if (key.endsWith('.rp_filter'))
    return [
      // Of the same rank as the route that makes the ways differ: what stands where it was lost comes first.
      { key, value: '2', rank: 10 },
      { key, value: '0', rank: 21 },
    ];
  if (key.startsWith('net.bridge.bridge-nf-call-')) return [{ key, value: '1', rank: 8 }];
  if (key.endsWith('.src_valid_mark')) return [{ key, value: '1', rank: 19 }];
  return [];
}

function raiseLink(element: Extract<Element, { kind: 'link' }>): readonly Candidate[] {
  const { namespace, link } = element;
  if (link.flags.length === 0 || (link.flags.includes('UP') && !link.flags.includes('NO-CARRIER'))) return [];
  return [
    {
      key: `link-up ${namespace} ${link.name}`,
      family: `link-up ${link.name}`,
      rank: 12,
      changes: [{ kind: 'set-link-up', namespace, link: link.name }],
    },
  ];
}
