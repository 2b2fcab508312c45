// What tells pods apart for a NetworkPolicy: which policies select them, and in which of the policy engine's sets of
// addresses they are. In: the network. Out: a key for each pod; pods with the same key are treated alike by every policy
// that names them by labels. Sets: kube-router 2.6 (one of pods for each side of a rule); Calico keeps its own likewise.
import type { Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';
import { resourceOf } from '../snapshot/cluster-facts.ts';
import type { PodFact } from '../snapshot/cluster-facts.ts';
import { selectsPod } from './select-pod.ts';

export function indexPolicyKeys(network: Network): (pod: PodFact) => string {
  const sets = indexSets(network);
  const known = resourceOf(network.cluster, 'networkpolicies.networking.k8s.io');
  const policies = known.known ? known.value : [];
  return (pod) => {
    const selecting = policies
      .filter((policy) => selectsPod(policy, pod))
      .map((policy) => `${policy.namespace ?? ''}/${policy.name}`);
    const members = pod.ips.flatMap((ip) => [...(sets.get(ip) ?? [])]);
    return [...selecting, ...members].sort().join(' ');
  };
}

/** The names of sets of single addresses, by member. */
function indexSets(network: Network): ReadonlyMap<Address, ReadonlySet<string>> {
  const found = new Map<Address, Set<string>>();
  for (const id of network.machines.keys()) {
    const ipsets = network.namespaces.get(id)?.facts.filter?.ipsets;
    for (const set of ipsets?.known === true ? ipsets.value.values() : []) {
      if (set.type !== 'hash:ip') continue;
      for (const { text } of set.members) {
        const names = found.get(text as Address) ?? new Set<string>();
        found.set(text as Address, names.add(set.name));
      }
    }
  }
  return found;
}
