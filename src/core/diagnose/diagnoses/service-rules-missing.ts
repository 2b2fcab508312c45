// Symptom  Service addresses do not answer on one node, names do not resolve there; pod addresses work.
// Cause    kube-proxy's chains are gone from the node, or never came: flushed by a firewall's reload, or kube-proxy is dead.
// Known by Having kube-proxy's chains as the objects say (and nothing else) makes the failing flows arrive.
// Repair   Restart kube-proxy (on k3s: the service); keep the firewall from flushing what is not its own.
import { joinNames, joinWords } from '../name-cause.ts';
import type { CatalogueEntry } from '../name-cause.ts';
import { isRewrite, listElements, rewriteElements } from './rewritten-program.ts';

export const serviceRulesMissing: CatalogueEntry = {
  text: {
    code: 'service-rules-missing',
    layer: 'netfilter',
    title: 'A node does not translate Service addresses',
    meaning:
      'A Service address exists only in the rules that kube-proxy writes on every node. Where they are missing, packets for it are routed like any others and lost. A reload of firewalld or an iptables script flushes them; kube-proxy writes its chains again within its sync period (at most an hour where nothing changes), and not at all while it does not run.',
    howProved:
      'The cluster’s objects have the Service and its endpoints, no chain of the node translates its address, and chains as kube-proxy would write them make the failing flows arrive on the model, both ways.',
    byHand: [
      'Are there any, and is kube-proxy (k3s: the service itself) running?',
      '$ iptables-save -t nat | grep -c KUBE-SVC',
      '$ nft list table ip kube-proxy',
      '$ cat /proc/net/ip_vs   # in IPVS mode',
      '$ systemctl status k3s k3s-agent',
      'Have them written again:',
      '$ systemctl restart k3s-agent',
      'If it was firewalld’s reload: firewalld 0.9 and newer flushes foreign rules no more with FlushAllOnReload=no in firewalld.conf.',
    ],
    sources: [
      'kubernetes 1.36, pkg/proxy/iptables/proxier.go (syncProxyRules, canary chains)',
      'firewalld.conf(5), FlushAllOnReload; k3s-io/k3s#7542',
    ],
  },
  name: (group, world) => {
    if (!isRewrite(group, { program: 'kube-proxy', reason: 'missing' })) return undefined;
    const absent = listElements(group).flatMap((element) =>
      element.kind === 'absence' && element.of === 'service-rule' ? [element.address ?? ''] : [],
    );
    const nodes = joinNames(group.namespaces);
    const addresses = joinWords([...new Set(absent)].slice(0, 4));
    return {
      code: 'service-rules-missing',
      layer: 'netfilter',
      title: `${nodes} does not translate Service addresses${addresses === '' ? '' : ` (${addresses})`}.`,
      explanation: `The cluster has the Services, but no chain on ${nodes} translates their addresses. Packets for them are routed like any others and lost. kube-proxy's chains were removed there, or kube-proxy does not write them.`,
      subjects: group.namespaces,
      elements: rewriteElements(
        group,
        world,
        (element) => element.kind === 'absence' && element.of === 'service-rule',
      ),
    };
  },
};
