// The words of a rule in groups: what stands before the modules (`-s`, `-p`…), the modules in order, the target. In: the
// rule's text and its words. Out: its parts, or that a word stands where none can.
// What would surprise: iptables-save quotes only what needs it, so a comment may look like an option (`--comment --dport`);
// options that take any text are known by name.
import type { RuleWord } from './rule-words.ts';

export interface RuleOption {
  /** With its dashes: `--dport`, `-s`. */
  readonly name: string;
  readonly isNegated: boolean;
  readonly args: readonly string[];
}

/** A module with its options, or the target with its options. */
export interface RuleClause {
  readonly name: string;
  readonly options: readonly RuleOption[];
  /** Whether there is a word that belongs to no option. */
  readonly isOdd: boolean;
  /** As written, from its `-m` or `-j`. */
  readonly text: string;
}

export interface RuleParts {
  /** `-s`, `-d`, `-i`, `-o`, `-p`, `-f`, each with its text. */
  readonly basics: readonly (RuleOption & { readonly text: string })[];
  readonly matches: readonly RuleClause[];
  readonly target?: RuleClause & { readonly isGoto: boolean };
}

const basicNames: ReadonlySet<string> = new Set(['-s', '-d', '-i', '-o', '-p', '-f']);
const longBasics: ReadonlyMap<string, string> = new Map([
  ['--source', '-s'],
  ['--src', '-s'],
  ['--destination', '-d'],
  ['--dst', '-d'],
  ['--in-interface', '-i'],
  ['--out-interface', '-o'],
  ['--protocol', '-p'],
  ['--proto', '-p'],
  ['--fragment', '-f'],
]);

/** Options whose one argument may be anything, even a word that looks like an option. */
const freeText: ReadonlyMap<string, readonly string[]> = new Map([
  ['comment', ['--comment']],
  ['string', ['--string', '--hex-string', '--algo']],
  ['recent', ['--name']],
  ['hashlimit', ['--hashlimit-name']],
  ['helper', ['--helper']],
  ['nfacct', ['--nfacct-name']],
  ['cgroup', ['--path']],
  ['bpf', ['--bytecode', '--object-pinned']],
  ['u32', ['--u32']],
  ['rateest', ['--rateest', '--rateest1', '--rateest2']],
  ['set', ['--match-set']],
  ['LOG', ['--log-prefix']],
  ['NFLOG', ['--nflog-prefix']],
  ['ULOG', ['--ulog-prefix']],
  ['LED', ['--led-trigger-id']],
  ['IDLETIMER', ['--label']],
  ['CT', ['--helper', '--timeout']],
  ['SECMARK', ['--selctx']],
  ['RATEEST', ['--rateest-name']],
]);

interface ClauseDraft {
  readonly name: string;
  readonly kind: 'match' | 'jump' | 'goto';
  readonly options: { name: string; isNegated: boolean; args: string[] }[];
  readonly start: number;
  end: number;
  isOdd: boolean;
}

interface PartsDraft {
  readonly text: string;
  readonly words: readonly RuleWord[];
  readonly basics: (RuleOption & { readonly text: string })[];
  readonly clauses: ClauseDraft[];
  /** The next word to read. */
  at: number;
  /** A `!` that waits for what it negates. */
  negation: RuleWord | undefined;
}

export function groupRuleWords(text: string, words: readonly RuleWord[]): RuleParts | undefined {
  const draft: PartsDraft = { text, words, basics: [], clauses: [], at: 0, negation: undefined };
  while (draft.at < words.length) {
    if (!takeWord(draft)) return undefined;
  }
  return draft.negation === undefined ? assembleParts(draft) : undefined;
}

/** Takes the next word and those that belong to it; false where it makes no sense. */
function takeWord(draft: PartsDraft): boolean {
  const word = draft.words[draft.at++];
  if (word === undefined) return false;
  if (word.text === '!' && !word.isQuoted) {
    const isFirst = draft.negation === undefined;
    draft.negation = word;
    return isFirst;
  }
  const isTaken = takePart(draft, word);
  draft.negation = undefined;
  return isTaken;
}

