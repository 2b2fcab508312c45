// The addresses behind a Service's name, as a pod would write it: `postgres`, `postgres.swimto`,
// `postgres.swimto.svc`, `postgres.swimto.svc.cluster.local`. Names outside the cluster give nothing.
import type { Network } from '../../model/network.ts';
import type { Address } from '../../net/address.ts';

export function resolveClusterName(network: Network, from: string, name: string): readonly Address[] {
  const ownNamespace = from.split('/')[1] ?? '';
  const suffix = `.svc.${network.clusterNetwork.domain}`;
  const plain = name.replace(/\.$/, '');
  const short = plain.endsWith(suffix) ? plain.slice(0, -suffix.length) : plain.replace(/\.svc$/, '');
  const labels = short.split('.');
  if (labels.length > 2) return [];
  const [service, namespace = ownNamespace] = labels;
  const services = network.cluster.services.known ? network.cluster.services.value : [];
  return (
    services.find((candidate) => candidate.name === service && candidate.namespace === namespace)
      ?.clusterIps ?? []
  );
}
