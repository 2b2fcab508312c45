// What should work, and why we think so. In: the network and the measured probes. Out: flows, one per class of packets
// that nothing tells apart: pods to pods of every pair of nodes, nodes to their own pods (kubelet's probes), pods and nodes to
// the cluster's DNS and API server, nodes to nodes, to the other Services and to their nameservers, connections that are
// tracked and not answered, and what somebody measured on purpose.
import type { Intent } from './diagnosis.ts';
import type { IntentDraft } from './intent-draft.ts';
import { listConnectionIntents } from './list-connection-intents.ts';
import { listNameserverIntents } from './list-nameserver-intents.ts';
import { classifyPods, podId } from './pod-classes.ts';
import type { PodClass } from './pod-classes.ts';
import type { Network } from '../model/network.ts';
import { serviceKey } from '../model/service-table.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import type { NodeFact, PodFact, ServiceFact } from '../snapshot/cluster-facts.ts';
import type { ProbeFact } from '../snapshot/snapshot.ts';
import type { Flow, Protocol } from '../trace/flow.ts';

export function listIntents(network: Network, probes: readonly ProbeFact[]): readonly Intent[] {
  const classes = classifyPods(network);
  const nodes = network.cluster.nodes.known ? network.cluster.nodes.value : [];
  const drafts = [
    ...classes.flatMap((from) => classes.flatMap((to) => pairPods(from, to))),
    ...classes.flatMap((pods) => reachOwnPods(pods)),
    ...listServiceIntents(network, classes, nodes),
    ...nodes.flatMap((from) => nodes.flatMap((to) => (from.name === to.name ? [] : pairNodes(from, to)))),
    ...listOtherServices(network, nodes),
    ...listNameserverIntents(network),
    ...listConnectionIntents(network),
    ...probes.flatMap((probe) => readProbeIntent(network, probe)),
  ];
  const unique = new Map(drafts.map((draft) => [`${draft.kind} ${draft.label}`, draft]));
  return [...unique.values()].map((draft, index) => ({ id: `flow-${index + 1}`, ...draft }));
}

function pairPods(from: PodClass, to: PodClass): readonly IntentDraft[] {
  const sender = pickSender(from);
  const others = to.pods.filter((pod) => pod !== sender);
  const target = others.find((pod) => pod.isReady === true) ?? others[0];
  if (sender === undefined || target === undefined) return [];
  return target.ips
    .filter((ip) => sender.ips.some((own) => familyOf(own) === familyOf(ip)))
    .map((ip) => ({
      kind: 'pod-to-pod' as const,
      flow: { from: podId(sender), to: ip, ...portOf(target) },
      label: `${shortPod(sender)} → ${shortPod(target)}${familyOf(ip) === 6 ? ' (IPv6)' : ''}`,
      reason: 'every pod reaches every pod (Kubernetes network model)',
      evidence: [sender.evidence, target.evidence],
    }));
}

/** Of pods that nothing tells apart, one that is unwell: its packets are those that somebody misses. */
function pickSender(pods: PodClass): PodFact | undefined {
  const isLooping = (pod: PodFact): boolean =>
    pod.containers.some((one) => one.waitingReason === 'CrashLoopBackOff');
  return pods.pods.find(isLooping) ?? pods.pods.find((pod) => pod.isReady === false) ?? pods.pods[0];
}

/** A ready pod answers on the port it declares; for any other the network is asked with ICMP. */
function portOf(pod: PodFact): { readonly protocol: Protocol; readonly port?: number } {
  const ports = pod.containers.flatMap((container) =>
    container.isInit || !container.isReady ? [] : container.ports,
  );
  const port = ports.find((candidate) => candidate.protocol === 'tcp');
  return pod.isReady === true && port !== undefined
    ? { protocol: 'tcp', port: port.port }
    : { protocol: 'icmp' };
}

export function shortPod(pod: PodFact): string {
  return `${pod.namespace}/${pod.name}`;
}

