// Symptom  A pod's connections are refused or time out, to one port or to all, while other pods get through.
// Cause    A NetworkPolicy selects the pod and does not allow what it is configured to use.
// Known by Removing the policy engine's refusing rule (and nothing else) makes the failing flows arrive.
// Repair   Allow it in the policy, in the direction and for the port that is refused.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { describePolicyVerdict } from '../policy-verdict.ts';
import { listDroppedPackets } from '../dropped-packets.ts';
import type { DroppedPacket } from '../dropped-packets.ts';
import { filterElements, listRemovedRules, reasonOf } from './filter-changes.ts';

export const networkPolicyBlocks: CatalogueEntry = {
  text: {
    code: 'networkpolicy-blocks',
    layer: 'kube-object',
    title: 'A NetworkPolicy refuses what a pod is configured to use',
    meaning:
      'A pod that any policy selects for a direction may do in that direction only what the policies together allow. An egress policy without port 53 to the cluster’s DNS leaves a pod without names; an ingress policy without the client’s labels refuses it. kube-router (k3s) answers such packets with port unreachable, which a program reports as connection refused; other engines drop them.',
    howProved:
      'The failing flows end at a rule that the policy engine wrote for the pod, and taking that rule away alone makes them arrive on the model. Flows that a policy refuses and nothing is configured to use are not counted as failing.',
    byHand: [
      'Which policies select the pod, and what do they allow?',
      '$ kubectl get networkpolicy -n NAMESPACE -o yaml',
      '$ kubectl get pod -n NAMESPACE POD --show-labels',
      'On the pod’s node, the rules that speak for it (kube-router):',
      '$ iptables -nvL | grep -A12 KUBE-POD-FW',
      'Allow it, for example names for every pod of the namespace: egress to namespace kube-system, UDP and TCP port 53.',
    ],
    sources: [
      'Kubernetes documentation, Network Policies (isolation by direction; policies add up)',
      'k3s-io/kube-router 2.6.3-k3s1, pkg/controllers/netpol/pod.go (REJECT where no policy marked the packet)',
    ],
  },
  name: (group, world) => {
    const rules = listRemovedRules(group);
    if (reasonOf(group) !== 'remove-policy-verdict' || rules.length === 0) return undefined;
    const verdicts = rules.map((rule) => describePolicyVerdict(world, rule));
    const policies = [...new Set(verdicts.flatMap((verdict) => verdict.policies))].sort();
    const pods = [...new Set(verdicts.flatMap((verdict) => verdict.pod ?? []))].sort();
    const subjects = policies.length > 0 ? policies : pods.length > 0 ? pods : group.namespaces;
    const what = describePackets(listDroppedPackets(group));
    const names = joinWords(policies.map((policy) => policy.replace('networkpolicy/', '')));
    const who = pods.length === 0 ? 'pods' : joinNames(pods);
    const subject = policies.length === 0 ? 'The default of its policies' : `NetworkPolicy ${names}`;
    return {
      code: 'networkpolicy-blocks',
      layer: 'kube-object',
      title: `${subject} refuses ${what} of ${who}.`,
      explanation: `${who} may do only what the policies that select it allow, and ${what} is not among it. The rule that refuses it stands on ${joinNames(group.namespaces)}; the policy engine wrote it for the policy.`,
      subjects,
      elements: filterElements(group, world),
    };
  },
};

/** `udp port 53`, `tcp port 443 and icmp`. */
function describePackets(packets: readonly DroppedPacket[]): string {
  const words = packets.map(({ packet }) =>
    packet.protocol === 'icmp' ? 'icmp' : `${packet.protocol} port ${packet.destinationPort}`,
  );
  return words.length === 0 ? 'the traffic' : joinWords(words);
}
