// Matches on connection tracking: conntrack, state, connmark. In: a module with its options. Out: its steps.
// What would surprise: a packet that belongs to no connection (INVALID, UNTRACKED) fails everything that asks about one,
// negated or not, except the state itself; and once conntrack's `--ctstate` holds for such a packet, its other options
// are not looked at (net/netfilter/xt_conntrack.c, xt_connmark.c, Linux 6.12).
import type { FilterValue } from '../../filter-facts.ts';
import type { FilterField, FilterStep } from '../../filter-steps.ts';
import {
  exactly,
  nameValue,
  numberValue,
  parseMasked,
  parseNetwork,
  parseNumberRange,
  parseProtocol,
} from './literals.ts';
import { matchOn, readOptions, soleArgument } from './match-steps.ts';
import type { MatchContext, MatchReader } from './match-steps.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

const stateNames: ReadonlyMap<string, string> = new Map([
  ['INVALID', 'invalid'],
  ['NEW', 'new'],
  ['ESTABLISHED', 'established'],
  ['RELATED', 'related'],
  ['UNTRACKED', 'untracked'],
  ['SNAT', 'snat'],
  ['DNAT', 'dnat'],
]);

const statusNames: ReadonlyMap<string, string> = new Map([
  ['EXPECTED', 'expected'],
  ['SEEN_REPLY', 'seen-reply'],
  ['ASSURED', 'assured'],
  ['CONFIRMED', 'confirmed'],
]);

const withoutConnection: readonly string[] = ['invalid', 'untracked'];

/** Holds for the packets that belong to a connection. */
export function trackedStep(text: string): FilterStep {
  return matchOn({
    key: 'connection-state',
    values: withoutConnection.map(nameValue),
    isNegated: true,
    text,
  });
}

/** Whether only packets of connections pass the step. */
export function provesConnection(step: FilterStep): boolean {
  if (step.kind !== 'match' || step.keys[0]?.field !== 'connection-state') return false;
  if (step.values.kind !== 'elements') return false;
  const named = step.values.elements.flatMap(({ key }) => key).map((value) => JSON.stringify(value));
  const holds = (name: string): boolean => named.includes(JSON.stringify(nameValue(name)));
  return step.isNegated ? withoutConnection.every(holds) : !withoutConnection.some(holds);
}

const readState: MatchReader = (clause) =>
  readOptions(clause, new Map([['--state', (option) => readStates(clause, option)]]));

function readStates({ text }: RuleClause, option: RuleOption): readonly FilterStep[] | undefined {
  const values = parseNames(soleArgument(option), stateNames);
  if (values === undefined) return undefined;
  return [matchOn({ key: 'connection-state', values, isNegated: option.isNegated, text })];
}

function parseNames(
  text: string | undefined,
  names: ReadonlyMap<string, string>,
): readonly FilterValue[] | undefined {
  const values: FilterValue[] = [];
  for (const part of text?.split(',') ?? ['']) {
    const name = names.get(part);
    if (name === undefined) return undefined;
    values.push(nameValue(name));
  }
  return values;
}

const readConntrack: MatchReader = (clause, context) => {
  const states = clause.options.filter((option) => option.name === '--ctstate');
  const others = clause.options.filter((option) => option.name !== '--ctstate');
  if (states.length > 1) return undefined;
  if (others.some((option) => option.name === '--ctexpire'))
    return 'depends on how long the connection still lives';
  const [state] = states.map((option) => readStates(clause, option));
  if (states.length > 0 && state === undefined) return undefined;
  const rest = readOptions({ ...clause, options: others }, connectionReaders(clause, context));
  if (rest === undefined) return undefined;
  if (state === undefined) return others.length === 0 ? [] : afterConnection(clause, context, rest);
  if (others.length === 0) return state;
  if (context.isTracked || state.some(provesConnection)) return [...state, ...rest];
  return 'asks about a connection, and matches packets without one whatever else it asks';
};

function afterConnection(
  { text }: RuleClause,
  { isTracked }: MatchContext,
  steps: readonly FilterStep[],
): readonly FilterStep[] {
  return isTracked ? steps : [trackedStep(text), ...steps];
}

type OptionReader = (option: RuleOption) => readonly FilterStep[] | undefined;

function connectionReaders(
  { text }: RuleClause,
  { family }: MatchContext,
): ReadonlyMap<string, OptionReader> {
  const read =
    (field: FilterField, parse: (argument: string) => readonly FilterValue[] | undefined): OptionReader =>
    (option) => {
      const argument = soleArgument(option);
      const values = argument === undefined ? undefined : parse(argument);
      if (values === undefined) return undefined;
      return [matchOn({ key: field, values, isNegated: option.isNegated, text })];
    };
  const address = (argument: string): readonly FilterValue[] | undefined =>
    listOf(parseNetwork(argument, family));
  const port = (argument: string): readonly FilterValue[] | undefined => {
    const range = parseNumberRange(argument, 65535);
    return range === undefined ? undefined : [numberValue(range)];
  };
  const status = read('connection-status', (argument) => parseNames(argument, statusNames));
  return new Map<string, OptionReader>([
    ['--ctproto', read('original-protocol', (argument) => protocolValues(argument))],
    ['--ctorigsrc', read('original-source', address)],
    ['--ctorigdst', read('original-destination', address)],
    ['--ctreplsrc', read('reply-source', address)],
    ['--ctrepldst', read('reply-destination', address)],
    ['--ctorigsrcport', read('original-source-port', port)],
    ['--ctorigdstport', read('original-destination-port', port)],
    ['--ctreplsrcport', read('reply-source-port', port)],
    ['--ctrepldstport', read('reply-destination-port', port)],
    ['--ctdir', read('connection-direction', directionValues)],
    ['--ctstatus', (option) => (soleArgument(option) === 'NONE' ? noStatus(option, text) : status(option))],
  ]);
}

function listOf<T>(value: T | undefined): readonly T[] | undefined {
  return value === undefined ? undefined : [value];
}

function protocolValues(argument: string): readonly FilterValue[] | undefined {
  const protocol = parseProtocol(argument);
  return protocol === undefined ? undefined : [exactly(protocol)];
}

function directionValues(argument: string): readonly FilterValue[] | undefined {
  if (argument === 'ORIGINAL') return [nameValue('original')];
  return argument === 'REPLY' ? [nameValue('reply')] : undefined;
}

/** An empty mask of status bits: no status has one of them. */
function noStatus({ isNegated }: RuleOption, text: string): readonly FilterStep[] {
  return isNegated ? [] : [{ kind: 'chance', text, isNever: true }];
}

const readConnmark: MatchReader = (clause, context) => {
  const steps = readOptions(
    clause,
    new Map([
      [
        '--mark',
        (option) => {
          const masked = parseMasked(soleArgument(option));
          if (masked === undefined) return undefined;
          return [markStep('connection-mark', masked, option, clause.text)];
        },
      ],
    ]),
  );
  return steps === undefined ? undefined : afterConnection(clause, context, steps);
};

export function markStep(
  field: 'mark' | 'connection-mark',
  { value, mask }: { readonly value: number; readonly mask: number },
  { isNegated }: RuleOption,
  text: string,
): FilterStep {
  const key = mask === 0xffffffff ? { field } : { field, mask };
  return matchOn({ key, values: [exactly(value)], isNegated, text });
}

export const connectionMatches: ReadonlyMap<string, MatchReader> = new Map([
  ['conntrack', readConntrack],
  ['state', readState],
  ['connmark', readConnmark],
]);
