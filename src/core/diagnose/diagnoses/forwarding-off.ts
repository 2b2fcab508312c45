// Symptom  Pods of one node reach nothing beyond their own node, and nobody reaches them.
// Cause    The node does not forward: a sysctl that k3s sets at its start was reset by something else.
// Known by Switching forwarding on (and nothing else) makes the failing flows arrive.
// Repair   Set it, and keep it in sysctl.d.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { sysctlElements } from './sysctl-elements.ts';

export const forwardingOff: CatalogueEntry = {
  text: {
    code: 'forwarding-off',
    layer: 'kernel-route',
    title: 'A node does not forward packets',
    meaning:
      'Every packet from or to a pod is forwarded by its node. With forwarding off on the device it came in by, the kernel drops it without an answer. k3s and flannel switch it on at their start only; a later sysctl --system, a hardening role or a network manager may switch it off again.',
    howProved:
      'The failing flows are lost at this switch, and setting it alone makes them arrive on the model, both ways.',
    byHand: [
      '$ sysctl net.ipv4.ip_forward net.ipv4.conf.all.forwarding',
      '$ sysctl -w net.ipv4.ip_forward=1',
      'Keep it, and find the file that says otherwise:',
      '$ grep -rn forward /etc/sysctl.conf /etc/sysctl.d /usr/lib/sysctl.d',
    ],
    sources: [
      'Linux 6.12, net/ipv4/route.c (ip_route_input_slow: IN_DEV_FORWARD of the in-device)',
      'k3s 1.28 to 1.36, pkg/agent/syssetup',
    ],
  },
  name: (group, world) => {
    const elements = sysctlElements(
      group,
      world,
      (key) => key.endsWith('forwarding') || key === 'net.ipv4.ip_forward',
    );
    if (elements.length === 0) return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'forwarding-off',
      layer: 'kernel-route',
      title: `${nodes} does not forward packets.`,
      explanation: `Forwarding is off on ${nodes}, so what comes from its pods for others, and from others for its pods, is dropped there without an answer.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
