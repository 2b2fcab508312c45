// The words of a rule as iptables-save prints it, and their grouping: what stands before the modules (`-s`, `-p`…), the
// modules in order, the target. In: the rule's text. Out: its parts with their places in the text, or why it is damaged.
// Only `"` quotes, and only inside quotes does `\` escape (xshared.c, add_param_to_argv, iptables 1.8.9); a word that
// needs no quotes has none, so a comment may look like an option: `--comment --dport`.

export interface RuleWord {
  readonly text: string;
  readonly isQuoted: boolean;
  readonly start: number;
  readonly end: number;
}

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

/** Undefined where quotes do not close. */
export function splitRuleWords(text: string): readonly RuleWord[] | undefined {
  const words: RuleWord[] = [];
  let at = 0;
  while (at < text.length) {
    if (isSpace(text, at)) {
      at++;
      continue;
    }
    const word = readWord(text, at);
    if (word === undefined) return undefined;
    words.push(word);
    at = word.end;
  }
  return words;
}

function isSpace(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code === 32 || code === 9 || code === 10;
}

function readWord(text: string, start: number): RuleWord | undefined {
  let content = '';
  let isOpen = false;
  let isQuoted = false;
  let at = start;
  for (; at < text.length; at++) {
    const character = text.charAt(at);
    if (character === '"') {
      isOpen = !isOpen;
      isQuoted = true;
    } else if (isOpen && character === '\\') {
      at++;
      content += text.charAt(at);
    } else if (!isOpen && isSpace(text, at)) break;
    else content += character;
  }
  return isOpen ? undefined : { text: content, isQuoted, start, end: at };
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

/** Undefined where a word stands where none can stand. */
export function groupRuleWords(text: string, words: readonly RuleWord[]): RuleParts | undefined {
  const basics: (RuleOption & { readonly text: string })[] = [];
  const clauses: ClauseDraft[] = [];
  let negation: RuleWord | undefined;
  for (let at = 0; at < words.length; at++) {
    const word = words[at];
    if (word === undefined) break;
    const open = clauses.at(-1);
    if (word.text === '!' && !word.isQuoted) {
      if (negation !== undefined) return undefined;
      negation = word;
      continue;
    }
    const basic = word.isQuoted ? undefined : basicNameOf(word.text, open !== undefined);
    const opened = word.isQuoted ? undefined : clauseKindOf(word.text);
    const next = words[at + 1];
    if (basic !== undefined) {
      const hasValue = basic !== '-f';
      if (hasValue && next === undefined) return undefined;
      const end = hasValue ? (next?.end ?? word.end) : word.end;
      basics.push({
        name: basic,
        isNegated: negation !== undefined,
        args: hasValue && next !== undefined ? [next.text] : [],
        text: text.slice((negation ?? word).start, end),
      });
      if (hasValue) at++;
    } else if (opened !== undefined) {
      if (next === undefined || negation !== undefined) return undefined;
      clauses.push({
        name: next.text,
        kind: opened,
        options: [],
        start: word.start,
        end: next.end,
        isOdd: false,
      });
      at++;
    } else if (!word.isQuoted && word.text.startsWith('--')) {
      const draft = open ?? impliedClause(basics, word);
      if (draft === undefined) return undefined;
      if (open === undefined) clauses.push(draft);
      at = takeOption({ draft, words, at, isNegated: negation !== undefined });
    } else {
      if (open === undefined) return undefined;
      open.isOdd = true;
      open.end = word.end;
    }
    negation = undefined;
  }
  return negation === undefined ? assembleParts(text, basics, clauses) : undefined;
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

/** The index of the last word taken. */
function takeOption(about: {
  readonly draft: ClauseDraft;
  readonly words: readonly RuleWord[];
  readonly at: number;
  readonly isNegated: boolean;
}): number {
  const { draft, words, isNegated } = about;
  const name = words[about.at]?.text ?? '';
  const option: ClauseDraft['options'][number] = { name, isNegated, args: [] };
  draft.options.push(option);
  let at = about.at;
  const isFree = freeText.get(draft.name)?.includes(name) === true;
  for (let next = words[at + 1]; next !== undefined; next = words[at + 1]) {
    const isArgument = isFree && option.args.length === 0;
    if (!isArgument && !next.isQuoted && (next.text.startsWith('-') || next.text === '!')) break;
    option.args.push(next.text);
    at++;
  }
  draft.end = words[at]?.end ?? draft.end;
  return at;
}

function assembleParts(
  text: string,
  basics: RuleParts['basics'],
  clauses: readonly ClauseDraft[],
): RuleParts | undefined {
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
