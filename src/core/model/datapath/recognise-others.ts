// Pod networks of which nothing but their presence is read: Calico's eBPF mode, and the virtual switches of Antrea and OVN.
// Calico with iptables is not one of them: its cali-* chains are chains like any other, and its routes are the kernel's.
// Sources: Calico 3.29 felix/dataplane/linux (bpfin.cali and bpfout.cali exist in eBPF mode only) and its resource
// FelixConfiguration; Antrea 2.x docs/design/ovs-pipeline.md and antrea-proxy.md (Services of pods are Antrea's, those of
// the node kube-proxy's unless proxyAll); Kube-OVN 1.12 (ovn0; pods' Services by OVN's load balancers).
import type { Evidence } from '../../fact/evidence.ts';
import { byKernel, byProgram } from '../datapath.ts';
import type { DatapathJob, DatapathKind, DatapathOwner, NodeDatapath } from '../datapath.ts';
import { findDevice, knowsDevices, readConfigMap, recordOf } from './node-signals.ts';
import type { NodeView } from './node-signals.ts';

export type OtherDatapath = Omit<NodeDatapath, 'owners'> & { readonly owner: DatapathOwner };

export function recogniseOthers(view: NodeView): OtherDatapath | undefined {
  return (
    recogniseCalico(view) ??
    recogniseSwitch(view, 'antrea-ovs', "Antrea's Open vSwitch", /^antrea-gw0$/) ??
    recogniseSwitch(view, 'kube-ovn', "Kube-OVN's Open vSwitch", /^ovn0$/) ??
    recogniseSwitch(view, 'ovn-kubernetes', "OVN-Kubernetes' Open vSwitch", /^ovn-k8s-mp\d+$/)
  );
}

function recogniseCalico(view: NodeView): OtherDatapath | undefined {
  const device = findDevice(view, /^bpf(in|out)\.cali$/);
  const workload = findDevice(view, /^(cali[0-9a-f]|vxlan\.calico$|tunl0$)/);
  const configured = findFelixSetting(view);
  // Where the devices were collected and its own are not among them, nothing is attached yet, whatever was configured.
  const isConfigured =
    configured?.isOn === true && !knowsDevices(view) && workload !== undefined
      ? configured.evidence
      : undefined;
  const sign = device ?? isConfigured;
  if (sign === undefined) return undefined;
  const evidence: readonly Evidence[] = configured === undefined ? [sign] : [sign, configured.evidence];
  const owner: DatapathOwner = { kind: 'calico-ebpf', name: "Calico's eBPF programs", evidence };
  const own = byProgram(owner);
  return {
    owner,
    hostServices: own,
    podServices: own,
    externalServices: own,
    podForwarding: own,
    masquerade: own,
    policy: own,
  };
}

/** The node's own FelixConfiguration before the one for all. */
function findFelixSetting(
  view: NodeView,
): { readonly isOn: boolean; readonly evidence: Evidence } | undefined {
  const objects = view.network.cluster.resources.get('felixconfigurations.crd.projectcalico.org');
  if (objects?.known !== true) return undefined;
  for (const name of [`node.${view.machine.facts.name}`, 'default']) {
    const object = objects.value.find((candidate) => candidate.name === name);
    const isOn = recordOf(object?.raw['spec'])['bpfEnabled'];
    if (object !== undefined && typeof isOn === 'boolean') return { isOn, evidence: object.evidence };
  }
  return undefined;
}

function recogniseSwitch(
  view: NodeView,
  kind: DatapathKind,
  name: string,
  device: RegExp,
): OtherDatapath | undefined {
  const sign = findDevice(view, device);
  if (sign === undefined) return undefined;
  const owner: DatapathOwner = { kind, name, evidence: [sign] };
  const own = byProgram(owner);
  const host: DatapathJob = kind === 'antrea-ovs' && proxiesAll(view) ? own : byKernel;
  return {
    owner,
    hostServices: kind === 'ovn-kubernetes' ? own : host,
    podServices: own,
    externalServices: kind === 'ovn-kubernetes' ? own : host,
    podForwarding: own,
    masquerade: kind === 'ovn-kubernetes' ? own : byKernel,
    policy: own,
  };
}

/** A key of antrea-agent.conf inside the ConfigMap antrea-config. */
function proxiesAll(view: NodeView): boolean {
  const config = readConfigMap(view.network, 'antrea-config');
  const text = config.known ? config.value?.values.get('antrea-agent.conf') : undefined;
  return text !== undefined && /^\s*proxyAll:\s*true\b/m.test(text);
}
