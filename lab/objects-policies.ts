// The NetworkPolicies, as the API server would give them back.
import { metadataOf } from './recorded-world.ts';
import type { PlannedPolicy, PolicyPeer, PolicyRule } from './planned.ts';
import type { JsonObject, RecordedWorld } from './recorded-world.ts';

export function policyObjects(world: RecordedWorld): JsonObject[] {
  return world.plan.policies.map((policy) => ({
    apiVersion: 'networking.k8s.io/v1',
    kind: 'NetworkPolicy',
    metadata: metadataOf(
      world,
      { kind: 'NetworkPolicy', namespace: policy.namespace, name: policy.name },
      { generation: 1 },
    ),
    spec: {
      ...rulesOf(policy, 'egress', 'to'),
      ...rulesOf(policy, 'ingress', 'from'),
      podSelector: selectorOf(policy.selector),
      policyTypes: [
        ...(policy.ingress === undefined ? [] : ['Ingress']),
        ...(policy.egress === undefined ? [] : ['Egress']),
      ],
    },
  }));
}

/** No rules at all is no key: the direction alone denies everything. */
function rulesOf(policy: PlannedPolicy, direction: 'ingress' | 'egress', word: 'from' | 'to'): JsonObject {
  const rules = policy[direction] ?? [];
  return rules.length === 0
    ? {}
    : { [direction]: rules.map((rule) => ruleObject(rule, word, policy.namespace)) };
}

function ruleObject({ peers, ports }: PolicyRule, word: 'from' | 'to', namespace: string): JsonObject {
  return {
    ...(peers.length === 0 ? {} : { [word]: peers.map((peer) => peerObject(peer, namespace)) }),
    ...(ports.length === 0
      ? {}
      : { ports: ports.map(({ protocol, port }) => ({ port, protocol: protocol.toUpperCase() })) }),
  };
}

function peerObject(peer: PolicyPeer, namespace: string): JsonObject {
  if ('cidr' in peer) {
    const except =
      peer.except === undefined
        ? {}
        : { except: peer.except.map((one) => (one.includes('/') ? one : `${one}/32`)) };
    return { ipBlock: { cidr: peer.cidr, ...except } };
  }
  const pods = { podSelector: selectorOf(peer.labels) };
  if (peer.namespace === namespace) return pods;
  return { namespaceSelector: selectorOf({ 'kubernetes.io/metadata.name': peer.namespace }), ...pods };
}

function selectorOf(labels: Readonly<Record<string, string>>): JsonObject {
  return Object.keys(labels).length === 0 ? {} : { matchLabels: labels };
}
