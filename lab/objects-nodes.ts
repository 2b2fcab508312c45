// The Nodes and Namespaces. A Node carries what flannel announces in its annotations: a fault that makes flannel choose
// the wrong card shows there, as it would in a cluster.
import { metadataOf, toSeconds } from './recorded-world.ts';
import type { PlannedNode } from './planned.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

const kubernetesVersion = 'v1.36.3+k3s1';

export function nodeObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.nodes.map((node) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: metadataOf(
      world,
      { kind: 'Node', name: node.name },
      { annotations: nodeAnnotations(node), labels: nodeLabels(node) },
    ),
    spec: { podCIDR: node.podCidr, podCIDRs: [node.podCidr], providerID: `k3s://${node.name}` },
    status: nodeStatus(world, node),
  }));
}

export function namespaceObjects(world: RecordedWorld): JsonObject[] {
  const names = ['default', 'kube-node-lease', 'kube-public', 'kube-system', 'swimto'];
  return names.map((name) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: metadataOf(
      world,
      { kind: 'Namespace', name },
      { labels: { 'kubernetes.io/metadata.name': name } },
    ),
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  }));
}

function nodeAnnotations(node: PlannedNode): JsonObject {
  return {
    'flannel.alpha.coreos.com/backend-data': JSON.stringify({ VNI: 1, VtepMAC: node.vtepMac }),
    'flannel.alpha.coreos.com/backend-type': 'vxlan',
    'flannel.alpha.coreos.com/kube-subnet-manager': 'true',
    'flannel.alpha.coreos.com/public-ip': node.flannel.publicIp,
    'k3s.io/hostname': node.name,
    'k3s.io/internal-ip': node.lanAddress,
    'k3s.io/node-args': JSON.stringify(nodeArguments(node)),
  };
}

function nodeArguments(node: PlannedNode): string[] {
  const role = node.index === 1 ? 'server' : 'agent';
  const network = node.flannel.device === 'eth0' ? [] : ['--flannel-iface', node.flannel.device];
  return [role, '--node-ip', node.lanAddress, ...network];
}

function nodeLabels(node: PlannedNode): JsonObject {
  return {
    'kubernetes.io/arch': 'amd64',
    'kubernetes.io/hostname': node.name,
    'kubernetes.io/os': 'linux',
    ...(node.index === 1 ? { 'node-role.kubernetes.io/control-plane': 'true' } : {}),
  };
}

function nodeStatus(world: RecordedWorld, node: PlannedNode): JsonObject {
  const condition = (type: string, status: string, reason: string, message: string): JsonObject => ({
    lastHeartbeatTime: toSeconds(world.now),
    lastTransitionTime: toSeconds(world.startedAt),
    message,
    reason,
    status,
    type,
  });
  const resources = { cpu: '4', memory: '8Gi', pods: '110' };
  return {
    addresses: [
      { address: node.lanAddress, type: 'InternalIP' },
      { address: node.name, type: 'Hostname' },
    ],
    allocatable: resources,
    capacity: resources,
    conditions: [
      condition('NetworkUnavailable', 'False', 'FlannelIsUp', 'Flannel is running on this node'),
      condition('Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'),
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    nodeInfo: {
      architecture: 'amd64',
      containerRuntimeVersion: 'containerd://2.1.5-k3s1',
      kubeletVersion: kubernetesVersion,
      operatingSystem: 'linux',
      osImage: 'Debian GNU/Linux 12 (bookworm)',
    },
  };
}

/** What `GET /version` answers. */
export function versionObject(): JsonObject {
  return {
    major: '1',
    minor: '36',
    gitVersion: kubernetesVersion,
    gitTreeState: 'clean',
    goVersion: 'go1.26.8',
    compiler: 'gc',
    platform: 'linux/amd64',
  };
}
