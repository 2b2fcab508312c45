// What the workloads are configured with: the database's address in the application's Secret, the frontend's
// environment, CoreDNS's Corefile. Said once, because the programs are started with it and the objects record it.
import { clusterDomain } from './pod-files.ts';
import type { PlannedPod } from './planned.ts';

export const applicationSecretName = 'api-env';

/** The Service, by name. */
export const databaseAddress = {
  databaseHost: `postgres-service.swimto.svc.${clusterDomain}`,
  databasePort: 5432,
};

/** With the password as a bundle shows it: redacted. */
export const databaseUrl = `postgresql://swimto:«secret-1»@${databaseAddress.databaseHost}:${databaseAddress.databasePort}/swimto`;

export const frontendEnvironment = [
  { name: 'API_URL', value: `http://api.swimto.svc.${clusterDomain}:8000` },
] as const;

/** As k3s v1.36 ships it. */
export const corefile = `.:53 {
    errors
    health
    ready
    kubernetes ${clusterDomain} in-addr.arpa ip6.arpa {
      pods insecure
      fallthrough in-addr.arpa ip6.arpa
    }
    hosts /etc/coredns/NodeHosts {
      ttl 60
      reload 15s
      fallthrough
    }
    prometheus :9153
    cache 30
    loop
    reload
    loadbalance
    import /etc/coredns/custom/*.override
    forward . /etc/resolv.conf
}
import /etc/coredns/custom/*.server
`;

/** The kubelet's words for a container that it will not start yet. */
export function agentBackOffText(pod: PlannedPod, uid: string): string {
  return `back-off 10s restarting failed container=${pod.container} pod=${pod.name}_${pod.namespace}(${uid})`;
}
