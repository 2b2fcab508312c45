// Symptom  A node or a proxy pod sends, the answer is seen on the wire, and no program gets it; DNS of some providers,
//          pods numbered from 100.64.0.0/10, Kube-OVN's join network.
// Cause    tailscaled drops every packet from 100.64.0.0/10 that does not come by its own device.
// Known by Removing that rule (and nothing else) makes the failing flows arrive.
// Repair   An accepting rule for the provider's range in front of it; from 1.98 a node attribute takes the rule away.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { listDroppedPackets } from '../dropped-packets.ts';
import { areOwnedBy, filterElements, listRemovedRules, quoteFirst } from './filter-changes.ts';

export const tailscaleFilterDropsCgnatRange: CatalogueEntry = {
  text: {
    code: 'tailscale-filter-drops-cgnat-range',
    layer: 'netfilter',
    title: 'tailscaled drops addresses of 100.64.0.0/10 that are not the tailnet’s',
    meaning:
      'Tailnet addresses come from 100.64.0.0/10, which is shared address space: providers number DNS servers, mirrors and metadata services from it, and some clusters their pods. To keep others from posing as tailnet machines, tailscaled drops what comes from that range by any device but its own, in ts-input and in ts-forward. Requests leave, answers arrive at the network card, and no program gets them.',
    howProved:
      'The failing flows end at this rule, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      'Does the rule count packets?',
      '$ iptables -nvL ts-input',
      '$ iptables -nvL ts-forward',
      'Let the range that is really used pass in front of it (tailscaled writes the chain anew when it starts):',
      '$ iptables -I ts-input 1 -s 100.100.2.0/24 ! -i tailscale0 -j ACCEPT',
      'For good, from tailscale 1.98: give the machine the node attribute disable-linux-cgnat-drop-rule in the tailnet policy file. It takes the rule of ts-input away; the one of ts-forward stays.',
    ],
    sources: [
      'tailscale 1.102, util/linuxfw/iptables_runner.go (AddBase) and nftables_runner.go',
      'tailscale/tailscale#19315 (node attribute disable-linux-cgnat-drop-rule), #21249, #15190, #3104',
    ],
  },
  name: (group, world) => {
    const rules = listRemovedRules(group);
    if (!areOwnedBy(rules, 'tailscale')) return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    const sources = joinWords(listDroppedPackets(group).map(({ packet }) => packet.source));
    const from = sources === '' ? 'addresses of 100.64.0.0/10' : sources;
    return {
      code: 'tailscale-filter-drops-cgnat-range',
      layer: 'netfilter',
      title: `tailscaled on ${nodes} drops what comes from ${from}.`,
      explanation: `On ${nodes} tailscaled's rule ${quoteFirst(elements)} takes packets from ${from} for forged, because they come from the range of tailnet addresses by another device than its own. They are dropped without an answer.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
