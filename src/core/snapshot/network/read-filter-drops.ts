// What in a machine's packet filter could drop or refuse the cluster's packets, found without evaluating it: policies of
// base chains, and rules that drop, in `iptables-save` dumps. In: one dump. Out: those, as written.
// Chains of writers that refuse only what they should (kube-proxy, flannel, tailscaled, port mapping, k3s's network policy
// controller) are left out, for theirs are the chains that the model assumes; so are rules for one port that no cluster
// traffic uses (a ban on port 22 is no doubt about pods).
import type { BundleFile } from '../bundle-file.ts';
import type { FilterDropFact } from '../namespace-facts.ts';
import { understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';

const knownWriters = /^(KUBE-|FLANNEL-|ts-|CNI-)/;
const pathChains = /^(INPUT|FORWARD|OUTPUT|PREROUTING)$/;
const pathTables: readonly string[] = ['filter', 'mangle', 'raw'];
/** DNS, the API server, flannel's VXLAN (8472, 4789), etcd, the kubelet. */
const clusterPorts = /^(53|443|2379|2380|4789|6443|8472|9345|10250)$/;

export function readFilterDrops(file: BundleFile): Reading<readonly FilterDropFact[]> {
  const drops: FilterDropFact[] = [];
  let table = '';
  for (const [index, line] of file.text().split('\n').entries()) {
    if (line.startsWith('*')) table = line.slice(1).trim();
    const found = pathTables.includes(table) ? readDrop(line) : undefined;
    if (found === undefined) continue;
    drops.push({ ...found, evidence: { path: file.path, at: `L${index + 1}`, quote: found.text } });
  }
  return understood(drops);
}

function readDrop(line: string): Omit<FilterDropFact, 'evidence'> | undefined {
  const policy = /^:(\S+) (?:DROP|REJECT)\b/.exec(line)?.[1];
  if (policy !== undefined)
    return pathChains.test(policy) ? { chain: policy, text: `${policy} policy DROP` } : undefined;
  const text = line.replace(/^\[\d+:\d+\] /, '').trim();
  const chain = /^-A (\S+) .*-j (?:DROP|REJECT)\b/.exec(text)?.[1];
  if (chain === undefined || knownWriters.test(chain)) return undefined;
  const port = /--dport (\d+)\b/.exec(text)?.[1];
  return port === undefined || clusterPorts.test(port) ? { chain, text } : undefined;
}
