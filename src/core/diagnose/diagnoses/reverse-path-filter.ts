// Symptom  Packets reach a node and vanish there; `nstat` counts TcpExtIPReversePathFilter.
// Cause    Strict reverse-path checks, while the way back goes by another device.
// Known by Loosening the check (and nothing else) makes the failing flows arrive.
// Repair   rp_filter=2 on that device, kept in sysctl.d, or a symmetric way.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { sysctlElements } from './sysctl-elements.ts';

export const reversePathFilter: CatalogueEntry = {
  text: {
    code: 'reverse-path-filter',
    layer: 'kernel-route',
    title: 'A reverse-path check drops packets that come by another way than they would go back',
    meaning:
      'With rp_filter=1 (the larger of the device’s value and that of all) the kernel drops a packet whose answer would leave by another device. With VPNs and several NICs that is often the case, and the packet vanishes without an answer.',
    howProved:
      'The failing flows are dropped by this check, and loosening it alone makes them arrive on the model, both ways.',
    byHand: [
      '$ nstat -az TcpExtIPReversePathFilter',
      '$ sysctl -w net.ipv4.conf.DEVICE.rp_filter=2',
      'Remember that the larger of all and the device counts.',
    ],
    sources: [
      'Linux 6.12, net/ipv4/fib_frontend.c (fib_validate_source)',
      'Documentation/networking/ip-sysctl.rst',
    ],
  },
  name: (group, world) => {
    const elements = sysctlElements(
      group,
      world,
      (key) => key.endsWith('rp_filter') || key.endsWith('src_valid_mark'),
    );
    if (elements.length === 0) return undefined;
    const nodes = joinNames(group.namespaces);
    return {
      code: 'reverse-path-filter',
      layer: 'kernel-route',
      title: `The reverse-path check on ${nodes} drops packets.`,
      explanation: `On ${nodes} an answer would leave by another device than the packet came in by, and ${elements[0]?.text ?? 'rp_filter'} drops such packets.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
