// Every name that a user may use for one end of a flow, and what it stands for. In: a network. Out: the candidates for a
// name; several when it is ambiguous.
import type { Network, NamespaceId } from '../../core/model/network.ts';
import type { Address } from '../../core/net/address.ts';
import type { PodFact, ServiceFact } from '../../core/snapshot/cluster-facts.ts';

export type Candidate =
  | { readonly kind: 'pod'; readonly name: string; readonly pod: PodFact }
  | { readonly kind: 'service'; readonly name: string; readonly service: ServiceFact }
  | {
      readonly kind: 'machine';
      /** `node/n` or `host/h`. */
      readonly name: NamespaceId;
      readonly addresses: readonly Address[];
    };

export interface NameIndex {
  readonly pods: readonly PodFact[];
  readonly services: readonly ServiceFact[];
  readonly machines: readonly Extract<Candidate, { kind: 'machine' }>[];
  readonly domain: string;
}

export function indexNames(network: Network): NameIndex {
  const { pods, services, nodes } = network.cluster;
  const machines = new Map<NamespaceId, Address[]>();
  for (const node of nodes.known ? nodes.value : []) machines.set(`node/${node.name}`, [...node.internalIps]);
  for (const id of network.machines.keys()) {
    const known = machines.get(id);
    if (known === undefined) machines.set(id, addressesOf(network, id));
  }
  return {
    pods: pods.known ? pods.value : [],
    services: services.known ? services.value : [],
    machines: [...machines].map(([name, addresses]) => ({ kind: 'machine', name, addresses })),
    domain: network.clusterNetwork.domain,
  };
}

/** Those that others can reach it by: of a device with a link to somewhere, of global scope. */
function addressesOf(network: Network, id: NamespaceId): Address[] {
  const facts = network.namespaces.get(id)?.facts.addresses;
  if (facts?.known !== true) return [];
  return facts.value
    .filter((fact) => fact.scope === 'global' && fact.link !== 'lo' && !fact.isSecondary)
    .map((fact) => fact.address);
}

/** All names in full, for "did you mean". */
export function listNames(index: NameIndex): readonly string[] {
  return [
    ...index.pods.map(podName),
    ...index.services.map((service) => `svc/${service.namespace}/${service.name}`),
    ...index.machines.map((machine) => machine.name),
  ];
}

/** Who can send under this name: a Service never, so its name stands for a pod that is called after it. */
export function findSenders(index: NameIndex, name: string): readonly Candidate[] {
  const candidates = findCandidates({ ...index, services: [] }, name);
  return candidates.length > 0 ? candidates : findCandidates(index, name);
}

/**
 * What a name without a port stands for. A kind in front (`pod/`, `svc/`, `node/`, `host/`) leaves only that kind; else
 * machines, pods and Services are tried, and last a pod by the beginning of its name (`ns/api` for `ns/api-7d9f`).
 */
export function findCandidates(index: NameIndex, name: string): readonly Candidate[] {
  const parts = name.split('/');
  const [kind = ''] = parts;
  const rest = parts.slice(1).join('/');
  switch (kind) {
    case 'node':
    case 'host':
      return index.machines.filter((machine) => machine.name === name);
    case 'pod':
      return podsNamed(index, rest);
    case 'svc':
    case 'service':
      return servicesNamed(index, rest);
    default:
      return findUnmarked(index, name, parts.length);
  }
}

function findUnmarked(index: NameIndex, name: string, partCount: number): readonly Candidate[] {
  if (partCount === 1) {
    const machines = index.machines.filter((machine) => machine.name.slice(5) === name);
    return machines.length > 0 ? machines : servicesNamed(index, nameFromDns(index, name) ?? '');
  }
  const exact = index.pods.filter((pod) => podName(pod) === name).map(podCandidate);
  const services = servicesNamed(index, name);
  if (exact.length + services.length > 0) return [...exact, ...services];
  return podsNamed(index, name);
}

/** `kube-dns.kube-system.svc.cluster.local` → `kube-system/kube-dns`. */
function nameFromDns(index: NameIndex, name: string): string | undefined {
  const bare = name.replace(/\.$/, '');
  const suffix = ['.svc', `.svc.${index.domain}`].find((end) => bare.endsWith(end));
  if (suffix === undefined) return undefined;
  const [service, namespace, ...more] = bare.slice(0, -suffix.length).split('.');
  return more.length > 0 || namespace === undefined ? undefined : `${namespace}/${service ?? ''}`;
}

function podsNamed(index: NameIndex, name: string): readonly Candidate[] {
  const exact = index.pods.filter((pod) => podName(pod) === name);
  if (exact.length > 0) return exact.map(podCandidate);
  return index.pods
    .filter(
      (pod) => podName(pod).startsWith(`${name}-`) && pod.phase !== 'Succeeded' && pod.phase !== 'Failed',
    )
    .map(podCandidate);
}

function servicesNamed(index: NameIndex, name: string): readonly Candidate[] {
  return index.services
    .filter((service) => `${service.namespace}/${service.name}` === name)
    .map((service) => ({ kind: 'service', name: `svc/${name}`, service }));
}

function podCandidate(pod: PodFact): Candidate {
  return { kind: 'pod', name: `pod/${podName(pod)}`, pod };
}

export function podName(pod: PodFact): string {
  return `${pod.namespace}/${pod.name}`;
}
