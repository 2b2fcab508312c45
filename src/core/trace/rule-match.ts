// Whether a policy rule's selectors fit a flow, as the kernel's fib_rule_match does (Linux 6.12 net/core/fib_rules.c).
// In: a rule and a flow. Out: yes, no, or maybe where a selector cannot be evaluated and all others fit. The result of
// all selectors together is inverted by `not`, so a detached device, which never matches, matches always with it.
import { ruleSelectors } from '../model/routing.ts';
import type { PrefixWords, RoutingRule } from '../model/routing.ts';
import type { FlowKey } from './flow-key.ts';

export const matches = { no: 0, yes: 1, maybe: 2 } as const;

/** Whether all selectors but `to` fit; with the destination they decide the match. */
export function fitsBesideDestination(rule: RoutingRule, flow: FlowKey): boolean {
  return fitsSelectors(rule, flow, rule.selectors & ~ruleSelectors.to);
}

export function matchRule(rule: RoutingRule, flow: FlowKey): number {
  const selectors = rule.selectors;
  if (selectors === 0) return matches.yes;
  const isInverted = (selectors & ruleSelectors.inverted) !== 0;
  const fits = fitsSelectors(rule, flow, selectors);
  if (!fits) return isInverted ? matches.yes : matches.no;
  if ((selectors & ruleSelectors.opaque) !== 0) return matches.maybe;
  return isInverted ? matches.no : matches.yes;
}

function fitsSelectors(rule: RoutingRule, flow: FlowKey, selectors: number): boolean {
  return (
    (selectors & ruleSelectors.never) === 0 &&
    ((flow.mark ^ rule.mark) & rule.markMask) === 0 &&
    fitsLinks(rule, flow, selectors) &&
    fitsAddresses(rule, flow, selectors) &&
    fitsPacket(rule, flow, selectors)
  );
}

function fitsLinks(rule: RoutingRule, flow: FlowKey, selectors: number): boolean {
  const { fact } = rule;
  if ((selectors & ruleSelectors.inputLink) !== 0) {
    if (fact.isInputDetached === true || fact.inputLink !== flow.inputLink) return false;
  }
  if ((selectors & ruleSelectors.outputLink) !== 0) {
    if (fact.isOutputDetached === true || fact.outputLink !== flow.outputLink) return false;
  }
  return true;
}

/** IPv6 never matches `from` before the sender has an address; IPv4 compares 0.0.0.0. */
function fitsAddresses(rule: RoutingRule, flow: FlowKey, selectors: number): boolean {
  if ((selectors & ruleSelectors.from) !== 0) {
    if (!flow.hasSource && rule.fact.family === 6) return false;
    if (!isWithin(rule.from, flow.from0, flow.from1, flow.from2, flow.from3)) return false;
  }
  return (selectors & ruleSelectors.to) === 0 || isWithin(rule.to, flow.to0, flow.to1, flow.to2, flow.to3);
}

export function isWithin(prefix: PrefixWords, w0: number, w1: number, w2: number, w3: number): boolean {
  const { values, masks } = prefix;
  return (
    ((w3 ^ (values[3] as number)) & (masks[3] as number)) === 0 &&
    ((w0 ^ (values[0] as number)) & (masks[0] as number)) === 0 &&
    ((w1 ^ (values[1] as number)) & (masks[1] as number)) === 0 &&
    ((w2 ^ (values[2] as number)) & (masks[2] as number)) === 0
  );
}

function fitsPacket(rule: RoutingRule, flow: FlowKey, selectors: number): boolean {
  const { fact } = rule;
  if ((selectors & ruleSelectors.tos) !== 0) {
    // IPv4 compares only the bits of the old TOS field (fib_dscp_masked_match); IPv6 the whole DSCP.
    if (rule.tos !== (flow.tos & (fact.family === 4 ? 0x1c : 0xfc))) return false;
  }
  if ((selectors & ruleSelectors.dscp) !== 0 && rule.dscp !== flow.tos >>> 2) return false;
  if ((selectors & ruleSelectors.protocol) !== 0 && rule.protocol !== flow.protocol) return false;
  if ((selectors & ruleSelectors.sourcePorts) !== 0 && !isInRange(fact.sourcePorts, flow.sourcePort)) {
    return false;
  }
  if (
    (selectors & ruleSelectors.destinationPorts) !== 0 &&
    !isInRange(fact.destinationPorts, flow.destinationPort)
  ) {
    return false;
  }
  return (selectors & ruleSelectors.uids) === 0 || isInRange(fact.uids, flow.uid);
}

function isInRange(
  range: { readonly from: number; readonly to: number } | undefined,
  value: number,
): boolean {
  return range !== undefined && value >= range.from && value <= range.to;
}
