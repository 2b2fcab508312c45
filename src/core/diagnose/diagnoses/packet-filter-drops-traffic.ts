// Symptom  Connections between machines time out or are refused at once, although routes and programs are well.
// Cause    A rule or a policy of a packet filter drops or rejects them.
// Known by Removing it, or letting them pass (and nothing else), makes the failing flows arrive.
// Repair   The rule goes, or an exception stands in front of it.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { listDroppedPackets } from '../dropped-packets.ts';
import { filterElements, ownerWords, quoteFirst } from './filter-changes.ts';
import { capitalise } from './host-firewall-drops-overlay.ts';
import { isVerdictCause } from './verdict-cause.ts';

export const packetFilterDropsTraffic: CatalogueEntry = {
  text: {
    code: 'packet-filter-drops-traffic',
    layer: 'netfilter',
    title: 'A rule of a packet filter drops what should pass',
    meaning:
      'A rule or the policy of a chain ends packets that should arrive: a port that was never opened, a ban by fail2ban, a rule that somebody added by hand and forgot. A DROP shows as a timeout, a REJECT as refused or prohibited at once.',
    howProved:
      'The failing flows end at this rule or policy, and removing it, or letting them pass in front of it, alone makes them arrive on the model, both ways.',
    byHand: [
      'Which rule counts the packets?',
      '$ iptables-save -c',
      '$ nft -a list ruleset',
      'Take it away, or put an exception in front of it:',
      '$ iptables -D INPUT -p tcp --dport 10250 -j DROP',
    ],
    sources: [
      'Linux 6.12, net/netfilter (a drop is final; an accept ends its own chain only)',
      'iptables(8) and nft(8)',
    ],
  },
  name: (group, world) => {
    if (!isVerdictCause(group) || group.changes.some((change) => change.kind === 'rewrite-filter'))
      return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    const packets = listDroppedPackets(group).map(({ packet }) =>
      packet.protocol === 'icmp' ? 'icmp' : `${packet.protocol} port ${packet.destinationPort}`,
    );
    const what = packets.length === 0 ? 'traffic' : joinWords(packets);
    return {
      code: 'packet-filter-drops-traffic',
      layer: 'netfilter',
      title: `${capitalise(ownerWords(group, world))} on ${nodes} drops ${what}.`,
      explanation: `On ${nodes} packets that should arrive end at ${quoteFirst(elements)}.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
