// Who does what with packets on a node: the kernel's own tables and chains, or a program of its own (eBPF, IPVS, a virtual
// switch). The jobs are told apart, because a node can leave one to the kernel and another to a program: Cilium beside
// kube-proxy forwards the pods' packets and leaves the node's own Services to kube-proxy's chains.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';

export type DatapathKind =
  'cilium-ebpf' | 'calico-ebpf' | 'ipvs' | 'antrea-ovs' | 'kube-ovn' | 'ovn-kubernetes';

export interface DatapathOwner {
  readonly kind: DatapathKind;
  /** For sentences: `Cilium's eBPF programs`, `IPVS`. */
  readonly name: string;
  /** What shows that it is there. */
  readonly evidence: readonly Evidence[];
}

export type DatapathJob =
  /** Routes, neighbours and chains decide, as collected. */
  | { readonly kind: 'kernel' }
  | { readonly kind: 'program'; readonly owner: DatapathOwner }
  | {
      readonly kind: 'unknown';
      /** Who may be doing it. */
      readonly owner: DatapathOwner;
      readonly question: string;
      readonly missing: Missing;
    };

export interface NodeDatapath {
  /** Everything recognised on the node, in a fixed order. */
  readonly owners: readonly DatapathOwner[];
  /** Services, as a program of the node itself asks for them. */
  readonly hostServices: DatapathJob;
  /** Services, as a pod of the node asks for them. */
  readonly podServices: DatapathJob;
  /** Services, as somebody outside asks for them by the node: NodePorts, external addresses. */
  readonly externalServices: DatapathJob;
  readonly podForwarding: DatapathJob;
  readonly masquerade: DatapathJob;
  readonly policy: DatapathJob;
}

export const byKernel: DatapathJob = { kind: 'kernel' };

export function byProgram(owner: DatapathOwner): DatapathJob {
  return { kind: 'program', owner };
}
