// Cilium on a node. Its devices are the proof: without them no program of its is attached. What it took over is said by
// its agent (cilium-status.json), else by the ConfigMap cilium-config, else by the chains that kube-proxy did or did not
// write. Sources: Cilium 1.14 to 1.18, pkg/defaults (device names), Documentation/network/kubernetes/kubeproxy-free.rst
// (kubeProxyReplacement=false still balances ClusterIPs for pods, packet by packet), install/kubernetes/cilium's
// cilium-configmap.yaml (keys).
import type { Evidence } from '../../fact/evidence.ts';
import { missing } from '../../fact/known.ts';
import type { CiliumFacts, CiliumStatus } from '../../snapshot/datapath-facts.ts';
import { byKernel, byProgram } from '../datapath.ts';
import type { DatapathJob, DatapathOwner, NodeDatapath } from '../datapath.ts';
import type { Network } from '../network.ts';
import {
  findDevice,
  findPodOnNode,
  hasServiceChains,
  missingSetting,
  readConfigMap,
  recordOf,
} from './node-signals.ts';
import type { NodeView } from './node-signals.ts';

/** How Cilium is set up on a node; undefined where nobody knows. */
export interface CiliumSetup {
  readonly isKubeProxyReplaced?: boolean;
  /** connect() is translated for everybody, for the node's own programs alone, or for nobody. */
  readonly socketBalancing?: NonNullable<CiliumStatus['socketBalancing']>;
  readonly isTunneled?: boolean;
  readonly isMasqueradingByProgram?: boolean;
  /** Packets that go on to the kernel's tables carry the sender's identity in their mark. */
  readonly isIdentityMarked?: boolean;
  /** UDP port of its tunnel, where it is not the usual one. */
  readonly tunnelPort?: number;
  /** Devices that carry its program for what comes from outside. */
  readonly devices?: readonly string[];
}

export type CiliumDatapath = Omit<NodeDatapath, 'owners'> & { readonly owner: DatapathOwner };

export function recogniseCilium(view: NodeView): CiliumDatapath | undefined {
  const device = findDevice(view, /^cilium_(host|net)$/) ?? findDevice(view, /^cilium_(vxlan|geneve|wg\d+)$/);
  if (device === undefined) return undefined;
  const evidence: readonly Evidence[] = [device, ...settingsEvidence(view.network)];
  const owner: DatapathOwner = { kind: 'cilium-ebpf', name: "Cilium's eBPF programs", evidence };
  const setup = readCiliumSetup(view);
  const own = byProgram(owner);
  return {
    owner,
    hostServices: decideHostServices(view, owner, setup),
    podServices: own,
    externalServices: decideByReplacement(view, owner, setup),
    podForwarding: own,
    masquerade: setup.isMasqueradingByProgram === false ? byKernel : own,
    policy: own,
  };
}

function settingsEvidence(network: Network): readonly Evidence[] {
  const settings = readConfigMap(network, 'cilium-config');
  return settings.known && settings.value !== undefined ? [settings.value.evidence] : [];
}

function decideHostServices(view: NodeView, owner: DatapathOwner, setup: CiliumSetup): DatapathJob {
  if (setup.socketBalancing !== undefined)
    return setup.socketBalancing === 'off' ? byKernel : byProgram(owner);
  return decideByReplacement(view, owner, setup);
}

function decideByReplacement(view: NodeView, owner: DatapathOwner, setup: CiliumSetup): DatapathJob {
  if (setup.isKubeProxyReplaced !== undefined) return setup.isKubeProxyReplaced ? byProgram(owner) : byKernel;
  const hasChains = hasServiceChains(view);
  if (hasChains !== undefined) return hasChains ? byKernel : byProgram(owner);
  return {
    kind: 'unknown',
    owner,
    question: `does Cilium translate Services on ${view.root.id}, or kube-proxy?`,
    missing: missingSetting(view.network, 'cilium-config', 'it says nothing about kube-proxy-replacement'),
  };
}

export function readCiliumSetup(view: NodeView): CiliumSetup {
  const status = view.machine.facts.datapath?.cilium.status;
  const said = status?.known === true ? status.value : undefined;
  const configured = readConfigured(view.network);
  const isKubeProxyReplaced = said?.isKubeProxyReplaced ?? configured.isKubeProxyReplaced;
  return {
    ...configured,
    ...(isKubeProxyReplaced === undefined ? {} : { isKubeProxyReplaced }),
    ...(said?.socketBalancing === undefined ? {} : { socketBalancing: said.socketBalancing }),
    ...(said?.devices === undefined ? {} : { devices: said.devices }),
  };
}

