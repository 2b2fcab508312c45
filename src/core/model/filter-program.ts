// A namespace's packet filter as the kernel runs it: the base chains of each hook in the order of their priorities, with
// the tables they belong to. In: the dumps that were collected. Out: one program per family, or why there is none.
import type { Evidence } from '../fact/evidence.ts';
import type { Known, Missing } from '../fact/known.ts';
import type {
  FilterChain,
  FilterHook,
  FilterRule,
  FilterTable,
  IpsetFact,
} from '../snapshot/filter-facts.ts';
import { parseFilterRule } from '../snapshot/parse-filter-rule.ts';
import type { RuleBody } from '../snapshot/filter-steps.ts';

/** A table in its dump. */
export interface ProgramTable {
  readonly table: FilterTable;
  /** The dump it was read from. */
  readonly path: string;
  readonly program: FilterProgram;
}

export interface ProgramChain {
  readonly owner: ProgramTable;
  readonly chain: FilterChain;
}

export interface FilterProgram {
  /** Per hook, by priority; legacy before nf_tables where they are equal. Without netdev and bridge tables. */
  readonly hooks: ReadonlyMap<FilterHook, readonly ProgramChain[]>;
  /** The same of tables of the bridge family: what a bridge runs for the frames it carries. */
  readonly bridgeHooks: ReadonlyMap<FilterHook, readonly ProgramChain[]>;
  /** Base chains of netdev tables, at the device itself. */
  readonly deviceHooks: ReadonlyMap<FilterHook, readonly ProgramChain[]>;
  /** A dump that was read: what is said to be absent was looked for there. */
  readonly evidence: Evidence;
  readonly ipsets: Known<ReadonlyMap<string, IpsetFact>>;
  /** Parts of the filter that exist or may exist and were not collected, or could not be read. */
  readonly gaps: readonly FilterGap[];
}

export interface FilterGap {
  /** What may run there unseen: completes "not collected: …". */
  readonly what: string;
  readonly missing: Missing;
}

/** What the rule does, read once. */
export function readRule(owner: ProgramTable, rule: FilterRule): RuleBody {
  return parseFilterRule(rule, owner.table.family);
}

export function ruleEvidence(owner: ProgramTable, chain: FilterChain, rule: FilterRule): Evidence {
  return { path: owner.path, at: rule.at, quote: quoteRule(chain, rule) };
}

/** As its dump prints it; nftables' JSON has no short form, so its place has to do. */
function quoteRule(chain: FilterChain, { source }: FilterRule): string {
  if (source.syntax === 'iptables') return `-A ${chain.name} ${source.text}`;
  return source.syntax === 'nft-text' ? source.text : JSON.stringify(source.statements);
}
