// Which namespace belongs to which Pod. In: the Pods and the machines' namespaces. Out: one namespace per pod on the pod
// network: the collected one (by name, or by the address it holds), else one assumed from the CNI's convention.
import type { Note } from '../../fact/note.ts';
import type { Address } from '../../net/address.ts';
import type { PodFact } from '../../snapshot/cluster-facts.ts';
import type { MachineFacts } from '../../snapshot/machine-facts.ts';
import type { NamespaceFacts } from '../../snapshot/namespace-facts.ts';
import { isOnPodNetwork } from '../pod-network.ts';
import { buildNamespace } from '../host/build-namespace.ts';
import type { Namespace } from '../network.ts';
import { assumeNamespaceFacts, findAttachment, findEndpoint } from './assume-namespace.ts';
import type { Attachment } from './assume-namespace.ts';

export interface FoundPods {
  readonly namespaces: readonly Namespace[];
  /** Assumed pods and where they hang: by namespace id. */
  readonly attachments: ReadonlyMap<string, Attachment>;
  readonly notes: readonly Note[];
}

export function findPodNamespaces(
  machine: MachineFacts,
  root: Namespace,
  pods: readonly PodFact[],
): FoundPods {
  const namespaces: Namespace[] = [];
  const attachments = new Map<string, Attachment>();
  const notes: Note[] = [];
  const taken = new Set<NamespaceFacts>();
  for (const pod of pods.filter(isOnPodNetwork)) {
    const id = `pod/${pod.namespace}/${pod.name}`;
    const collected = machine.pods.get(`${pod.namespace}/${pod.name}`) ?? findByAddress(machine, pod.ips);
    if (collected !== undefined && hasNetwork(collected)) {
      taken.add(collected);
      namespaces.push(buildNamespace(collected, { id, machine: root.id, isAssumed: false }));
      continue;
    }
    const way = attach(machine, root, pod.ips);
    if (way.size === 0) {
      notes.push({
        code: 'dangling-reference',
        path: pod.evidence.path,
        text: `Pod ${pod.namespace}/${pod.name} (${pod.ips.join(', ')}): nothing on ${machine.name} leads to its address, and its own namespace was not collected.`,
      });
      continue;
    }
    attachments.set(id, [...way.values()][0] as Attachment);
    namespaces.push(buildNamespace(assumeOnce(pod, way, machine), { id, machine: root.id, isAssumed: true }));
  }
  for (const [name, facts] of machine.pods) {
    if (taken.has(facts) || pods.some((pod) => `${pod.namespace}/${pod.name}` === name)) continue;
    if (hasNetwork(facts))
      namespaces.push(buildNamespace(facts, { id: `pod/${name}`, machine: root.id, isAssumed: false }));
  }
  return { namespaces, attachments, notes };
}

/** A pod's folder may hold nothing but a log; that is not a namespace. */
function hasNetwork(facts: NamespaceFacts): boolean {
  return facts.addresses.known || facts.routes[4].known || facts.routes[6].known;
}

function findByAddress(machine: MachineFacts, ips: readonly Address[]): NamespaceFacts | undefined {
  for (const facts of machine.unnamedNamespaces.values()) {
    if (facts.addresses.known && facts.addresses.value.some((fact) => ips.includes(fact.address)))
      return facts;
  }
  return undefined;
}

function attach(
  machine: MachineFacts,
  root: Namespace,
  ips: readonly Address[],
): ReadonlyMap<Address, Attachment> {
  const found = new Map<Address, Attachment>();
  for (const address of ips) {
    const way = findAttachment(root, address) ?? findEndpoint(machine, root, address);
    if (way !== undefined) found.set(address, way);
  }
  return found;
}

interface Assumed {
  readonly key: string;
  readonly facts: NamespaceFacts;
}

/** The same Pod with the same attachment gives the same facts object, so that what is built on it is built once. */
const assumed = new WeakMap<PodFact, Assumed>();

function assumeOnce(
  pod: PodFact,
  way: ReadonlyMap<Address, Attachment>,
  machine: MachineFacts,
): NamespaceFacts {
  const key = JSON.stringify([machine.name, ...way]);
  const known = assumed.get(pod);
  if (known?.key === key) return known.facts;
  const path = `nodes/${machine.name}/pods/${pod.namespace}_${pod.name}`;
  const facts = assumeNamespaceFacts(pod, way, path);
  assumed.set(pod, { key, facts });
  return facts;
}