function takePart(draft: PartsDraft, word: RuleWord): boolean {
  const open = draft.clauses.at(-1);
  if (!word.isQuoted) {
    const basic = basicNameOf(word.text, open !== undefined);
    if (basic !== undefined) return takeBasic(draft, word, basic);
    const kind = clauseKindOf(word.text);
    if (kind !== undefined) return openClause(draft, word, kind);
    if (word.text.startsWith('--')) return takeOption(draft, word);
  }
  if (open === undefined) return false;
  open.isOdd = true;
  open.end = word.end;
  return true;
}

function takeBasic(draft: PartsDraft, word: RuleWord, name: string): boolean {
  const value = name === '-f' ? undefined : draft.words[draft.at++];
  if (name !== '-f' && value === undefined) return false;
  draft.basics.push({
    name,
    isNegated: draft.negation !== undefined,
    args: value === undefined ? [] : [value.text],
    text: draft.text.slice((draft.negation ?? word).start, (value ?? word).end),
  });
  return true;
}

function openClause(draft: PartsDraft, word: RuleWord, kind: ClauseDraft['kind']): boolean {
  const name = draft.words[draft.at++];
  if (name === undefined || draft.negation !== undefined) return false;
  const { start } = word;
  draft.clauses.push({ name: name.text, kind, options: [], start, end: name.end, isOdd: false });
  return true;
}

function takeOption(draft: PartsDraft, word: RuleWord): boolean {
  let clause = draft.clauses.at(-1);
  if (clause === undefined) {
    clause = impliedClause(draft.basics, draft.negation ?? word);
    if (clause === undefined) return false;
    draft.clauses.push(clause);
  }
  const option = { name: word.text, isNegated: draft.negation !== undefined, args: [] as string[] };
  clause.options.push(option);
  clause.end = word.end;
  const isFree = freeText.get(clause.name)?.includes(word.text) === true;
  for (let next = draft.words[draft.at]; next !== undefined; next = draft.words[draft.at]) {
    const isArgument = isFree && option.args.length === 0;
    if (!isArgument && !next.isQuoted && (next.text.startsWith('-') || next.text === '!')) break;
    option.args.push(next.text);
    clause.end = next.end;
    draft.at++;
  }
  return true;
}

function basicNameOf(word: string, isInClause: boolean): string | undefined {
  if (basicNames.has(word)) return word;
  return isInClause ? undefined : longBasics.get(word);
}

function clauseKindOf(word: string): ClauseDraft['kind'] | undefined {
  if (word === '-m' || word === '--match') return 'match';
  if (word === '-j' || word === '--jump') return 'jump';
  return word === '-g' || word === '--goto' ? 'goto' : undefined;
}

/** `-p tcp --dport 80` loads the module of its protocol; iptables-save always writes `-m tcp`. */
function impliedClause(basics: RuleParts['basics'], word: RuleWord): ClauseDraft | undefined {
  const protocol = basics.find((basic) => basic.name === '-p' && !basic.isNegated)?.args[0];
  if (protocol === undefined) return undefined;
  const name = protocol === 'ipv6-icmp' || protocol === 'icmpv6' ? 'icmp6' : protocol;
  return { name, kind: 'match', options: [], start: word.start, end: word.end, isOdd: false };
}

/** Undefined where there are two targets. */
function assembleParts({ text, basics, clauses }: PartsDraft): RuleParts | undefined {
  const finish = ({ name, options, isOdd, start, end }: ClauseDraft): RuleClause => ({
    name,
    options,
    isOdd,
    text: text.slice(start, end),
  });
  const matches = clauses.filter((clause) => clause.kind === 'match').map(finish);
  const targets = clauses.filter((clause) => clause.kind !== 'match');
  const [target] = targets;
  if (target === undefined) return { basics, matches };
  if (targets.length > 1) return undefined;
  return { basics, matches, target: { ...finish(target), isGoto: target.kind === 'goto' } };
}
