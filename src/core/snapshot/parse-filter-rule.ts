// Reads what a rule means out of how it was written. In: a rule of any dump. Out: its steps, the same object for the same
// rule, so that a rule is read once however many packets meet it.
import type { FilterFamily, FilterRule } from './filter-facts.ts';
import { parseIptablesRule } from './netfilter/iptables/parse-iptables-rule.ts';
import { parseNftRule } from './netfilter/nftables/parse-nft-rule.ts';
import { parseNftRuleText } from './netfilter/nftables/parse-nft-rule-text.ts';
import type { RuleBody } from './filter-steps.ts';

const parsed = new WeakMap<FilterRule, RuleBody>();

/** `family` is the table's: it decides which family an address literal and `icmp` belong to. */
export function parseFilterRule(rule: FilterRule, family: FilterFamily): RuleBody {
  const known = parsed.get(rule);
  if (known !== undefined) return known;
  const body = parseSource(rule, family);
  parsed.set(rule, body);
  return body;
}

function parseSource({ source }: FilterRule, family: FilterFamily): RuleBody {
  switch (source.syntax) {
    case 'iptables':
      return parseIptablesRule(source.text, family);
    case 'nft-json':
      return parseNftRule(source.statements, family);
    case 'nft-text':
      return parseNftRuleText(source.text, family);
  }
}