function reachOwnPods(pods: PodClass): readonly IntentDraft[] {
  const target = pods.pods.find((pod) => pod.isReady === true) ?? pods.pods[0];
  if (target === undefined) return [];
  return target.ips.map((ip) => ({
    kind: 'node-to-pod' as const,
    flow: { from: `node/${pods.node}`, to: ip, ...portOf(target) },
    label: `${pods.node} → its pod ${shortPod(target)}${familyOf(ip) === 6 ? ' (IPv6)' : ''}`,
    reason: 'the kubelet probes the pods of its node',
    evidence: [target.evidence],
  }));
}

function listServiceIntents(
  network: Network,
  classes: readonly PodClass[],
  nodes: readonly NodeFact[],
): readonly IntentDraft[] {
  const wanted = findWantedServices(network);
  return wanted.flatMap((one) => {
    const endpoints = listEndpoints(network, one.service);
    return one.service.clusterIps.flatMap((ip) => [
      ...classes.flatMap((from) => podToService(from, { ...one, ip, endpoints })),
      ...nodes.map((node) => nodeToService(node, { ...one, ip, endpoints })),
    ]);
  });
}

function listEndpoints(network: Network, service: ServiceFact): readonly Address[] {
  const slices = network.cluster.endpoints.known ? network.cluster.endpoints.value : [];
  return slices
    .filter((slice) => slice.namespace === service.namespace && slice.serviceName === service.name)
    .flatMap((slice) => slice.endpoints.flatMap((endpoint) => endpoint.addresses));
}

interface Wanted {
  readonly service: ServiceFact;
  readonly port: number;
  readonly protocol: Protocol;
  readonly name: string;
}

interface Target extends Wanted {
  readonly ip: Address;
  /** Addresses behind the Service, as far as known. */
  readonly endpoints: readonly Address[];
}

/** The cluster's DNS (by its well-known label or name) and the API server. */
function findWantedServices(network: Network): readonly Wanted[] {
  const services = network.cluster.services.known ? network.cluster.services.value : [];
  const dns = services.find((service) => service.namespace === 'kube-system' && isDns(service));
  const api = services.find((service) => service.namespace === 'default' && service.name === 'kubernetes');
  const dnsPort = dns?.ports.find((port) => port.protocol === 'udp');
  const apiPort = api?.ports.find((port) => port.protocol === 'tcp');
  return [
    ...(dns === undefined || dnsPort === undefined
      ? []
      : [{ service: dns, port: dnsPort.port, protocol: 'udp' as const, name: dns.name }]),
    ...(api === undefined || apiPort === undefined
      ? []
      : [{ service: api, port: apiPort.port, protocol: 'tcp' as const, name: 'the API server' }]),
  ];
}

/** More Services than this are not all asked for from every node; what is wrong with a node's rules shows in these. */
const maxServices = 64;

/** Every other Service with something behind it, from every node: a node's rules may disagree with the objects. */
function listOtherServices(network: Network, nodes: readonly NodeFact[]): readonly IntentDraft[] {
  const wanted = new Set(findWantedServices(network).map(({ service }) => service));
  const services = network.cluster.services.known ? network.cluster.services.value : [];
  const served = services
    .filter((service) => !wanted.has(service))
    .flatMap((service) => pickServed(network, service))
    .slice(0, maxServices);
  return served.flatMap((target) => nodes.map((node) => nodeToService(node, target)));
}

function pickServed(network: Network, service: ServiceFact): readonly Target[] {
  for (const ip of service.clusterIps) {
    for (const { port, protocol } of service.ports) {
      if (protocol !== 'tcp' && protocol !== 'udp') continue;
      const entry = network.services.byKey.get(serviceKey(ip, protocol, port));
      if (entry?.isKnown !== true || entry.endpoints.length === 0) continue;
      const endpoints = entry.endpoints.map(({ address }) => address);
      return [{ service, port, protocol, ip, name: `${service.namespace}/${service.name}`, endpoints }];
    }
  }
  return [];
}

