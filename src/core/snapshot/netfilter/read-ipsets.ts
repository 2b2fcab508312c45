// `ipset save` as sets by name. In: the file. Out: each set with its members as written, or the line that is not
// understood: a set short of a member would look like a complete one.
// What would surprise: a set made with `netmask N` masks what is looked up, so its members are written here as the
// networks that they stand for; other masks (markmask, bitmask) make the set opaque.
import { parseAddress } from '../../net/address.ts';
import type { Family } from '../../net/address.ts';
import type { BundleFile } from '../bundle-file.ts';
import { notUnderstood, understood } from '../syntax/reading.ts';
import type { Reading } from '../syntax/reading.ts';
import { readLines, wordsOf } from '../syntax/text-lines.ts';
import type { IpsetFact, IpsetMember } from '../filter-facts.ts';

interface SetDraft extends Omit<IpsetFact, 'members'> {
  readonly members: IpsetMember[];
  readonly netmask: string | undefined;
}

export function readIpsets(file: BundleFile): Reading<ReadonlyMap<string, IpsetFact>> {
  const lines = readLines(file);
  if (!lines.isUnderstood) return lines;
  const drafts = new Map<string, SetDraft>();
  for (const { number, text } of lines.value) {
    if (text.trim() === '' || text.startsWith('#')) continue;
    const [verb, name, ...rest] = splitWords(text);
    const at = `L${number}`;
    const isRead =
      verb === 'create'
        ? createSet(drafts, { name, words: rest, evidence: { path: file.path, at, quote: text } })
        : verb === 'add' && addMember(drafts.get(name ?? ''), rest);
    if (!isRead) return notUnderstood(`not understood at line ${number}`);
  }
  const sets = new Map<string, IpsetFact>();
  for (const [name, draft] of drafts) sets.set(name, finishSet(draft));
  return understood(sets);
}

function finishSet({ evidence, name, type, family, members, opaque }: SetDraft): IpsetFact {
  const set = { evidence, name, type, family, members };
  return opaque === undefined ? set : { ...set, opaque };
}

/** A comment is quoted and may hold anything but quotes (ipset 7.17 refuses them); it is one word here. */
function splitWords(text: string): readonly string[] {
  if (!text.includes('"')) return wordsOf(text);
  return text.split(/("[^"]*")/).flatMap((part) => (part.startsWith('"') ? [part] : wordsOf(part)));
}

/** Options of `create` that have a value, and change neither what is in the set nor what is found in it. */
const harmless: ReadonlySet<string> = new Set([
  'hashsize',
  'maxelem',
  'timeout',
  'bucketsize',
  'initval',
  'range',
  'size',
  'probes',
  'resize',
  'gc',
]);
const harmlessFlags: ReadonlySet<string> = new Set(['counters', 'comment', 'skbinfo', 'forceadd']);

function createSet(
  drafts: Map<string, SetDraft>,
  about: {
    readonly name: string | undefined;
    readonly words: readonly string[];
    readonly evidence: IpsetFact['evidence'];
  },
): boolean {
  const { name, evidence } = about;
  const [type, ...options] = about.words;
  if (name === undefined || type === undefined || drafts.has(name)) return false;
  let family: Family = 4;
  let netmask: string | undefined;
  let opaque: string | undefined;
  for (let at = 0; at < options.length; at++) {
    const option = options[at] ?? '';
    if (harmlessFlags.has(option)) continue;
    const value = options[++at];
    if (option === 'family' && value === 'inet6') family = 6;
    else if (option === 'netmask' && value !== undefined) netmask = value;
    else if (!harmless.has(option) && option !== 'family')
      opaque = `${option}${value === undefined ? '' : ` ${value}`}`;
  }
  const draft = { evidence, name, type, family, members: [], netmask };
  drafts.set(name, opaque === undefined ? draft : { ...draft, opaque });
  return true;
}

/** Options of a member that have a value. */
const memberValues: ReadonlySet<string> = new Set([
  'timeout',
  'packets',
  'bytes',
  'comment',
  'skbmark',
  'skbprio',
  'skbqueue',
]);

function addMember(set: SetDraft | undefined, words: readonly string[]): boolean {
  const [text, ...options] = words;
  if (set === undefined || text === undefined) return false;
  let isException = false;
  for (let at = 0; at < options.length; at++) {
    const option = options[at] ?? '';
    if (option === 'nomatch') isException = true;
    else if (!memberValues.has(option) || options[++at] === undefined) return false;
  }
  set.members.push({ text: withNetmask(text, set.netmask), isException });
  return true;
}

/** The address comes first in every type that takes a netmask. */
function withNetmask(text: string, netmask: string | undefined): string {
  if (netmask === undefined) return text;
  const [address = '', ...rest] = text.split(',');
  if (parseAddress(address) === undefined) return text;
  return [`${address}/${netmask}`, ...rest].join(',');
}
