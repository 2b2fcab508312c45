// What was observed on one machine: its root namespace, its pods' namespaces, and the files that say how its programs
// were started.
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { Prefix } from '../net/prefix.ts';
import type { DatapathFacts } from './datapath-facts.ts';
import type { NamespaceFacts } from './namespace-facts.ts';

export interface MachineFacts {
  readonly name: string;
  /** A node of the cluster, or a machine outside it (`hosts/`). */
  readonly kind: 'node' | 'host';
  readonly root: NamespaceFacts;
  /** By `namespace/pod`. */
  readonly pods: ReadonlyMap<string, NamespaceFacts>;
  /** Namespaces that the collector could not name (`netns_…`), by that name. */
  readonly unnamedNamespaces: ReadonlyMap<string, NamespaceFacts>;
  readonly tailscale: TailscaleFacts;
  /** IPVS's table and Cilium's maps. Absent: nobody could have collected them. */
  readonly datapath?: DatapathFacts;
  readonly flannelSubnet: Known<FlannelSubnetFact>;
  readonly osRelease: Known<ReadonlyMap<string, string>>;
  /** `uname -a`. */
  readonly kernel: Known<string>;
  /** Arguments of k3s, kubelet, kube-proxy, flanneld, tailscaled, by program. */
  readonly commandLines: ReadonlyMap<string, Known<readonly string[]>>;
  /** journal/<unit>.log and tailscaled.log, by unit. */
  readonly journals: ReadonlyMap<string, Known<readonly LogLine[]>>;
}

export interface LogLine {
  readonly evidence: Evidence;
  readonly text: string;
}

export interface FlannelSubnetFact {
  readonly network?: Prefix;
  readonly subnet?: Prefix;
  readonly networkV6?: Prefix;
  readonly subnetV6?: Prefix;
  readonly mtuBytes?: number;
  readonly isMasquerading?: boolean;
}

export interface TailscaleFacts {
  readonly status: Known<TailscaleStatus>;
  readonly prefs: Known<TailscalePrefs>;
  readonly netmap: Known<TailscaleNetmap>;
}

export interface TailscaleStatus {
  readonly backendState: string;
  readonly version?: string;
  readonly self?: TailscalePeer;
  readonly peers: readonly TailscalePeer[];
  readonly health: readonly string[];
  readonly magicDnsSuffix?: string;
}

export interface TailscalePeer {
  readonly evidence: Evidence;
  readonly id?: string;
  /** The machine's own name for itself. */
  readonly hostName: string;
  /** The tailnet's name for it, without the final dot. */
  readonly dnsName?: string;
  readonly addresses: readonly Address[];
  /** What WireGuard takes from and sends to this peer. */
  readonly allowedIps: readonly Prefix[];
  /** Subnet routes for which it is the elected router. */
  readonly primaryRoutes: readonly Prefix[];
  readonly isOnline?: boolean;
  readonly isExpired?: boolean;
  readonly tags: readonly string[];
}

export interface TailscalePrefs {
  readonly evidence: Evidence;
  /** `--accept-routes`. */
  readonly routeAll?: boolean;
  readonly advertiseRoutes: readonly Prefix[];
  readonly isShieldsUp?: boolean;
  readonly noSnat?: boolean;
  readonly noStatefulFiltering?: boolean;
  readonly exitNodeId?: string;
  readonly wantRunning?: boolean;
}

/** What the control plane told this node, as far as waylaid evaluates it. */
export interface TailscaleNetmap {
  /** Allow-only, any order, default deny; absent when the netmap did not say. */
  readonly packetFilter?: readonly TailscaleFilterRule[];
}

export interface TailscaleFilterRule {
  readonly evidence: Evidence;
  readonly sources: readonly Prefix[];
  /** Sources that are no prefix (`cap:…`), as written. */
  readonly opaqueSources: readonly string[];
  readonly destinations: readonly {
    readonly net: Prefix;
    readonly ports: { readonly from: number; readonly to: number };
  }[];
  /** IP protocol numbers; empty means TCP, UDP, ICMPv4 and ICMPv6. */
  readonly ipProtocols: readonly number[];
}
