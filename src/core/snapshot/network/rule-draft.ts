// A rule as a listing prints it, before its words mean anything: what the JSON and the text of it have in common.
import type { RuleAction } from '../namespace-facts.ts';

/** A rule as printed: selectors by iproute2's word for them, with their value as text. */
export interface RuleDraft {
  priority: number;
  isInverted: boolean;
  selectors: Map<SelectorName, string>;
  isInputDetached?: boolean;
  isOutputDetached?: boolean;
  isL3mdev?: boolean;
  action: RuleAction;
  suppressPrefixLength?: number;
  suppressGroup?: string;
  protocol?: string;
  opaqueSelectors: string[];
}

export type SelectorName =
  | 'from'
  | 'to'
  | 'iif'
  | 'oif'
  | 'fwmark'
  | 'tos'
  | 'dscp'
  | 'flowlabel'
  | 'ipproto'
  | 'sport'
  | 'dport'
  | 'uidrange';
