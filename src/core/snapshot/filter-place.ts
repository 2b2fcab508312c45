// Where a chain or a rule of the packet filter is: what a change, a citation and a command name it by. A rule is known by
// its text as well as by its place in the dump, since places move when a rule before it goes.
import type { FilterFamily, FilterOrigin } from './filter-facts.ts';

export interface FilterPlace {
  /** The dump it was read from. */
  readonly path: string;
  readonly origin: FilterOrigin;
  readonly family: FilterFamily;
  readonly table: string;
  readonly chain: string;
}

export interface FilterRulePlace extends FilterPlace {
  /** `L123` or a JSON pointer, in `path`. */
  readonly at: string;
  /** As written: after `-A CHAIN` for iptables, the whole rule for nftables. */
  readonly text: string;
  readonly handle?: number;
}

/** Programs that write chains which follow from the cluster's objects and their own settings. */
export type FilterProgramName = 'kube-proxy' | 'flannel' | 'tailscaled';
