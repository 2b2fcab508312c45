// The files that a node and its pods have because k3s, flannel and the kubelet wrote them: resolv.conf, hosts, flannel's
// subnet.env, the CNI configuration. In goes the plan, out comes a shell script for the node. A pod's files stand twice:
// under /etc/netns, where `ip netns exec` finds them, and in a folder that becomes the /etc of the pod's program
// (tailscaled replaces the node's /etc/resolv.conf by rename, which undoes mounts over that file in other namespaces).
import { podNetns, podsOn } from './plan.ts';
import type { LabPlan, PlannedNode, PlannedPod } from './planned.ts';

export const clusterDomain = 'cluster.local';

/** Of kube-dns: every pod's name server. */
export function clusterDnsAddress(plan: LabPlan): string {
  return plan.services.find((service) => service.name === 'kube-dns')?.clusterIp ?? '';
}

export function podEtcFolder(pod: PlannedPod): string {
  return `/run/pods/${podNetns(pod)}/etc`;
}

/** Resolver options of one pod, as its `dnsConfig` says: the application waits less long than the default of 5 seconds. */
export function resolverOptions(pod: PlannedPod): readonly (readonly [string, string])[] {
  const base = [['ndots', '5']] as const;
  return pod.program === 'api' ? [...base, ['timeout', '1'], ['attempts', '1']] : base;
}

export function podResolvConf(plan: LabPlan, pod: PlannedPod): string {
  const search = [`${pod.namespace}.svc`, 'svc'].map((part) => `${part}.${clusterDomain}`);
  const options = resolverOptions(pod).map(([name, value]) => `${name}:${value}`);
  return [
    `search ${[...search, clusterDomain].join(' ')}`,
    `nameserver ${clusterDnsAddress(plan)}`,
    `options ${options.join(' ')}`,
    '',
  ].join('\n');
}

export function nodeFilesScript(plan: LabPlan, node: PlannedNode): string {
  const nodeHosts = plan.nodes.map((peer) => `${peer.lanAddress} ${peer.name}`);
  return [
    writeFile('/etc/resolv.conf', `nameserver ${plan.lan.gateway}\n`),
    writeFile('/etc/hosts', ['127.0.0.1 localhost', `127.0.1.1 ${node.name}`, ...nodeHosts, ''].join('\n')),
    writeFile('/run/flannel/subnet.env', subnetEnv(plan, node)),
    writeFile('/etc/rancher/k3s/config.yaml', k3sConfig(plan, node)),
    writeFile('/var/lib/rancher/k3s/agent/etc/cni/net.d/10-flannel.conflist', cniConfiguration()),
    ...podsOn(plan, node.name).map((pod) => podFilesScript(plan, pod)),
  ].join('\n');
}

/** A machine that is no node has nothing but a resolver that is the LAN's router. */
export function hostFilesScript(plan: LabPlan): string {
  return writeFile('/etc/resolv.conf', `nameserver ${plan.lan.gateway}\n`);
}

function podFilesScript(plan: LabPlan, pod: PlannedPod): string {
  const files = {
    'resolv.conf': podResolvConf(plan, pod),
    hosts: `127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n${pod.address}\t${pod.name}\n`,
    hostname: `${pod.name}\n`,
  };
  const etc = podEtcFolder(pod);
  return [
    ...Object.entries(files).flatMap(([name, text]) => [
      writeFile(`/etc/netns/${podNetns(pod)}/${name}`, text),
      writeFile(`${etc}/${name}`, text),
    ]),
    writeFile(`${etc}/nsswitch.conf`, 'passwd: files\nhosts: files dns\n'),
    `for file in passwd group ld.so.cache ld.so.conf localtime; do [ -e /etc/$file ] && cp -L /etc/$file ${etc}/ || :; done`,
  ].join('\n');
}

function subnetEnv(plan: LabPlan, node: PlannedNode): string {
  return [
    `FLANNEL_NETWORK=${plan.options.clusterCidr}`,
    `FLANNEL_SUBNET=${node.podGateway}/24`,
    'FLANNEL_MTU=1450',
    'FLANNEL_IPMASQ=true',
    '',
  ].join('\n');
}

function k3sConfig(plan: LabPlan, node: PlannedNode): string {
  const server = node.index === 1;
  const cidrs = [`cluster-cidr: ${plan.options.clusterCidr}`, `service-cidr: ${plan.options.serviceCidr}`];
  return [
    ...(server ? cidrs : [`server: https://${plan.nodes[0]?.lanAddress ?? ''}:6443`]),
    `node-ip: ${node.lanAddress}`,
    ...(node.flannel.device === 'eth0' ? [] : [`flannel-iface: ${node.flannel.device}`]),
    '',
  ].join('\n');
}

/** As k3s v1.36 writes it (pkg/agent/flannel/setup.go). */
function cniConfiguration(): string {
  const flannel = {
    type: 'flannel',
    delegate: { hairpinMode: true, forceAddress: true, isDefaultGateway: true },
  };
  const plugins = [flannel, { type: 'portmap', capabilities: { portMappings: true } }];
  return `${JSON.stringify({ name: 'cbr0', cniVersion: '1.0.0', plugins }, undefined, 2)}\n`;
}

function writeFile(path: string, text: string): string {
  const folder = path.slice(0, path.lastIndexOf('/'));
  return `mkdir -p ${folder} && cat > ${path} <<'END-OF-FILE'\n${text}END-OF-FILE`;
}
