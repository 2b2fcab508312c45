// The lab on paper: which machines, pods and Services there are, and every address. In go the options of `lab up`, out
// comes data that everything else reads: the network code, the agents, the recorded objects, the faults (a fault may
// hand back a changed plan). Nothing here touches the machine. Node J's pods live in the J-th /24 of the cluster CIDR,
// so node-1 has 10.42.0.0/24, as k3s gives it to the first node.
import { ipv4Value } from '../src/core/net/address.ts';
import { formatPrefix, parsePrefix, prefixesOverlap } from '../src/core/net/prefix.ts';
import type { Prefix } from '../src/core/net/prefix.ts';
import { castPods, castServices } from './cast.ts';
import { deriveMac } from './derived-names.ts';
import type { LabOptions, LabPlan, PlannedNode, PlannedPod } from './planned.ts';

export const apiServerPort = 6443;
export const kubeletPort = 10_250;
export const maximumNodes = 40;

/** flannel's and the pods' MTU: the LAN's less what VXLAN adds. */
export const overlayMtu = 1450;
/** Served by the lab's LAN, which knows no way to pods: whoever asks must come with a machine's address. */
export const outsideAddress = '198.51.100.10';

const lanBase = '192.168.50.';
/** Advertised by the subnet router in a healthy lab: it overlaps nothing. */
const disjointPrefix = '172.31.77.0/24';

/** The healthy plan for these options. Throws one sentence where they cannot be met. */
export function planLab(options: LabOptions): LabPlan {
  const cluster = readCidr(options.clusterCidr, 'cluster CIDR');
  const service = readCidr(options.serviceCidr, 'service CIDR');
  checkOptions(options, cluster, service);
  const nodes = Array.from({ length: options.nodeCount }, (_, position) => planNode(cluster, position + 1));
  const hosts = [{ name: 'pi-gateway', lanAddress: `${lanBase}9` }];
  return {
    options,
    lan: { prefix: `${lanBase}0/24`, length: 24, gateway: `${lanBase}1` },
    nodes,
    hosts,
    pods: castPods(nodes),
    services: castServices(nodes, (offset) => addressAt(service, offset)),
    tailnet: [
      ...nodes.map((node) => ({ machine: node.name, acceptRoutes: true, advertiseRoutes: [] })),
      ...hosts.map((host) => ({
        machine: host.name,
        acceptRoutes: false,
        advertiseRoutes: [disjointPrefix],
      })),
    ],
    policies: [],
    hasPolicyController: true,
    hangingProxies: [],
    outsiders: [{ name: 'internet', ip: outsideAddress, port: 80, proto: 'http' }],
    podMtu: overlayMtu,
  };
}

export function findNode(plan: LabPlan, name: string): PlannedNode {
  const node = plan.nodes.find((candidate) => candidate.name === name);
  if (node === undefined)
    throw new Error(`this lab has no ${name}; it has ${String(plan.nodes.length)} nodes`);
  return node;
}

/** The one that a fault makes unreachable from node-2. */
export function lastNode(plan: LabPlan): PlannedNode {
  const node = plan.nodes.at(-1);
  if (node === undefined || node.name === 'node-2')
    throw new Error('this fault needs a lab of at least three nodes');
  return node;
}

export function podsOn(plan: LabPlan, node: string): readonly PlannedPod[] {
  return plan.pods.filter((pod) => pod.node === node);
}

/** `namespace/name`, as it is written on the command line. */
export function podKey(pod: { readonly namespace: string; readonly name: string }): string {
  return `${pod.namespace}/${pod.name}`;
}

/** The name of the pod's network namespace on its node. */
export function podNetns(pod: { readonly namespace: string; readonly name: string }): string {
  return `${pod.namespace}_${pod.name}`;
}

/** The address `offset` places after the start of the prefix; IPv4. */
export function addressAt(prefix: Prefix, offset: number): string {
  const value = ipv4Value(prefix.address) + offset;
  return [24, 16, 8, 0].map((shift) => String(Math.floor(value / 2 ** shift) % 256)).join('.');
}

function planNode(cluster: Prefix, index: number): PlannedNode {
  const offset = (index - 1) * 256;
  const name = `node-${index}`;
  const lanAddress = `${lanBase}${10 + index}`;
  return {
    name,
    index,
    lanAddress,
    podCidr: `${addressAt(cluster, offset)}/24`,
    podGateway: addressAt(cluster, offset + 1),
    vtepAddress: addressAt(cluster, offset),
    vtepMac: deriveMac(`vtep ${name}`),
    flannel: { device: 'eth0', publicIp: lanAddress },
  };
}

function readCidr(text: string, what: string): Prefix {
  const prefix = parsePrefix(text);
  if (prefix?.family !== 4) throw new Error(`the ${what} ${text} is not an IPv4 prefix like 10.42.0.0/16`);
  return prefix;
}

function checkOptions(options: LabOptions, cluster: Prefix, service: Prefix): void {
  if (!Number.isInteger(options.nodeCount) || options.nodeCount < 1 || options.nodeCount > maximumNodes) {
    throw new Error(`a lab has 1 to ${String(maximumNodes)} nodes, not ${String(options.nodeCount)}`);
  }
  if (2 ** (24 - cluster.length) < options.nodeCount) {
    throw new Error(
      `the cluster CIDR ${formatPrefix(cluster)} has no /24 for each of ${options.nodeCount} nodes`,
    );
  }
  if (service.length > 24) throw new Error(`the service CIDR ${formatPrefix(service)} is smaller than a /24`);
  if (prefixesOverlap(cluster, service)) throw new Error('the cluster CIDR and the service CIDR overlap');
  const taken = [
    `${lanBase}0/24`,
    '100.64.0.0/10',
    '127.0.0.0/8',
    disjointPrefix,
    `${outsideAddress}/32`,
  ].map((text) => readCidr(text, 'prefix'));
  for (const prefix of [cluster, service]) {
    const clash = taken.find((other) => prefixesOverlap(prefix, other));
    if (clash !== undefined)
      throw new Error(`${formatPrefix(prefix)} overlaps ${formatPrefix(clash)}, which the lab uses`);
  }
}
