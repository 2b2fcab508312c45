// `ip rule add …` and `ip rule del …` as a change. In: the words after the verb, and the rules there are. Out: the rule to
// add, with the priority that the kernel would give it; or the rule that the kernel would delete: the first that has
// everything that was said (Linux 6.12 net/core/fib_rules.c, fib_nl_delrule).
import type { Family } from '../../core/net/address.ts';
import type { RuleEdit } from '../../core/snapshot/change.ts';
import { formatRule } from '../../core/snapshot/format-routing.ts';
import type { RuleAction, RuleFact } from '../../core/snapshot/namespace-facts.ts';
import { Failure } from '../failure.ts';
import { numberWord, prefixWord, rangeWord } from './words.ts';
import type { Words } from './words.ts';

type RuleParts = { -readonly [Key in keyof RuleEdit]?: RuleEdit[Key] };

const protocolNumbers: Readonly<Record<string, number>> = {
  icmp: 1,
  tcp: 6,
  udp: 17,
  'ipv6-icmp': 58,
  sctp: 132,
};

export function parseRuleParts(words: Words, family: Family): RuleParts {
  const parts: RuleParts = { family };
  while (!words.isEmpty()) readSelector(parts, words, family);
  const named = parts.from ?? parts.to;
  if (named !== undefined) parts.family = named.family;
  return parts;
}

function readSelector(parts: RuleParts, words: Words, family: Family): void {
  const word = words.next();
  const value = (): string => words.value(word);
  switch (word) {
    case 'not':
      parts.isInverted = true;
      return;
    case 'from':
      parts.from = prefixWord(value(), family);
      return;
    case 'to':
      parts.to = prefixWord(value(), family);
      return;
    case 'iif':
    case 'dev':
      parts.inputLink = value();
      return;
    case 'oif':
      parts.outputLink = value();
      return;
    case 'fwmark':
      parts.mark = markWord(value());
      return;
    case 'priority':
    case 'pref':
    case 'preference':
    case 'order':
      parts.priority = numberWord(value(), word);
      return;
    default:
      readRareSelector(parts, words, word);
  }
}

function readRareSelector(parts: RuleParts, words: Words, word: string): void {
  const value = (): string => words.value(word);
  switch (word) {
    case 'tos':
    case 'dsfield':
      parts.tos = numberWord(value(), word);
      return;
    case 'ipproto':
      parts.ipProtocol = protocolWord(value());
      return;
    case 'sport':
      parts.sourcePorts = rangeWord(value(), word);
      return;
    case 'dport':
      parts.destinationPorts = rangeWord(value(), word);
      return;
    case 'uidrange':
      parts.uids = rangeWord(value(), word);
      return;
    case 'suppress_prefixlength':
    case 'sup_pl':
      parts.suppressPrefixLength = numberWord(value(), word);
      return;
    case 'suppress_ifgroup':
    case 'sup_group':
      parts.suppressGroup = value();
      return;
    default:
      parts.action = actionWord(word, words);
  }
}

function protocolWord(text: string): number {
  return protocolNumbers[text] ?? numberWord(text, 'ipproto');
}

function markWord(text: string): { readonly value: number; readonly mask: number } {
  const [value = '', mask] = text.split('/');
  return {
    value: numberWord(value, 'fwmark'),
    mask: mask === undefined ? 0xffffffff : numberWord(mask, 'fwmark'),
  };
}

function actionWord(word: string, words: Words): RuleAction {
  const kind = word === 'type' ? words.value(word) : word;
  switch (kind) {
    case 'lookup':
    case 'table':
      return { kind: 'lookup', table: tableWord(words.value(kind)) };
    case 'goto':
      return { kind: 'goto', priority: numberWord(words.value(kind), kind) };
    case 'blackhole':
    case 'unreachable':
    case 'prohibit':
    case 'nop':
      return { kind };
    default:
      throw new Failure(`--what-if: "ip rule" knows no "${word}", or waylaid cannot simulate it.`);
  }
}

/** As facts name tables: the everyday ones by name. */
export function tableWord(text: string): string {
  const names: Readonly<Record<string, string>> = { '255': 'local', '254': 'main', '253': 'default' };
  return names[text] ?? text;
}

export function completeRule(parts: RuleParts, existing: readonly RuleFact[]): RuleEdit {
  return {
    ...withoutAll(parts),
    family: parts.family ?? 4,
    priority: parts.priority ?? usualPriority(existing),
    isInverted: parts.isInverted ?? false,
    action: parts.action ?? { kind: 'lookup', table: 'main' },
    opaqueSelectors: [],
  };
}

/** The kernel puts a rule without a priority just before the second one in the list (fib_default_rule_pref). */
function usualPriority(existing: readonly RuleFact[]): number {
  const second = existing.map((rule) => rule.priority).sort((a, b) => a - b)[1];
  return second === undefined || second === 0 ? 0 : second - 1;
}

export function findRule(parts: RuleParts, existing: readonly RuleFact[]): RuleFact | undefined {
  const wanted = withoutAll(parts);
  const keys = Object.keys(wanted).filter((key) => key !== 'family' && key !== 'isInverted');
  return existing.find(
    (rule) =>
      rule.isInverted === (parts.isInverted ?? false) &&
      keys.every((key) => isSame(rule[key as keyof RuleEdit], wanted[key as keyof RuleEdit])),
  );
}

/** `from all` selects nothing; facts leave it out. */
function withoutAll(parts: RuleParts): RuleParts {
  const { from, to, ...rest } = parts;
  return {
    ...rest,
    ...(from === undefined || from.length === 0 ? {} : { from }),
    ...(to === undefined || to.length === 0 ? {} : { to }),
  };
}

function isSame(a: unknown, b: unknown): boolean {
  return canonicalText(a) === canonicalText(b);
}

function canonicalText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  return JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

export function describeRules(existing: readonly RuleFact[]): string {
  const shown = existing.slice(0, 4).map(formatRule);
  return shown.length === 0
    ? 'there is none'
    : `there are: ${shown.join('; ')}${existing.length > 4 ? '; …' : ''}`;
}
