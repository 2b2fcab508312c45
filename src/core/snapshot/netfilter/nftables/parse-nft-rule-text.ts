// Reads what a rule of nftables does out of its text. In: one line of `nft list ruleset` without its handle, and the
// table's family. Out: the same steps as for the JSON of the same rule.
import type { FilterFamily } from '../../filter-facts.ts';
import type { RuleBody } from '../../filter-steps.ts';
import { readTextStatements } from './nft-text-statements.ts';
import { parseNftRule } from './parse-nft-rule.ts';

export function parseNftRuleText(text: string, family: FilterFamily): RuleBody {
  return parseNftRule(readTextStatements(text), family);
}
