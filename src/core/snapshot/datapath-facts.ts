// What was observed of datapaths that the kernel's tables and chains do not show: IPVS, and Cilium's eBPF maps as its
// agent prints them. Rows keep the place they were read from; which of them decide a packet, the model says.
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';

export type TransportName = 'tcp' | 'udp' | 'sctp';

/** How IPVS hands a packet to a real server. kube-proxy only ever uses `masquerade` (NAT). */
export type IpvsForwarding = 'masquerade' | 'direct' | 'tunnel';

export interface IpvsRealServer {
  readonly evidence: Evidence;
  readonly address: Address;
  readonly port: number;
  readonly forwarding: IpvsForwarding;
  /** 0: it keeps its connections and gets no new ones. */
  readonly weight: number;
}

export interface IpvsVirtualServer {
  readonly evidence: Evidence;
  readonly protocol: TransportName;
  readonly address: Address;
  /** 0 for every port. */
  readonly port: number;
  readonly scheduler: string;
  readonly isPersistent: boolean;
  readonly realServers: readonly IpvsRealServer[];
}

export interface IpvsTable {
  readonly virtualServers: readonly IpvsVirtualServer[];
  /** Virtual servers that take packets by their firewall mark; they are not followed. */
  readonly marks: readonly { readonly evidence: Evidence; readonly mark: number }[];
}

export type CiliumBackendState = 'active' | 'terminating' | 'quarantined' | 'maintenance';

export interface CiliumBackend {
  readonly address: Address;
  readonly port: number;
  /** Absent in the list of the eBPF map, which does not print it. */
  readonly state?: CiliumBackendState;
}

/** One frontend: an address, protocol and port, with everything that a packet to it may be sent to. */
export interface CiliumFrontend {
  readonly evidence: Evidence;
  readonly address: Address;
  /** Absent where the agent prints none (Cilium before 1.16 without protocol differentiation): any of them. */
  readonly protocol?: TransportName;
  /** 0: the entry that takes what no port of the address takes. */
  readonly port: number;
  /** Of a Service with two traffic policies: the entry for what comes from inside the cluster. */
  readonly isInternalScope: boolean;
  /** ClusterIP, NodePort, LoadBalancer, ExternalIPs, HostPort, LocalRedirect. */
  readonly type?: string;
  /** As printed in the brackets: non-routable, Local, InternalLocal, l7-load-balancer, dsr… */
  readonly flags: readonly string[];
  readonly backends: readonly CiliumBackend[];
  /** Numbers of backends that a slot names and the map of backends does not hold. */
  readonly lostBackends: readonly number[];
}

export type PolicyEnforcement = 'none' | 'ingress' | 'egress' | 'both';

/** One of a node's endpoints: a pod, the node itself (reserved:host), or the health check's (reserved:health). */
export interface CiliumEndpoint {
  readonly evidence: Evidence;
  readonly id: number;
  readonly identity?: number;
  /** `namespace/pod`. */
  readonly pod?: string;
  readonly addresses: readonly Address[];
  /** The device on the node. */
  readonly link?: string;
  /** ready, regenerating, waiting-for-identity, disconnected… */
  readonly state?: string;
  /** Which directions policy is enforced in, as the datapath has it. */
  readonly enforcement?: PolicyEnforcement;
}

/** One entry of an endpoint's policy map. */
export interface CiliumPolicyEntry {
  readonly evidence: Evidence;
  /** 0 for any identity. */
  readonly identity: number;
  readonly direction: 'ingress' | 'egress';
  /** IP protocol number; 0 for any. */
  readonly protocol: number;
  /** Whole ranges are prefixes of the port's bits; from 0 to 65535 for any. */
  readonly ports: { readonly from: number; readonly to: number };
  readonly isDeny: boolean;
  /** The proxy that takes what matches; 0 for none. */
  readonly proxyPort: number;
}

export interface CiliumPolicyMap {
  readonly endpoint: number;
  readonly entries: readonly CiliumPolicyEntry[];
}

/** One entry of the map from addresses to identities. */
export interface CiliumIpcacheEntry {
  readonly evidence: Evidence;
  readonly prefix: Prefix;
  readonly identity: number;
  /** The node that the tunnel leads to; absent where there is none. */
  readonly tunnelEndpoint?: Address;
  readonly isTunnelSkipped: boolean;
}

/** What the agent says about its own configuration (`cilium-dbg status -o json`). */
export interface CiliumStatus {
  readonly version?: string;
  readonly isKubeProxyReplaced?: boolean;
  /** connect() is translated: for everybody, or for programs in the node's own namespace alone. */
  readonly socketBalancing?: 'off' | 'everywhere' | 'host-only';
  /** Devices that carry its program for NodePorts. */
  readonly devices?: readonly string[];
}

export interface CiliumFacts {
  readonly status: Known<CiliumStatus>;
  /** Of the eBPF map itself, and of the agent's own list, which knows the backends' states. */
  readonly balancing: Known<readonly CiliumFrontend[]>;
  readonly services: Known<readonly CiliumFrontend[]>;
  readonly endpoints: Known<readonly CiliumEndpoint[]>;
  readonly policies: Known<readonly CiliumPolicyMap[]>;
  readonly ipcache: Known<readonly CiliumIpcacheEntry[]>;
}

/** Of one machine. */
export interface DatapathFacts {
  readonly ipvs: Known<IpvsTable>;
  readonly cilium: CiliumFacts;
}
