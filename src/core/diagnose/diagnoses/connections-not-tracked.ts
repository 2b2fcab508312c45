// Symptom  Service addresses do not work for some packets, or answers are dropped, since a rule was added against load.
// Cause    A rule takes packets out of connection tracking, and what is not tracked is not translated.
// Known by Removing that rule (and nothing else) makes the failing flows arrive.
// Repair   The rule leaves the cluster's own addresses out.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { filterElements, listRemovedRules, quoteFirst, reasonOf } from './filter-changes.ts';

export const connectionsNotTracked: CatalogueEntry = {
  text: {
    code: 'connections-not-tracked',
    layer: 'netfilter',
    title: 'Packets of the cluster are taken out of connection tracking',
    meaning:
      'A NOTRACK rule in the raw table keeps packets from connection tracking: against a full table, for a busy DNS server, against floods. What is not tracked is not translated either, so Service addresses and masquerading do not work for it, and rules for known connections do not match its answers.',
    howProved:
      'The failing flows meet this rule, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      '$ iptables -t raw -nvL',
      'Leave the cluster’s addresses out, or take it away:',
      '$ iptables -t raw -D PREROUTING -p udp --dport 53 -j CT --notrack',
    ],
    sources: [
      'Linux 6.12, net/netfilter/nf_nat_core.c (no connection, no translation); iptables-extensions(8), CT',
    ],
  },
  name: (group, world) => {
    if (reasonOf(group) !== 'remove-untrack' || listRemovedRules(group).length === 0) return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    return {
      code: 'connections-not-tracked',
      layer: 'netfilter',
      title: `A rule on ${nodes} takes packets of the cluster out of connection tracking.`,
      explanation: `On ${nodes} ${quoteFirst(elements)} keeps packets from being tracked. Nothing is translated for them, neither a Service's address nor a pod's.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
