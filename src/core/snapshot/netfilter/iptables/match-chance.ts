// Matches whose outcome no single packet decides: draws (statistic), rates (limit, hashlimit, connlimit), memory (recent),
// and what always matches and only counts (nfacct). In: a module with its options. Out: its steps.
import type { FilterStep } from '../../filter-steps.ts';
import { parseNumber } from './literals.ts';
import { soleArgument } from './match-steps.ts';
import type { MatchReader } from './match-steps.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

function find(clause: RuleClause, name: string): RuleOption | undefined {
  return clause.options.find((option) => option.name === name);
}

function hasOnly(clause: RuleClause, names: readonly string[]): boolean {
  return clause.options.every((option) => names.includes(option.name));
}

/** What is certain to match is `chance` too, so that its text stays. */
function certain(text: string, doesMatch: boolean): readonly FilterStep[] {
  return [doesMatch ? { kind: 'chance', text, isAlways: true } : { kind: 'chance', text, isNever: true }];
}

/**
 * The kernel draws 31 bits and compares with the probability times 2^31, rounded; iptables-save prints eleven places, so
 * 0 and 1 are told from their neighbours (libxt_statistic.c, iptables 1.8.9; xt_statistic.c, Linux 6.12).
 */
const readStatistic: MatchReader = (clause) => {
  const { text } = clause;
  const mode = find(clause, '--mode')?.args[0];
  if (mode === 'random' && hasOnly(clause, ['--mode', '--probability'])) {
    const option = find(clause, '--probability');
    const written = option === undefined ? undefined : soleArgument(option);
    if (option === undefined || written === undefined || !/^\d+(?:\.\d*)?$/.test(written)) return undefined;
    const share = Math.round(Number(written) * 2 ** 31);
    if (share === 0 || share >= 2 ** 31) return certain(text, share > 0 !== option.isNegated);
    return [{ kind: 'chance', text }];
  }
  if (mode === 'nth' && hasOnly(clause, ['--mode', '--every', '--packet'])) {
    const option = find(clause, '--every');
    const every = option === undefined ? undefined : parseNumber(soleArgument(option));
    if (option === undefined || every === undefined) return undefined;
    return every === 1 ? certain(text, !option.isNegated) : [{ kind: 'chance', text }];
  }
  return undefined;
};

const readLimit: MatchReader = (clause) => {
  const isKnown = hasOnly(clause, ['--limit', '--limit-burst']);
  if (!isKnown || clause.options.some((option) => option.isNegated)) return undefined;
  return [{ kind: 'rate', isOver: false, text: clause.text }];
};

const readHashlimit: MatchReader = (clause) => {
  if (!clause.options.every((option) => option.name.startsWith('--hashlimit') && !option.isNegated))
    return undefined;
  const above = find(clause, '--hashlimit-above');
  const upTo = find(clause, '--hashlimit-upto') ?? find(clause, '--hashlimit');
  // With --hashlimit-rate-match it asks which rate was seen and grants nothing.
  if ((above === undefined) === (upTo === undefined) || find(clause, '--hashlimit-rate-match') !== undefined)
    return undefined;
  return [{ kind: 'rate', isOver: above !== undefined, text: clause.text }];
};

/** Counts the connections that exist; the one that is being made is the first: above 0 always holds. */
const readConnlimit: MatchReader = (clause) => {
  const known = [
    '--connlimit-above',
    '--connlimit-upto',
    '--connlimit-mask',
    '--connlimit-saddr',
    '--connlimit-daddr',
  ];
  const above = find(clause, '--connlimit-above');
  const limit = above ?? find(clause, '--connlimit-upto');
  const count = limit === undefined ? undefined : parseNumber(soleArgument(limit));
  if (limit === undefined || count === undefined || !hasOnly(clause, known)) return undefined;
  const isOver = (above !== undefined) !== limit.isNegated;
  return count === 0 ? certain(clause.text, isOver) : [{ kind: 'rate', isOver, text: clause.text }];
};

/** `--set` remembers the address and matches; the others ask what was remembered (xt_recent.c, Linux 6.12). */
const readRecent: MatchReader = (clause) => {
  const set = find(clause, '--set');
  if (set === undefined) return readRemembered(clause);
  if (!hasOnly(clause, ['--set', '--name', '--mask', '--rsource', '--rdest'])) return undefined;
  return set.isNegated ? certain(clause.text, false) : [{ kind: 'note', text: clause.text }];
};

const rememberedOptions: readonly string[] = [
  ...['--rcheck', '--update', '--remove', '--seconds', '--reap', '--hitcount', '--rttl'],
  ...['--name', '--mask', '--rsource', '--rdest'],
];

/** Negated, it matches whoever is not in the list. */
function readRemembered(clause: RuleClause): readonly FilterStep[] | undefined {
  const asking = ['--rcheck', '--update', '--remove'].flatMap((name) => find(clause, name) ?? []);
  if (asking.length !== 1 || !hasOnly(clause, rememberedOptions)) return undefined;
  return [{ kind: 'memory', isNegated: asking[0]?.isNegated === true, text: clause.text }];
}

/** Fails only for an object with a quota (xt_nfacct.c, Linux 6.12), which nobody makes for rules: it counts. */
const readNfacct: MatchReader = (clause) =>
  hasOnly(clause, ['--nfacct-name']) && clause.options.every((option) => !option.isNegated)
    ? [{ kind: 'note', text: clause.text }]
    : undefined;

export const chanceMatches: ReadonlyMap<string, MatchReader> = new Map([
  ['statistic', readStatistic],
  ['limit', readLimit],
  ['hashlimit', readHashlimit],
  ['connlimit', readConnlimit],
  ['recent', readRecent],
  ['nfacct', readNfacct],
]);
