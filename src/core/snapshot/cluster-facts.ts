// What the Kubernetes API said: every object raw (unknown fields survive), with typed projections of the kinds that
// waylaid follows.
import type { Json } from './json.ts';
import type { Evidence } from '../fact/evidence.ts';
import { missing } from '../fact/known.ts';
import type { Known } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import type { LogLine } from './machine-facts.ts';

export type { Json } from './json.ts';

export interface KubeObject {
  readonly evidence: Evidence;
  readonly kind: string;
  readonly namespace?: string;
  readonly name: string;
  readonly raw: { readonly [key: string]: Json | undefined };
}

export interface ClusterFacts {
  readonly name?: string;
  /** gitVersion of the API server. */
  readonly version: Known<string>;
  /** By `plural` or `plural.group`, as in the bundle's file names. Only collected ones are listed; use `resourceOf`. */
  readonly resources: ReadonlyMap<string, Known<readonly KubeObject[]>>;
  readonly nodes: Known<readonly NodeFact[]>;
  readonly pods: Known<readonly PodFact[]>;
  readonly services: Known<readonly ServiceFact[]>;
  /** From EndpointSlices, or Endpoints where those are all there is. */
  readonly endpoints: Known<readonly EndpointsFact[]>;
  readonly logs: readonly ContainerLog[];
}

export interface NodeFact {
  readonly evidence: Evidence;
  readonly name: string;
  readonly podCidrs: readonly Prefix[];
  readonly internalIps: readonly Address[];
  readonly externalIps: readonly Address[];
  readonly isReady?: boolean;
  readonly annotations: ReadonlyMap<string, string>;
  readonly labels: ReadonlyMap<string, string>;
  readonly flannel?: FlannelLease;
  readonly kubeletVersion?: string;
}

/** What flannel's annotations on a Node tell the other nodes (flannel 0.28, pkg/subnet/kube). */
export interface FlannelLease {
  readonly backendType: string;
  readonly publicIp?: Address;
  readonly vtepMac?: string;
  readonly vni?: number;
  readonly publicIpv6?: Address;
  /** Of the device `flannel-v6.VNI`. */
  readonly vtepMacV6?: string;
}

export interface PodFact {
  readonly evidence: Evidence;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
  readonly nodeName?: string;
  readonly isHostNetwork: boolean;
  readonly ips: readonly Address[];
  /** Pending, Running, Succeeded, Failed, Unknown. */
  readonly phase?: string;
  readonly isReady?: boolean;
  readonly isTerminating: boolean;
  readonly labels: ReadonlyMap<string, string>;
  readonly containers: readonly ContainerFact[];
  readonly dnsPolicy?: string;
  /** kind and name of the controlling owner. */
  readonly owner?: { readonly kind: string; readonly name: string };
}

export interface ContainerFact {
  readonly name: string;
  readonly isInit: boolean;
  readonly isReady: boolean;
  readonly restartCount: number;
  readonly ports: readonly {
    readonly name?: string;
    readonly port: number;
    readonly protocol: 'tcp' | 'udp' | 'sctp';
  }[];
  readonly waitingReason?: string;
  readonly waitingMessage?: string;
  readonly lastTermination?: ContainerTermination;
  readonly isRunning: boolean;
}

export interface ContainerTermination {
  readonly reason?: string;
  readonly exitCode?: number;
  readonly message?: string;
  readonly finishedAt?: string;
}

export interface ServiceFact {
  readonly evidence: Evidence;
  readonly namespace: string;
  readonly name: string;
  readonly type: string;
  /** Empty for headless and ExternalName Services. */
  readonly clusterIps: readonly Address[];
  readonly isHeadless: boolean;
  readonly externalIps: readonly Address[];
  readonly selector: ReadonlyMap<string, string>;
  readonly ports: readonly ServicePort[];
  readonly externalTrafficPolicy?: string;
  readonly internalTrafficPolicy?: string;
}

export interface ServicePort {
  readonly name?: string;
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly port: number;
  readonly targetPort?: string;
  readonly nodePort?: number;
}

export interface EndpointsFact {
  readonly evidence: Evidence;
  readonly namespace: string;
  readonly serviceName: string;
  readonly ports: readonly {
    readonly name?: string;
    readonly protocol: 'tcp' | 'udp' | 'sctp';
    readonly port: number;
  }[];
  readonly endpoints: readonly EndpointFact[];
}

export interface EndpointFact {
  readonly addresses: readonly Address[];
  /** A missing condition counts as true (discovery/v1). */
  readonly isReady: boolean;
  /** Still answers, though it may be terminating; absent where the slice does not say. */
  readonly isServing?: boolean;
  readonly isTerminating: boolean;
  readonly nodeName?: string;
  readonly targetPod?: string;
}

export interface ContainerLog {
  readonly path: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly isPrevious: boolean;
  readonly lines: Known<readonly LogLine[]>;
}

/** The objects of a kind by its name in the bundle (`ingressroutes.traefik.io`); not collected where it is not listed. */
export function resourceOf(
  cluster: Pick<ClusterFacts, 'resources'>,
  name: string,
): Known<readonly KubeObject[]> {
  return cluster.resources.get(name) ?? missing('not-collected', `cluster/resources/${name}.json`);
}
