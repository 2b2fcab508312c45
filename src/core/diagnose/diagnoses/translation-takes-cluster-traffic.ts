// Symptom  A Service or a pod answers as something else does, or not at all; often one port only.
// Cause    A rule of another program translates the destination of the cluster's packets before they get there.
// Known by Removing that rule (and nothing else) makes the failing flows arrive.
// Repair   The rule gets narrower (its own addresses, its own device), or goes.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { filterElements, listRemovedRules, ownerWords, quoteFirst, reasonOf } from './filter-changes.ts';
import { changesSource } from './masquerade-inside-pod-network.ts';
import { capitalise } from './host-firewall-drops-overlay.ts';

export const translationTakesClusterTraffic: CatalogueEntry = {
  text: {
    code: 'translation-takes-cluster-traffic',
    layer: 'netfilter',
    title: 'A port forwarding takes packets of the cluster',
    meaning:
      'A DNAT or REDIRECT rule that names a port and no address takes every packet for that port that the node forwards, pods’ packets included: a transparent DNS or web proxy, a published container port, a port forwarding written for one device. Where it comes before kube-proxy’s chains, Services of that port are gone.',
    howProved:
      'The failing flows are translated by this rule, and removing it alone makes them arrive on the model, both ways.',
    byHand: [
      '$ iptables -t nat -nvL PREROUTING',
      '$ iptables -t nat -nvL OUTPUT',
      'Name the addresses or the device that the rule is meant for, or take it away:',
      '$ iptables -t nat -D PREROUTING -p udp --dport 53 -j REDIRECT --to-ports 5353',
    ],
    sources: [
      'Linux 6.12, net/netfilter/nf_nat_core.c (the first rule that translates settles the connection)',
    ],
  },
  name: (group, world) => {
    const rules = listRemovedRules(group);
    if (reasonOf(group) !== 'remove-translation' || rules.length === 0) return undefined;
    if (rules.some(({ rule }) => changesSource(rule.text))) return undefined;
    const elements = filterElements(group, world);
    const nodes = joinNames(group.namespaces);
    return {
      code: 'translation-takes-cluster-traffic',
      layer: 'netfilter',
      title: `A port forwarding on ${nodes} takes packets of the cluster.`,
      explanation: `${capitalise(ownerWords(group, world))} on ${nodes} has the rule ${quoteFirst(elements)}. It sends packets elsewhere that are meant for the cluster's own addresses.`,
      subjects: group.namespaces,
      elements,
    };
  },
};
