// Symptom  Some packets take another way than the rest, or are not masqueraded, although routes and chains look right.
// Cause    Two programs use the same bits of the packet mark for different things.
// Known by Removing the rule that sets the mark (and nothing else) makes the failing flows arrive.
// Repair   One of them uses other bits.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { filterElements, listRemovedRules, quoteFirst, reasonOf } from './filter-changes.ts';

export const markCollision: CatalogueEntry = {
  text: {
    code: 'mark-collision',
    layer: 'netfilter',
    title: 'A rule sets packet marks that another program takes for its own',
    meaning:
      'A packet has one mark of 32 bits, and every program takes some of them: kube-proxy 0x4000 (masquerade), Tailscale 0xff0000 (0x40000 forwarded from the tailnet, 0x80000 past the tailnet’s routes), kube-router 0x10000 and 0x20000, Calico 0xffff0000 unless told otherwise, Cilium the identity in the upper half. A mark that one sets for itself can send the packet past a table, into a masquerade, or past one.',
    howProved:
      'The failing flows are marked by this rule, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      'Who sets marks, and who asks for them?',
      '$ iptables-save | grep -i mark',
      '$ ip rule',
      'Give one of them other bits (Calico: FelixConfiguration iptablesMarkMask or nftablesMarkMask without 0x00ff0000):',
      '$ kubectl patch felixconfiguration default --type merge -p {"spec":{"iptablesMarkMask":4278190080}}',
    ],
    sources: [
      'tailscale 1.102, tsconst/linuxfw.go (0xff0000); kubernetes 1.36, pkg/proxy/iptables (0x4000)',
      'Calico documentation, FelixConfiguration iptablesMarkMask (default 0xffff0000); tailscale/tailscale#591',
    ],
  },
  name: (group, world) => {
    if (reasonOf(group) !== 'remove-mark' || listRemovedRules(group).length === 0) return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    return {
      code: 'mark-collision',
      layer: 'netfilter',
      title: `A rule on ${nodes} marks packets, and another program takes the mark for its own.`,
      explanation: `On ${nodes} ${quoteFirst(elements)} sets a mark that routing rules or other chains read as theirs, so the packets are treated as something that they are not.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
