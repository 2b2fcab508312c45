// What a lab will be made of, before anything is made: the shapes that planning, building and describing share.
export type ProxyMode = 'iptables' | 'nftables';

export interface LabOptions {
  readonly name: string;
  readonly nodeCount: number;
  readonly clusterCidr: string;
  readonly serviceCidr: string;
  /** What the nodes' kube-proxy writes. */
  readonly proxy: ProxyMode;
  readonly faults: readonly string[];
}

export interface PlannedNode {
  readonly name: string;
  /** From 1. The first one runs the API server. */
  readonly index: number;
  readonly lanAddress: string;
  readonly podCidr: string;
  /** cni0's address: the default gateway of the node's pods. */
  readonly podGateway: string;
  /** flannel.1's address: the first of the pod CIDR. */
  readonly vtepAddress: string;
  readonly vtepMac: string;
  /** What flannel announces to the other nodes and binds its VXLAN device to; a fault may make it another than the LAN's. */
  readonly flannel: {
    readonly device: string;
    readonly publicIp: string;
    /** False: flanneld runs with --iptables-forward-rules=false. */
    readonly acceptsForwarded?: boolean;
  };
  /** A second network card, where a fault gave the node one. */
  readonly secondLan?: { readonly device: string; readonly address: string; readonly length: number };
}

/** A machine on the LAN that is no node. It is a subnet router in the tailnet. */
export interface PlannedHost {
  readonly name: string;
  readonly lanAddress: string;
}

export type PodProgram = 'web' | 'database' | 'dns' | 'api';

export interface PlannedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: 'tcp' | 'udp';
}

export interface PlannedPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: string;
  readonly address: string;
  readonly program: PodProgram;
  /** The workload that owns it; `Pod` for one that nobody owns. */
  readonly owner: {
    readonly kind: 'Deployment' | 'StatefulSet' | 'Pod';
    readonly name: string;
    readonly hash: string;
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly image: string;
  /** The container's name. */
  readonly container: string;
  readonly ports: readonly PlannedPort[];
  /** Asked by the kubelet from the pod's node; a pod without it is ready while its program listens. */
  readonly readiness?: { readonly port: number; readonly path: string };
}

export interface PlannedService {
  readonly namespace: string;
  readonly name: string;
  /** `None` for a headless one. */
  readonly clusterIp: string;
  /** Undefined for `default/kubernetes`, whose endpoint is the API server on the first node. */
  readonly selector?: Readonly<Record<string, string>>;
  readonly ports: readonly PlannedServicePort[];
  readonly externalIps?: readonly string[];
  /** Of traffic from outside the cluster; undefined where nothing is reachable from there. */
  readonly externalPolicy?: 'Cluster' | 'Local';
  /** Undefined: no session affinity. */
  readonly affinitySeconds?: number;
}

export interface PlannedServicePort extends PlannedPort {
  readonly targetPort: number;
  readonly nodePort?: number;
}

/** Who may send or be sent to: pods of a namespace by their labels, or addresses. */
export type PolicyPeer =
  | { readonly namespace: string; readonly labels: Readonly<Record<string, string>> }
  | { readonly cidr: string; readonly except?: readonly string[] };

/** Peers and ports are alternatives each; an empty list is everybody, or every port. */
export interface PolicyRule {
  readonly peers: readonly PolicyPeer[];
  readonly ports: readonly { readonly protocol: 'tcp' | 'udp'; readonly port: number }[];
}

export interface PlannedPolicy {
  readonly namespace: string;
  readonly name: string;
  /** The pods that it is about; no labels are all pods of the namespace. */
  readonly selector: Readonly<Record<string, string>>;
  /** Undefined: it does not restrict this direction. */
  readonly ingress?: readonly PolicyRule[];
  readonly egress?: readonly PolicyRule[];
}

/** Something that the cluster's machines and pods talk to and that is none of them. */
export interface PlannedOutsider {
  readonly name: string;
  readonly ip: string;
  readonly port: number;
  readonly proto: 'tcp' | 'udp' | 'http';
}

export interface PlannedMember {
  readonly machine: string;
  readonly acceptRoutes: boolean;
  readonly advertiseRoutes: readonly string[];
}

export interface LabPlan {
  readonly options: LabOptions;
  readonly lan: { readonly prefix: string; readonly length: number; readonly gateway: string };
  readonly nodes: readonly PlannedNode[];
  readonly hosts: readonly PlannedHost[];
  readonly pods: readonly PlannedPod[];
  readonly services: readonly PlannedService[];
  readonly tailnet: readonly PlannedMember[];
  readonly policies: readonly PlannedPolicy[];
  /** False: k3s runs with --disable-network-policy, and there are no KUBE-ROUTER chains. */
  readonly hasPolicyController: boolean;
  /** Nodes whose kube-proxy hangs: it wrote its rules and follows nothing any more. */
  readonly hangingProxies: readonly string[];
  readonly outsiders: readonly PlannedOutsider[];
  /** Of the pods' cards and cni0. */
  readonly podMtu: number;
}
