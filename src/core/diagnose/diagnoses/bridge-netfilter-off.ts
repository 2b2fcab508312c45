// Symptom  A Service works from other nodes, and not for pods on the node of its own endpoint; DNS fails only beside CoreDNS.
// Cause    Frames between pods of one bridge do not pass iptables, so the answer is not translated back.
// Known by Switching bridge-nf-call-iptables on (and nothing else) makes the failing flows arrive.
// Repair   Load br_netfilter, set the switch, and keep both.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { elementOfChange } from '../element-of-change.ts';
import { sysctlElements } from './sysctl-elements.ts';

export const bridgeNetfilterOff: CatalogueEntry = {
  text: {
    code: 'bridge-netfilter-off',
    layer: 'netfilter',
    title: 'Frames between pods of one node do not pass the packet filter',
    meaning:
      'A request to a Service is translated to a pod. Stands that pod on the sender’s own node, its answer is a frame from one port of the bridge to another, which the kernel shows to iptables only with br_netfilter loaded and net.bridge.bridge-nf-call-iptables=1. Without it the answer arrives from the pod’s address, which the client never asked, and is not taken. It works from every other node, so it looks like chance.',
    howProved:
      'The failing flows’ answers arrive untranslated across the bridge, and this switch alone makes them arrive on the model, both ways.',
    byHand: [
      '$ sysctl net.bridge.bridge-nf-call-iptables',
      'If there is no such key, the module is not loaded:',
      '$ modprobe br_netfilter && sysctl -w net.bridge.bridge-nf-call-iptables=1',
      'Keep both over a restart:',
      '$ echo br_netfilter > /etc/modules-load.d/br_netfilter.conf',
    ],
    sources: [
      'Linux 6.12, net/bridge/br_netfilter_hooks.c',
      'Kubernetes documentation, Container Runtimes (prerequisites); openeverest/openeverest#3181',
    ],
  },
  name: (group, world) => {
    const isBridge = (key: string): boolean => key.startsWith('net.bridge.bridge-nf-call-');
    if (sysctlElements(group, world, isBridge).length === 0) return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'bridge-netfilter-off',
      layer: 'netfilter',
      title: `On ${nodes} frames between pods do not pass the packet filter.`,
      explanation: `On ${nodes} a Service's answer to a pod of the same node crosses the bridge without iptables, so it is not translated back: it comes from the pod's address, and the Service's was asked.`,
      subjects: group.namespaces,
      elements: group.changes.map((change) => elementOfChange(change, world)),
    };
  },
};
