// Whose NetworkPolicy a rule of a policy engine speaks for. In: the change that would remove the rule. Out: the policies (as
// references), the pod whose traffic it judges, and in which direction. kube-router (k3s) says pod and policy in the
// comments of its chains; for other engines the objects say which policies select the pod.
import { findChain } from './observe-filter.ts';
import { selectsPod } from './select-pod.ts';
import type { World } from './world.ts';
import type { Change } from '../snapshot/change.ts';
import { resourceOf } from '../snapshot/cluster-facts.ts';
import type { PodFact } from '../snapshot/cluster-facts.ts';
import { textOfRule } from '../snapshot/format-filter.ts';

type RemoveRule = Extract<Change, { kind: 'remove-filter-rule' }>;

export interface PolicyVerdict {
  /** `networkpolicy/NS/NAME`, in name order; empty where nobody can say. */
  readonly policies: readonly string[];
  /** `pod/NS/NAME`. */
  readonly pod?: string;
}

export function describePolicyVerdict(world: World, change: RemoveRule): PolicyVerdict {
  const own = readChain(world, change);
  const pod = own.pod === undefined ? undefined : findPod(world, own.pod);
  const named = own.policies.map((name) => `networkpolicy/${own.pod?.namespace ?? ''}/${name}`);
  const policies = named.length > 0 ? named : listSelecting(world, pod);
  const subject = own.pod === undefined ? {} : { pod: `pod/${own.pod.namespace}/${own.pod.name}` };
  return { policies: [...new Set(policies)].sort(), ...subject };
}

interface PodName {
  readonly namespace: string;
  readonly name: string;
}

interface ChainWords {
  readonly pod?: PodName;
  readonly policies: readonly string[];
}

/** The comments of kube-router 2.6 (pkg/controllers/netpol/pod.go), as the chain of one pod has them. */
function readChain(world: World, change: RemoveRule): ChainWords {
  const filter = world.network.namespaces.get(change.namespace)?.facts.filter;
  const rules = findChain(filter, change.rule)?.rules.map(textOfRule) ?? [];
  const said = [change.rule.text, ...rules].join('\n');
  const pod = /POD name:\s*(\S+?) namespace:\s*([\w.-]+)/.exec(said);
  const policies = [...said.matchAll(/run through nw policy ([\w.-]+)/g)].map((match) => match[1] ?? '');
  return {
    policies,
    ...(pod === null ? {} : { pod: { name: pod[1] ?? '', namespace: pod[2] ?? '' } }),
  };
}

function findPod(world: World, wanted: PodName): PodFact | undefined {
  const { pods } = world.network.cluster;
  return pods.known
    ? pods.value.find((pod) => pod.name === wanted.name && pod.namespace === wanted.namespace)
    : undefined;
}

/** The policies whose selector takes the pod, where the objects were collected. */
function listSelecting(world: World, pod: PodFact | undefined): readonly string[] {
  const known = resourceOf(world.network.cluster, 'networkpolicies.networking.k8s.io');
  if (pod === undefined || !known.known) return [];
  return known.value
    .filter((policy) => selectsPod(policy, pod))
    .map((policy) => `networkpolicy/${policy.namespace ?? ''}/${policy.name}`);
}
