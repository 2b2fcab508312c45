// Policy rules in the order and form in which lookups walk them.
// In: the rules of one family and the tables they may name. Out: rules by ascending priority (equal ones as dumped,
// which is the kernel's order), selectors as numbers, gotos resolved to the first rule of their priority. A goto to a
// priority that no rule has stays unresolved (-1) and is passed over, as in Linux 6.12 fib_rules_lookup.
import { wordsOf } from '../../net/address.ts';
import type { Prefix } from '../../net/prefix.ts';
import type { LinkFact, RuleFact } from '../../snapshot/namespace-facts.ts';
import { ruleSelectors } from '../routing.ts';
import type { PrefixWords, RoutingRule, RoutingTable } from '../routing.ts';

const fixedTables: Readonly<Record<string, string>> = { '255': 'local', '254': 'main', '253': 'default' };

/** One name for a table however it was written. */
export function nameTable(text: string): string {
  return fixedTables[text] ?? text;
}

export function compileRules(
  facts: readonly RuleFact[],
  tables: ReadonlyMap<string, RoutingTable>,
  links: ReadonlyMap<string, LinkFact> | undefined,
): RoutingRule[] {
  const sorted = [...facts].sort((a, b) => a.priority - b.priority);
  const mayHaveVrf = links === undefined || [...links.values()].some((link) => link.kind === 'vrf');
  return sorted.map((fact, position) => ({
    fact,
    position,
    selectors: listSelectors(fact, mayHaveVrf),
    from: toPrefixWords(fact.from),
    to: toPrefixWords(fact.to),
    mark: (fact.mark?.value ?? 0) | 0,
    markMask: (fact.mark?.mask ?? 0) | 0,
    tos: fact.tos ?? 0,
    dscp: fact.dscp ?? 0,
    protocol: fact.ipProtocol ?? 0,
    table: fact.action.kind === 'lookup' ? tables.get(nameTable(fact.action.table)) : undefined,
    target: findTarget(fact, sorted),
    suppressLength: fact.suppressPrefixLength ?? -1,
    suppressGroup: fact.suppressGroup,
  }));
}

/** The rules that every namespace starts with; whoever prints them without all selectors still shows them whole. */
function hasDefaultPlace(fact: RuleFact): boolean {
  return defaultPlaces.includes(placeOf(fact));
}

function placeOf(fact: RuleFact): string {
  return fact.action.kind === 'lookup' ? `${fact.priority} ${nameTable(fact.action.table)}` : '';
}

const defaultPlaces: readonly string[] = ['0 local', '32766 main', '32767 default'];

/** Whether these are the three rules every namespace starts with, so that none may ever have been added. */
export function areDefaultRules(facts: readonly RuleFact[]): boolean {
  const isWhole = defaultPlaces.every((place) => facts.some((fact) => placeOf(fact) === place));
  return isWhole && facts.length === defaultPlaces.length && facts.every(isBare);
}

function isBare(fact: RuleFact): boolean {
  return (
    listSelectors(fact, true) === 0 &&
    (fact.suppressPrefixLength ?? -1) < 0 &&
    fact.suppressGroup === undefined
  );
}

function findTarget(fact: RuleFact, sorted: readonly RuleFact[]): number {
  const action = fact.action;
  if (action.kind !== 'goto') return -1;
  return sorted.findIndex((rule) => rule.priority === action.priority);
}

function listSelectors(fact: RuleFact, mayHaveVrf: boolean): number {
  const has = ruleSelectors;
  const isNarrow = (prefix: Prefix | undefined): boolean => (prefix?.length ?? 0) > 0;
  const isOpaque =
    fact.opaqueSelectors.length > 0 ||
    (fact.isL3mdev === true && mayHaveVrf) ||
    (fact.isPartial === true && !hasDefaultPlace(fact));
  const present: readonly (readonly [number, boolean])[] = [
    [has.from, isNarrow(fact.from)],
    [has.to, isNarrow(fact.to)],
    [has.inputLink, fact.inputLink !== undefined],
    [has.outputLink, fact.outputLink !== undefined],
    [has.mark, fact.mark !== undefined && fact.mark.mask !== 0],
    [has.tos, (fact.tos ?? 0) !== 0],
    [has.dscp, fact.dscp !== undefined],
    [has.protocol, (fact.ipProtocol ?? 0) !== 0],
    [has.sourcePorts, fact.sourcePorts !== undefined],
    [has.destinationPorts, fact.destinationPorts !== undefined],
    [has.uids, fact.uids !== undefined],
    [has.opaque, isOpaque],
    [has.inverted, fact.isInverted],
    [has.never, fact.isL3mdev === true && !mayHaveVrf],
  ];
  return present.reduce((sum, [bit, isSet]) => (isSet ? sum + bit : sum), 0);
}

function toPrefixWords(prefix: Prefix | undefined): PrefixWords {
  const values = new Int32Array(4);
  const masks = new Int32Array(4);
  if (prefix === undefined) return { values, masks };
  values.set(wordsOf(prefix.address).map((word) => word | 0));
  const first = prefix.family === 4 ? 96 : 0;
  for (let word = 0; word < 4; word++) {
    const kept = Math.min(32, Math.max(0, first + prefix.length - word * 32));
    const isUsed = prefix.family === 6 || word === 3;
    masks[word] = kept === 0 || !isUsed ? 0 : 0xffffffff << (32 - kept);
  }
  return { values, masks };
}
