// Where the signs of a datapath are looked for: a node's devices, routes and rules, its pods, and ConfigMaps of the cluster.
// What was not collected gives no sign, which is not the same as a sign that nothing is there.
import type { Evidence } from '../../fact/evidence.ts';
import { missing } from '../../fact/known.ts';
import type { Known, Missing } from '../../fact/known.ts';
import type { Json, KubeObject, PodFact } from '../../snapshot/cluster-facts.ts';
import type { Machine, Namespace, NamespaceId, Network } from '../network.ts';

/** A node as the signs are read from it. */
export interface NodeView {
  readonly network: Network;
  readonly machine: Machine;
  readonly root: Namespace;
}

export function viewNode(network: Network, machine: NamespaceId): NodeView | undefined {
  const found = network.machines.get(machine);
  const root = network.namespaces.get(machine);
  return found?.facts.kind !== 'node' || root === undefined ? undefined : { network, machine: found, root };
}

/** The first device with such a name; where the devices were not collected, the first route by one. */
export function findDevice({ root }: NodeView, name: RegExp): Evidence | undefined {
  const { links, routes } = root.facts;
  if (links.known) return links.value.find((link) => name.test(link.name))?.evidence;
  const rows = ([4, 6] as const).flatMap((family) => {
    const known = routes[family];
    return known.known ? known.value : [];
  });
  return rows.find((route) => route.nexthops.some((hop) => name.test(hop.link ?? '')))?.evidence;
}

/** Whether the devices were collected, so that one which is not listed is not there. */
export function knowsDevices({ root }: NodeView): boolean {
  return root.facts.links.known;
}

export function findPodOnNode(
  { network, machine }: NodeView,
  fits: (pod: PodFact) => boolean,
): PodFact | undefined {
  const { pods } = network.cluster;
  if (!pods.known) return undefined;
  return pods.value.find((pod) => pod.nodeName === machine.facts.name && fits(pod));
}

export interface Settings {
  readonly values: ReadonlyMap<string, string>;
  readonly evidence: Evidence;
}

/** A ConfigMap by its name; of several, the one in kube-system. */
export function readConfigMap(network: Network, name: string): Known<Settings | undefined> {
  const maps = network.cluster.resources.get('configmaps');
  if (maps === undefined) return missing('not-collected', 'cluster/resources/configmaps.json');
  if (!maps.known) return maps;
  const named = maps.value.filter((object) => object.name === name);
  const found = named.find((object) => object.namespace === 'kube-system') ?? named[0];
  const value = found === undefined ? undefined : settingsOf(found);
  return { known: true, value, evidence: found?.evidence ?? maps.evidence };
}

function settingsOf(object: KubeObject): Settings {
  const data = recordOf(object.raw['data']);
  const entries = Object.entries(data).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { values: new Map(entries), evidence: object.evidence };
}

export function recordOf(value: Json | undefined): { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as { readonly [key: string]: Json | undefined })
    : {};
}

/** Of a ConfigMap that was not collected, or that says nothing about it. */
export function missingSetting(network: Network, name: string, detail: string): Missing {
  const map = readConfigMap(network, name);
  return map.known
    ? missing('absent', map.evidence.path, detail)
    : { ...map, command: ['kubectl', '-n', 'kube-system', 'get', 'configmap', name, '-o', 'yaml'] };
}

/** Whether kube-proxy (or what stands in for it) wrote chains that translate Services; undefined where nobody knows. */
export function hasServiceChains({ root }: NodeView): boolean | undefined {
  const { filter } = root.facts;
  if (filter === undefined) return undefined;
  const dumps = [filter.byDefault[4], filter.legacy[4], filter.nft[4], filter.nftables];
  const tables = dumps.flatMap((dump) => (dump.known ? dump.value.tables : []));
  const isThere = tables.some((table) => {
    const isKubeProxys = table.name === 'kube-proxy';
    return [...table.chains.values()].some(
      (chain) =>
        chain.rules.length > 0 && (isKubeProxys || (table.name === 'nat' && chain.name === 'KUBE-SERVICES')),
    );
  });
  if (isThere) return true;
  return filter.byDefault[4].known && filter.nftables.known ? false : undefined;
}

/** `--name value` and `--name=value` of a program on the node, also where k3s hands it on (`--kube-proxy-arg name=value`). */
export function findArgument({ machine }: NodeView, name: string): string | undefined {
  const lines = [...machine.facts.commandLines.values()].flatMap((line) => (line.known ? [line.value] : []));
  for (const line of lines) {
    for (const [index, word] of line.entries()) {
      const bare = word.replace(/^--kube-proxy-arg=/, '').replace(/^--/, '');
      if (bare.startsWith(`${name}=`)) return bare.slice(name.length + 1);
      const next = line[index + 1];
      if (word === `--${name}` && next !== undefined) return next;
    }
  }
  return undefined;
}
