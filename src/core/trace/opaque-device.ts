// Devices whose packets a program decides about that the evidence does not show: eBPF attached by the pod network, or a
// virtual switch. In: a namespace and a device's name. Out: what stands there, in words, or nothing where the kernel's own
// tables decide. Only the flows that meet such a device are open; the rest of the machine is followed as ever.
// Names: Cilium 1.16 pkg/defaults (cilium_host, cilium_net, cilium_vxlan, lxc…), Calico 3.29 felix/dataplane/linux
// (bpfin.cali, bpfout.cali beside the cali… devices of its pods).
import type { Namespace } from '../model/network.ts';

const workloadDevices: readonly {
  readonly by: RegExp;
  readonly mark: string;
  readonly words: string;
}[] = [
  { by: /^lxc/, mark: 'cilium_host', words: "Cilium's eBPF program" },
  { by: /^cali/, mark: 'bpfin.cali', words: "Calico's eBPF program" },
];

export function describeOpaqueDevice(namespace: Namespace, link: string): string | undefined {
  if (namespace.id !== namespace.machine) return undefined;
  const kind = namespace.linksByName.get(link)?.kind;
  if (kind === 'openvswitch') return 'Open vSwitch';
  if (/^cilium_(host|net|vxlan|geneve|wg\d+)$/.test(link)) return "Cilium's eBPF program";
  if (link === 'bpfin.cali' || link === 'bpfout.cali') return "Calico's eBPF program";
  return workloadDevices.find(({ by, mark }) => by.test(link) && namespace.linksByName.has(mark))?.words;
}
