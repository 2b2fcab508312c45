// The namespace of a pod that nobody looked into, as the CNI would have made it: one eth0 with the pod's address, the
// connected prefix, a default route by the bridge's address (containernetworking bridge plugin with isGateway; flannel's
// conflist of k3s 1.28 to 1.36), or by a link-local next hop where the node holds a host route (Calico).
// Cilium's list of endpoints says the device of each pod where it was collected.
// Every row cites the Pod, and the namespace is marked assumed.
import { missing, present } from '../../fact/known.ts';
import type { Evidence } from '../../fact/evidence.ts';
import { familyOf } from '../../net/address.ts';
import type { Address, Family } from '../../net/address.ts';
import { defaultPrefix, hostPrefix, makePrefix, prefixContains, widthOf } from '../../net/prefix.ts';
import type { PodFact } from '../../snapshot/cluster-facts.ts';
import type { MachineFacts } from '../../snapshot/machine-facts.ts';
import type {
  AddressFact,
  LinkFact,
  NamespaceFacts,
  RouteFact,
  RuleFact,
} from '../../snapshot/namespace-facts.ts';
import type { Namespace } from '../network.ts';

/** Where a pod hangs on its node: the device, and the gateway the pod would use. */
export interface Attachment {
  readonly link: string;
  readonly gateway: Address;
  readonly prefixLength: number;
  /** A bridge that the pod is a port of, or the pod's own device on the node. */
  readonly kind: 'bridge' | 'host-route';
}

/** The device on the node that leads to this pod address, if the node's facts show one. */
export function findAttachment(node: Namespace, address: Address): Attachment | undefined {
  return findBridge(node, address) ?? findHostRoute(node, address);
}

function findBridge(node: Namespace, address: Address): Attachment | undefined {
  for (const [link, addresses] of node.addressesByLink) {
    if (node.linksByName.get(link)?.kind !== 'bridge') continue;
    const fitting = addresses.find((fact) =>
      prefixContains(makePrefix(fact.address, fact.prefixLength), address),
    );
    if (fitting === undefined) continue;
    return { link, gateway: fitting.address, prefixLength: fitting.prefixLength, kind: 'bridge' };
  }
  return undefined;
}

function findHostRoute(node: Namespace, address: Address): Attachment | undefined {
  const family = familyOf(address);
  const routes = node.facts.routes[family];
  if (!routes.known) return undefined;
  const host = hostPrefix(address);
  const route = routes.value.find(
    (candidate) =>
      candidate.destination.address === host.address &&
      candidate.destination.length === host.length &&
      candidate.type === 'unicast',
  );
  const link = route?.nexthops[0]?.link;
  if (link === undefined || node.linksByName.get(link)?.kind !== 'veth') return undefined;
  const gateway = (family === 4 ? '169.254.1.1' : 'fe80::1') as Address;
  return { link, gateway, prefixLength: widthOf(family), kind: 'host-route' };
}

/** Cilium's own list says which device a pod has; its gateway is the address of cilium_host (Cilium 1.16, plugins/cilium-cni). */
export function findEndpoint(
  machine: MachineFacts,
  node: Namespace,
  address: Address,
): Attachment | undefined {
  const endpoints = machine.datapath?.cilium.endpoints;
  if (endpoints?.known !== true) return undefined;
  const link = endpoints.value.find((endpoint) => endpoint.addresses.includes(address))?.link;
  const router = node.addressesByLink
    .get('cilium_host')
    ?.find((fact) => familyOf(fact.address) === familyOf(address));
  if (link === undefined || router === undefined || !node.linksByName.has(link)) return undefined;
  const prefixLength = widthOf(familyOf(address));
  return { link, gateway: router.address, prefixLength, kind: 'host-route' };
}

/** The facts as they would have been read. `path` is the folder that the collector would have filled. */
export function assumeNamespaceFacts(
  pod: PodFact,
  attachments: ReadonlyMap<Address, Attachment>,
  path: string,
): NamespaceFacts {
  const evidence: Evidence = pod.evidence;
  const routes = (family: Family): readonly RouteFact[] =>
    [...attachments]
      .filter(([address]) => familyOf(address) === family)
      .flatMap(([address, way]) => assumeRoutes(address, way, evidence));
  const rules = (family: Family): readonly RuleFact[] => assumeRules(family, evidence);
  return {
    path,
    links: present(assumeLinks(evidence), evidence),
    addresses: present(
      [...attachments].map(([address, way]) => assumeAddress(address, way, evidence)),
      evidence,
    ),
    rules: { 4: present(rules(4), evidence), 6: present(rules(6), evidence) },
    routes: { 4: present(routes(4), evidence), 6: present(routes(6), evidence) },
    neighbors: present([], evidence),
    fdb: present([], evidence),
    sysctls: present(new Map(), evidence),
    sockets: missing('not-collected', `${path}/ss.txt`),
    resolver: missing('not-collected', `${path}/resolv.conf`),
    hosts: missing('not-collected', `${path}/hosts`),
  };
}

function assumeLinks(evidence: Evidence): readonly LinkFact[] {
  return [
    { evidence, index: 1, name: 'lo', kind: 'loopback', flags: ['LOOPBACK', 'UP', 'LOWER_UP'] },
    { evidence, index: 2, name: 'eth0', kind: 'veth', flags: ['BROADCAST', 'MULTICAST', 'UP', 'LOWER_UP'] },
  ];
}

function assumeAddress(address: Address, way: Attachment, evidence: Evidence): AddressFact {
  return {
    evidence,
    link: 'eth0',
    address,
    prefixLength: way.prefixLength,
    scope: 'global',
    isSecondary: false,
    flags: [],
  };
}

function assumeRules(family: Family, evidence: Evidence): readonly RuleFact[] {
  const rule = (priority: number, table: string): RuleFact => ({
    evidence,
    family,
    priority,
    isInverted: false,
    action: { kind: 'lookup', table },
    opaqueSelectors: [],
  });
  return family === 4
    ? [rule(0, 'local'), rule(32766, 'main'), rule(32767, 'default')]
    : [rule(0, 'local'), rule(32766, 'main')];
}

function assumeRoutes(address: Address, way: Attachment, evidence: Evidence): readonly RouteFact[] {
  const family = familyOf(address);
  const base = { evidence, family, metric: 0, tos: 0 } as const;
  const local: RouteFact = {
    ...base,
    type: 'local',
    destination: hostPrefix(address),
    table: 'local',
    scope: 'host',
    protocol: 'kernel',
    nexthops: [{ link: 'eth0', weight: 1, flags: [] }],
  };
  const viaGateway: RouteFact = {
    ...base,
    type: 'unicast',
    destination: defaultPrefix(family),
    table: 'main',
    scope: 'global',
    nexthops: [
      { link: 'eth0', gateway: way.gateway, weight: 1, flags: way.kind === 'host-route' ? ['onlink'] : [] },
    ],
  };
  if (way.kind === 'host-route') return [local, viaGateway];
  const connected: RouteFact = {
    ...base,
    type: 'unicast',
    destination: makePrefix(address, way.prefixLength),
    table: 'main',
    scope: 'link',
    protocol: 'kernel',
    preferredSource: address,
    nexthops: [{ link: 'eth0', weight: 1, flags: [] }],
  };
  return [local, viaGateway, connected];
}
