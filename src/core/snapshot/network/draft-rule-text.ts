// One line of `ip rule` as text, as a draft: iproute2's with or without -d, and busybox's.
// `5270:	from all fwmark 0x80000/0xff0000 lookup main proto unspec`. Words that are no known key open an opaque
// selector, which takes the words up to the next known one with it.
import type { RuleAction } from '../namespace-facts.ts';
import { wordsOf } from '../syntax/text-lines.ts';
import type { RuleDraft, SelectorName } from './rule-draft.ts';

const selectorWords: ReadonlyMap<string, SelectorName> = new Map([
  ['from', 'from'],
  ['to', 'to'],
  ['iif', 'iif'],
  ['oif', 'oif'],
  ['fwmark', 'fwmark'],
  ['tos', 'tos'],
  ['dsfield', 'tos'],
  ['dscp', 'dscp'],
  ['flowlabel', 'flowlabel'],
  ['ipproto', 'ipproto'],
  ['sport', 'sport'],
  ['dport', 'dport'],
  ['uidrange', 'uidrange'],
]);

const otherKeys: ReadonlySet<string> = new Set([
  'lookup',
  'goto',
  'suppress_prefixlength',
  'suppress_ifgroup',
  'realms',
  'proto',
  'map-to',
]);

const bareWords: ReadonlySet<string> = new Set([
  'not',
  'nop',
  'unreachable',
  'prohibit',
  'blackhole',
  'masquerade',
  '[detached]',
  '[unresolved]',
]);

/**
 * busybox ends a lookup with a space and calls the table of other actions `unspec`; iproute2 since 4.17 does neither,
 * and with -d ends the line with the rule's protocol.
 */
export function isBusyboxRule(line: string): boolean {
  return / lookup \S+ $/.test(line) || / lookup unspec\b/.test(line);
}

export function draftRuleOfText(line: string): RuleDraft | undefined {
  const found = /^(\d+):\s+(.*)$/.exec(line);
  if (found === null) return undefined;
  const draft: RuleDraft = {
    priority: Number(found[1]),
    isInverted: false,
    selectors: new Map(),
    action: { kind: 'opaque', text: 'no action' },
    opaqueSelectors: [],
  };
  const words = wordsOf(found[2] ?? '');
  if (words.length === 0) return undefined;
  let at = 0;
  while (at < words.length) {
    const taken = takeWords(draft, words, at);
    if (taken === 0) return undefined;
    at += taken;
  }
  return draft;
}

/** How many words belonged together; 0 where a key has no value. */
function takeWords(draft: RuleDraft, words: readonly string[], at: number): number {
  const key = words[at] ?? '';
  const value = words[at + 1];
  if (bareWords.has(key)) {
    takeBareWord(draft, key, words[at - 2]);
    return 1;
  }
  const selector = selectorWords.get(key);
  if (selector !== undefined || otherKeys.has(key)) {
    if (value === undefined) return 0;
    if (selector === undefined) {
      if (!takeOther(draft, key, value)) return 0;
    } else if (value !== 'all') draft.selectors.set(selector, value);
    const hasBusyboxAction = key === 'lookup' && value === 'unspec' && words[at + 2] !== undefined;
    if (!hasBusyboxAction) return 2;
    draft.action = busyboxAction(words[at + 2] ?? '');
    return 3;
  }
  let end = at + 1;
  while (end < words.length && !isKnownWord(words[end] ?? '')) end++;
  draft.opaqueSelectors.push(words.slice(at, end).join(' '));
  return end - at;
}

function isKnownWord(word: string): boolean {
  return selectorWords.has(word) || otherKeys.has(word) || bareWords.has(word);
}

function takeBareWord(draft: RuleDraft, word: string, keyBefore: string | undefined): void {
  if (word === 'not') draft.isInverted = true;
  else if (word === '[detached]') {
    if (keyBefore === 'oif') draft.isOutputDetached = true;
    else draft.isInputDetached = true;
  } else if (word === 'masquerade') draft.action = { kind: 'opaque', text: 'nat' };
  else if (word === 'nop' || word === 'unreachable' || word === 'prohibit' || word === 'blackhole') {
    draft.action = { kind: word };
  }
}

function takeOther(draft: RuleDraft, key: string, value: string): boolean {
  if (key === 'suppress_prefixlength') {
    draft.suppressPrefixLength = Number(value);
    return /^\d{1,3}$/.test(value);
  }
  if (key === 'proto') draft.protocol = value;
  else if (key === 'suppress_ifgroup') draft.suppressGroup = value;
  else if (key === 'goto') draft.action = gotoAction(value);
  else if (key === 'map-to') draft.action = { kind: 'opaque', text: 'nat' };
  else if (key === 'lookup') {
    if (value === '[l3mdev-table]') draft.isL3mdev = true;
    const isTable = value !== '[l3mdev-table]' && value !== 'unspec';
    draft.action = isTable ? { kind: 'lookup', table: value } : { kind: 'opaque', text: `lookup ${value}` };
  }
  return true;
}

function gotoAction(value: string): RuleAction {
  return /^\d+$/.test(value)
    ? { kind: 'goto', priority: Number(value) }
    : { kind: 'opaque', text: `goto ${value}` };
}

/** busybox prints the action's number as if it were a route type: 2 (goto) is `local`, 3 (nop) is `broadcast`. */
function busyboxAction(word: string): RuleAction {
  if (word === 'unreachable' || word === 'prohibit' || word === 'blackhole') return { kind: word };
  if (word === 'broadcast') return { kind: 'nop' };
  return { kind: 'opaque', text: word === 'local' ? 'goto (busybox hides where)' : `lookup unspec ${word}` };
}
