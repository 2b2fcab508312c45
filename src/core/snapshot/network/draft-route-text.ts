// One record of `ip route` as text, as a draft: iproute2's with or without -d, and busybox's. Words come in pairs of a
// key and its value, after the optional type and the destination; words that are no key are flags. Nexthops of a
// multipath route stand on indented lines of their own. busybox prints none of them, nor a gateway of the other family.
import { wordsOf } from '../syntax/text-lines.ts';
import type { TextRecord } from '../syntax/text-lines.ts';
import { isRouteTypeName } from './route-draft.ts';
import type { NexthopDraft, RouteDraft } from './route-draft.ts';

/** Keys whose value says nothing about where a packet goes. */
const ignoredKeys: ReadonlySet<string> = new Set([
  'advmss',
  'congctl',
  'cwnd',
  'error',
  'expires',
  'features',
  'hoplimit',
  'initcwnd',
  'initrwnd',
  'iif',
  'mark',
  'quickack',
  'fastopen_no_cookie',
  'realm',
  'realms',
  'reordering',
  'rto_min',
  'rtt',
  'rttvar',
  'ssthresh',
  'ttl-propagate',
  'ttl-propogate',
  'uid',
  'users',
  'used',
  'age',
  'window',
]);

const gatewayFamilies: ReadonlySet<string> = new Set(['inet', 'inet6']);

export function draftRouteOfText(record: TextRecord): RouteDraft | undefined {
  const words = wordsOf(record.head.text).filter((word) => word !== '\\');
  for (const line of record.body) {
    const more = wordsOf(line.text);
    if (more[0] === 'nexthop') words.push(...more);
    else if (more[0] !== 'nh_info' && more[0] !== 'cache') return undefined;
  }
  const type = isRouteTypeName(words[0] ?? '') ? words.shift() : undefined;
  const destination = words.shift();
  if (destination === undefined) return undefined;
  const [main = [], ...others] = splitAtNexthops(words);
  const draft: RouteDraft = { type, destination, nexthops: [] };
  const only: NexthopDraft = { flags: [] };
  if (!fillDraft(draft, only, main)) return undefined;
  if (others.length === 0) {
    if (only.gateway !== undefined || only.link !== undefined) draft.nexthops.push(only);
    return draft;
  }
  for (const nexthopWords of others) {
    const nexthop: NexthopDraft = { flags: [] };
    if (!fillDraft(draft, nexthop, nexthopWords)) return undefined;
    draft.nexthops.push(nexthop);
  }
  return draft;
}

function splitAtNexthops(words: readonly string[]): string[][] {
  const parts: string[][] = [[]];
  for (const word of words) {
    if (word === 'nexthop') parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

/** False where a key has no value, a number is none, or a word cannot be a flag. */
function fillDraft(draft: RouteDraft, nexthop: NexthopDraft, words: readonly string[]): boolean {
  let at = 0;
  while (at < words.length) {
    const taken = takeWords(draft, nexthop, words.slice(at, at + longestPhrase));
    if (taken === 0) return false;
    at += taken;
  }
  return true;
}

/** `encap ip id 0 src 10.0.0.1 dst 10.0.0.2 ttl 0 tos 0 via …` is the longest that is understood as one. */
const longestPhrase = 32;

/** How many words belong together. */
function takeWords(draft: RouteDraft, nexthop: NexthopDraft, words: readonly string[]): number {
  const [key = '', value, third] = words;
  if (key === 'encap') {
    draft.isOpaque = true;
    const end = words.findIndex((word) => word === 'via' || word === 'dev');
    return end < 0 ? words.length : end;
  }
  if (key === 'via' && value !== undefined && gatewayFamilies.has(value)) {
    nexthop.gateway = third;
    return third === undefined ? 0 : 3;
  }
  if (ignoredKeys.has(key)) return value === 'lock' ? 3 : 2;
  if (key === 'mtu' && value === 'lock') return setField(draft, nexthop, key, third) ? 3 : 0;
  if (setField(draft, nexthop, key, value)) return 2;
  if (!isFlag(key)) return 0;
  nexthop.flags.push(key);
  return 1;
}

const textFields: ReadonlyMap<
  string,
  'from' | 'table' | 'protocol' | 'scope' | 'tos' | 'preferredSource' | 'preference'
> = new Map([
  ['from', 'from'],
  ['table', 'table'],
  ['proto', 'protocol'],
  ['scope', 'scope'],
  ['tos', 'tos'],
  ['dsfield', 'tos'],
  ['src', 'preferredSource'],
  ['pref', 'preference'],
]);

function setField(draft: RouteDraft, nexthop: NexthopDraft, key: string, value: string | undefined): boolean {
  if (value === undefined) return false;
  const field = textFields.get(key);
  if (field !== undefined) {
    draft[field] = value;
    return true;
  }
  if (key === 'via') nexthop.gateway = value;
  else if (key === 'dev') nexthop.link = value;
  else if (key === 'weight') return setWeight(nexthop, value);
  else if (key === 'metric') return setNumber(draft, 'metric', value);
  else if (key === 'mtu') return setNumber(draft, 'mtuBytes', value);
  else if (key === 'nhid') return setNumber(draft, 'nexthopId', value);
  else return false;
  return true;
}

function setWeight(nexthop: NexthopDraft, value: string): boolean {
  nexthop.weight = Number(value);
  return /^\d+$/.test(value);
}

/** busybox prints the metric as a signed number: the kernel's 4278198272 comes out as -16769024. */
function setNumber(
  draft: RouteDraft,
  field: 'metric' | 'mtuBytes' | 'nexthopId',
  value: string | undefined,
): boolean {
  if (value === undefined || !/^-?\d+$/.test(value)) return false;
  draft[field] = Number(value) < 0 ? Number(value) + 2 ** 32 : Number(value);
  return true;
}

const keysWithValue: ReadonlySet<string> = new Set([
  ...textFields.keys(),
  'via',
  'dev',
  'weight',
  'metric',
  'mtu',
  'nhid',
]);

function isFlag(word: string): boolean {
  return /^[a-z][a-z0-9_-]*$/.test(word) && !keysWithValue.has(word);
}