function isDns(service: ServiceFact): boolean {
  const label = service.selector.get('k8s-app') ?? service.selector.get('app.kubernetes.io/name');
  return service.name === 'kube-dns' || label === 'kube-dns' || label === 'coredns';
}

function podToService(from: PodClass, target: Target): readonly IntentDraft[] {
  // Its own endpoint would ask itself, which takes another way than everybody's.
  const others = from.pods.filter((pod) => !target.endpoints.some((ip) => pod.ips.includes(ip)));
  const sender = pickSender({ ...from, pods: others }) ?? pickSender(from);
  if (sender?.ips.some((own) => familyOf(own) === familyOf(target.ip)) !== true) return [];
  return [
    {
      kind: 'pod-to-service',
      flow: { from: podId(sender), to: target.ip, protocol: target.protocol, port: target.port },
      label: `${shortPod(sender)} → ${target.name}${familyOf(target.ip) === 6 ? ' (IPv6)' : ''}`,
      reason: `pods use ${target.name}`,
      evidence: [sender.evidence, target.service.evidence],
    },
  ];
}

function nodeToService(node: NodeFact, target: Target): IntentDraft {
  return {
    kind: 'node-to-service',
    flow: { from: `node/${node.name}`, to: target.ip, protocol: target.protocol, port: target.port },
    label: `${node.name} → ${target.name}${familyOf(target.ip) === 6 ? ' (IPv6)' : ''}`,
    reason: `programs on nodes use ${target.name}`,
    evidence: [node.evidence, target.service.evidence],
  };
}

function pairNodes(from: NodeFact, to: NodeFact): readonly IntentDraft[] {
  return to.internalIps
    .filter((ip) => from.internalIps.some((own) => familyOf(own) === familyOf(ip)))
    .map((ip) => ({
      kind: 'node-to-node' as const,
      flow: { from: `node/${from.name}`, to: ip, protocol: 'icmp' as const },
      label: `${from.name} → ${to.name}${familyOf(ip) === 6 ? ' (IPv6)' : ''}`,
      reason: 'nodes talk to each other: the API server to kubelets, the overlay to its peers',
      evidence: [from.evidence, to.evidence],
    }));
}

function readProbeIntent(network: Network, probe: ProbeFact): readonly IntentDraft[] {
  const { ip, port, proto } = probe.to;
  const from = senderOf(probe);
  if (ip === undefined || from === undefined || !network.namespaces.has(from)) return [];
  const protocol: Protocol = proto === 'udp' || proto === 'icmp' ? proto : 'tcp';
  return [
    {
      kind: 'probe',
      flow: { from, to: ip, protocol, ...(port === undefined ? {} : { port }), ...readSize(probe, ip) },
      label: `probe ${probe.id ?? probe.evidence.at ?? ''}: ${from.replace(/^(pod|node)\//, '')} → ${ip}${port === undefined ? '' : `:${port}`}`,
      reason: `somebody measured it: ${probe.stage} ${probe.outcome}`,
      evidence: [probe.evidence],
    },
  ];
}

/** A probe says how many bytes it carried; only one that must not be cut asks for the way's size. */
function readSize(probe: ProbeFact, ip: Address): Pick<Flow, 'sizeBytes'> {
  if (probe.to.sizeBytes === undefined || probe.to.mustNotBeCut !== true) return {};
  const headerBytes = familyOf(ip) === 6 ? 48 : 28;
  return { sizeBytes: probe.to.sizeBytes + headerBytes };
}

function senderOf(probe: ProbeFact): string | undefined {
  if (probe.from.pod !== undefined) return `pod/${probe.from.pod}`;
  if (probe.from.node !== undefined) return `node/${probe.from.node}`;
  return probe.from.host === undefined ? undefined : `host/${probe.from.host}`;
}
