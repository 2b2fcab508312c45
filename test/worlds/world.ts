// A cluster for tests as a draft that may be edited before it is written down: lines as `ip` prints them, objects with
// only what differs. make-world.ts fills in a healthy one, write-world.ts makes the files of a bundle of it.
import type { FilterEdit } from './filter-draft.ts';

export interface WorldLink {
  readonly name: string;
  /** The line under the link that names its kind; absent for a NIC. */
  kind?: string;
  flags: string;
  readonly mac?: string;
  master?: string;
  /** After the `@`: `if7` or a device's name. */
  other?: string;
  isLoopback?: boolean;
}

export interface WorldAddress {
  readonly link: string;
  /** With its length. */
  readonly address: string;
  /** The kernel adds no connected route. */
  isHostOnly?: boolean;
}

/** A network namespace: a node's own, or a pod's. */
export interface WorldNamespace {
  links: WorldLink[];
  addresses: WorldAddress[];
  /** Lines of `ip rule`, without those that every namespace starts with. */
  rules4: string[];
  rules6: string[];
  /** Lines of `ip route show table all`, without local and connected ones. */
  routes4: string[];
  routes6: string[];
  neighbors: string[];
  fdb: string[];
  sysctls: Map<string, string>;
}

export interface WorldNode extends WorldNamespace {
  readonly name: string;
  readonly index: number;
  /** What the Node object says; the files need not agree. */
  internalIps: string[];
  podCidrs: string[];
  isReady: boolean;
  annotations: Record<string, string>;
  readonly vtepMac: string;
  /** Further files of its folder. */
  readonly files: Map<string, string>;
  /** Made to what the cluster's own programs write into the IPv4 packet filter. */
  readonly filterEdits: FilterEdit[];
  /** Files that were not collected. */
  readonly without: Set<string>;
  /** False where nobody looked into it. */
  isCollected: boolean;
}

export interface WorldPod {
  readonly namespace: string;
  readonly name: string;
  readonly node: WorldNode;
  readonly ips: string[];
  isReady: boolean;
  phase: string;
  labels: Record<string, string>;
  readonly port: number;
  protocol: string;
  restarts: number;
  waitingReason?: string;
  lastExit?: { readonly reason: string; readonly exitCode: number };
  isHostNetwork: boolean;
  /** Absent where nobody looked into it. */
  network?: WorldNamespace;
}

export interface WorldService {
  readonly namespace: string;
  readonly name: string;
  readonly ips: string[];
  readonly port: number;
  readonly protocol: string;
  selector?: Record<string, string>;
  /** `address port`, ready ones. */
  endpoints: { readonly address: string; readonly port: number }[];
}

export interface World {
  readonly options: Required<WorldOptions>;
  nodes: WorldNode[];
  /** Machines outside the cluster, by the same files. */
  hosts: WorldNode[];
  pods: WorldPod[];
  services: WorldService[];
  /** By `NAMESPACE/POD/CONTAINER.log`. */
  readonly logs: Map<string, string[]>;
  /** Anything else of the bundle, by path. */
  readonly files: Map<string, string>;
}

export interface WorldOptions {
  readonly nodes?: number;
  readonly podsPerNode?: number;
  readonly podCidr?: string;
  /** Length of a node's share. */
  readonly shareLength?: number;
  readonly serviceCidr?: string;
  readonly lan?: string;
  readonly families?: readonly (4 | 6)[];
  readonly backend?: 'vxlan' | 'host-gw' | 'none';
  readonly vni?: number;
  readonly collectsPods?: boolean;
  readonly nodePrefix?: string;
  readonly bridge?: string;
  readonly nic?: string;
}
