// The candidate where a node refuses from outside what only other nodes serve: a Service with externalTrafficPolicy Local and
// no endpoint here. In: the rule of kube-proxy that dropped. Out: the rules that it would have written had the Service the
// policy Cluster. Names: kubernetes 1.36, pkg/proxy/iptables/proxier.go (KUBE-EXT and KUBE-SVC share their suffix).
import type { Candidate } from './candidate.ts';
import { listDumps } from './observe-filter.ts';
import type { Network } from '../model/network.ts';
import type { Change } from '../snapshot/change.ts';
import { textOfRule } from '../snapshot/format-filter.ts';
import type { FilterRulePlace } from '../snapshot/filter-place.ts';
import type { Element } from '../trace/flow.ts';

/** `NAMESPACE/NAME[:PORT] has no local endpoints`. */
const noLocalEndpoints = /"([^\s/"]+)\/([^\s:"]+)\S* has no local endpoints"/;

/** `service/NAMESPACE/NAME` of a rule that drops for want of a local endpoint. */
export function findLocalService(text: string): string | undefined {
  const found = noLocalEndpoints.exec(text);
  return found === null ? undefined : `service/${found[1] ?? ''}/${found[2] ?? ''}`;
}

export function proposeClusterPolicy(
  network: Network,
  { namespace, rule }: Extract<Element, { kind: 'filter-rule' }>,
): readonly Candidate[] {
  const service = findLocalService(rule.text);
  const entry = service === undefined ? undefined : findEntryChain(network, namespace, rule);
  if (service === undefined || entry === undefined) return [];
  const chain = { ...entry, table: 'nat' };
  const insert = (text: string): Change => ({ kind: 'insert-filter-rule', namespace, chain, text });
  const target = chain.chain.replace('KUBE-EXT-', 'KUBE-SVC-');
  return [
    {
      key: `cluster-policy ${namespace} ${service}`,
      family: `cluster-policy ${service}`,
      rank: 10,
      changes: [
        { kind: 'remove-filter-rule', namespace, rule },
        insert(`-j ${target}`),
        insert('-j KUBE-MARK-MASQ'),
      ],
    },
  ];
}

type EntryChain = Omit<FilterRulePlace, 'at' | 'text' | 'handle' | 'table'>;

/** The chain by which the Service's traffic from outside is translated, in the same dump. */
function findEntryChain(network: Network, namespace: string, rule: FilterRulePlace): EntryChain | undefined {
  const port = /--dport (\d+)/.exec(rule.text)?.[1] ?? '';
  const filter = network.namespaces.get(namespace)?.facts.filter;
  const dump = listDumps(filter).find((one) => one.path === rule.path);
  const nat = dump?.tables.find((table) => table.name === 'nat' && table.family === rule.family);
  const entries = ['KUBE-NODEPORTS', 'KUBE-SERVICES'].flatMap((name) => nat?.chains.get(name)?.rules ?? []);
  const found = entries.map(textOfRule).find((text) => {
    const isAddressed = rule.text.includes('-d ') ? text.includes(/-d \S+/.exec(rule.text)?.[0] ?? '') : true;
    return isAddressed && text.includes(`--dport ${port} `) && text.includes('-j KUBE-EXT-');
  });
  const chain = /-j (KUBE-EXT-\S+)/.exec(found ?? '')?.[1];
  if (chain === undefined) return undefined;
  return { path: rule.path, origin: rule.origin, family: rule.family, chain };
}
