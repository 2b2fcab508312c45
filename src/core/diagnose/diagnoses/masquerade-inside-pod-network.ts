// Symptom  A NetworkPolicy refuses pods that it allows; logs show a node's address where a pod's should be; answers get lost.
// Cause    A rule masquerades what stays inside the pod network, so that pods seem to be their node.
// Known by Removing that rule, or having flannel's own written anew (and nothing else), makes the failing flows arrive.
// Repair   The rule gets the pod network as an exception, or goes.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { findOwner } from '../filter-owner.ts';
import { filterElements, listRemovedRules, quoteFirst, reasonOf } from './filter-changes.ts';
import { isRewrite, rewriteElements } from './rewritten-program.ts';

export const masqueradeInsidePodNetwork: CatalogueEntry = {
  text: {
    code: 'masquerade-inside-pod-network',
    layer: 'netfilter',
    title: 'Traffic inside the pod network is masqueraded',
    meaning:
      'Between pods no address is to be changed. A masquerading rule that is too wide (for a VPN, for Docker, written by hand for internet access) or comes before flannel’s exceptions gives pods’ packets a node’s address. NetworkPolicies then judge the node and not the pod, and answers may take another way than the request.',
    howProved:
      'The failing flows are translated by this rule on their way between pods, and taking it away alone makes them arrive on the model, both ways.',
    byHand: [
      'Which rule comes first, and does it count packets?',
      '$ iptables -t nat -nvL POSTROUTING',
      'Leave the pod network out of it:',
      '$ iptables -t nat -I POSTROUTING 1 -s 10.42.0.0/16 -d 10.42.0.0/16 -j RETURN',
    ],
    sources: [
      'Kubernetes documentation, Cluster Networking (pods reach pods without NAT)',
      'flannel 0.28, pkg/trafficmngr/iptables/iptables.go (RETURN for the pod network, then MASQUERADE)',
    ],
  },
  name: (group, world) => {
    const rules = listRemovedRules(group);
    const isForeign =
      reasonOf(group) === 'remove-translation' &&
      rules.length > 0 &&
      rules.every(({ rule }) => changesSource(rule.text));
    const isOwn = isRewrite(group, { program: 'flannel', reason: 'stale' });
    if (!isForeign && !isOwn) return undefined;
    const elements = isForeign
      ? filterElements(group, world)
      : rewriteElements(
          group,
          world,
          (element) => element.kind === 'filter-rule' && findOwner(element.rule) === 'flannel',
        );
    const nodes = joinNames(group.namespaces);
    return {
      code: 'masquerade-inside-pod-network',
      layer: 'netfilter',
      title: `${nodes} gives packets between pods another source address.`,
      explanation: `On ${nodes} the rule ${quoteFirst(elements)} translates the source of packets that stay inside the cluster. Who receives them takes them for the node's own, and what depends on the pod's address fails.`,
      subjects: group.namespaces,
      elements,
    };
  },
};

export function changesSource(text: string): boolean {
  return /-j (MASQUERADE|SNAT|NETMAP)\b|\bmasquerade\b|\bsnat\b/.test(text);
}