function readConfigured(network: Network): CiliumSetup {
  const config = readConfigMap(network, 'cilium-config');
  if (!config.known || config.value === undefined) return {};
  const { values } = config.value;
  const flag = (key: string): boolean | undefined =>
    booleanOf(isOverridden(network, key) ? undefined : values.get(key));
  const replaced = replacementOf(
    isOverridden(network, 'kube-proxy-replacement') ? undefined : values.get('kube-proxy-replacement'),
  );
  const balancing = balancingOf(replaced, flag('bpf-lb-sock'), flag('bpf-lb-sock-hostns-only'));
  const tunnel = tunnelOf(values.get('routing-mode'), values.get('tunnel'));
  const isMasqueraded = flag('enable-bpf-masquerade');
  const isMarked = flag('enable-identity-mark');
  const port = values.get('tunnel-port');
  return {
    ...(replaced === undefined ? {} : { isKubeProxyReplaced: replaced }),
    ...(balancing === undefined ? {} : { socketBalancing: balancing }),
    ...(tunnel === undefined ? {} : { isTunneled: tunnel }),
    ...(isMasqueraded === undefined ? {} : { isMasqueradingByProgram: isMasqueraded }),
    ...(isMarked === undefined ? {} : { isIdentityMarked: isMarked }),
    ...(port === undefined || !/^[1-9]\d*$/.test(port) ? {} : { tunnelPort: Number(port) }),
  };
}

/** true and false since 1.14; strict, probe, partial and disabled before. */
function replacementOf(text: string | undefined): boolean | undefined {
  if (text === 'true' || text === 'strict' || text === 'probe') return true;
  return text === 'false' || text === 'disabled' ? false : undefined;
}

function booleanOf(text: string | undefined): boolean | undefined {
  return text === 'true' ? true : text === 'false' ? false : undefined;
}

/** Replacing kube-proxy switches the translation of connect() on, whatever its own key says. */
function balancingOf(
  isReplaced: boolean | undefined,
  isOn: boolean | undefined,
  isHostOnly: boolean | undefined,
): CiliumSetup['socketBalancing'] {
  if (isReplaced === undefined) return undefined;
  if (!isReplaced && isOn !== true) return 'off';
  return isHostOnly === true ? 'host-only' : 'everywhere';
}

/** `routing-mode` since 1.14, `tunnel` before. */
function tunnelOf(mode: string | undefined, tunnel: string | undefined): boolean | undefined {
  if (mode !== undefined) return mode === 'tunnel';
  return tunnel === undefined ? undefined : tunnel !== 'disabled';
}

/** A CiliumNodeConfig overrides keys for the nodes it selects: then the ConfigMap's value is not this node's for sure. */
function isOverridden(network: Network, key: string): boolean {
  const objects = network.cluster.resources.get('ciliumnodeconfigs.cilium.io');
  if (objects?.known !== true) return false;
  return objects.value.some((object) => key in recordOf(recordOf(object.raw['spec'])['defaults']));
}

const agentFile = {
  status: { name: 'cilium-status.json', words: ['status', '-o', 'json'] },
  balancing: { name: 'cilium-bpf-lb-list.json', words: ['bpf', 'lb', 'list', '-o', 'json'] },
  services: { name: 'cilium-service-list.json', words: ['service', 'list', '-o', 'json'] },
  endpoints: { name: 'cilium-endpoint-list.json', words: ['endpoint', 'list', '-o', 'json'] },
  policies: { name: 'cilium-bpf-policy.json', words: ['bpf', 'policy', 'get', '--all', '-o', 'json'] },
  ipcache: { name: 'cilium-bpf-ipcache.json', words: ['bpf', 'ipcache', 'list', '-o', 'json'] },
} as const;

/** Why a part of Cilium's state is missing, with the command that prints it in the agent of that node. */
export function missingCiliumState(view: NodeView, part: keyof CiliumFacts): ReturnType<typeof missing> {
  const fact = view.machine.facts.datapath?.cilium[part];
  const { name, words } = agentFile[part];
  const reason =
    fact?.known === false ? fact : missing('not-collected', `nodes/${view.machine.facts.name}/${name}`);
  return { ...reason, command: ['kubectl', ...agentOf(view), '--', 'cilium-dbg', ...words] };
}

function agentOf(view: NodeView): readonly string[] {
  const agent = findPodOnNode(view, (pod) => pod.labels.get('k8s-app') === 'cilium');
  return agent === undefined
    ? ['-n', 'kube-system', 'exec', 'ds/cilium', '-c', 'cilium-agent']
    : ['-n', agent.namespace, 'exec', agent.name, '-c', 'cilium-agent'];
}
