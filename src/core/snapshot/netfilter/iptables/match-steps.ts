// What the readers of single matches share: the shape of such a reader, and the steps they make.
import type { Family } from '../../../net/address.ts';
import type { FilterValue } from '../../filter-facts.ts';
import type { FilterField, FilterKey, FilterStep } from '../../filter-steps.ts';
import type { RuleClause, RuleOption } from './rule-parts.ts';

export interface MatchContext {
  readonly family: Family;
  /** Whether a match before it holds only for packets that belong to a connection. */
  readonly isTracked: boolean;
}

/**
 * The steps of one module with its options. `undefined`: something in it is not understood, and the whole module becomes
 * one opaque step; a text: the same, and why.
 */
export type MatchReader = (
  clause: RuleClause,
  context: MatchContext,
) => readonly FilterStep[] | string | undefined;

export interface MatchOn {
  readonly key: FilterField | FilterKey;
  readonly values: readonly FilterValue[];
  readonly isNegated: boolean;
  readonly text: string;
}

/** The key is (or is not) one of the values. */
export function matchOn({ key, values, isNegated, text }: MatchOn): FilterStep {
  return {
    kind: 'match',
    keys: [typeof key === 'string' ? { field: key } : key],
    isNegated,
    values: { kind: 'elements', elements: values.map((value) => ({ key: [value] })) },
    text,
  };
}

/** Reads every option by its own reader; one that is unknown or not understood spoils the whole. */
export function readOptions(
  clause: RuleClause,
  readers: ReadonlyMap<string, (option: RuleOption) => readonly FilterStep[] | undefined>,
): readonly FilterStep[] | undefined {
  const steps: FilterStep[] = [];
  for (const option of clause.options) {
    const read = readers.get(option.name)?.(option);
    if (read === undefined) return undefined;
    steps.push(...read);
  }
  return steps;
}

/** The only argument of an option; undefined where there are none or more. */
export function soleArgument(option: RuleOption): string | undefined {
  return option.args.length === 1 ? option.args[0] : undefined;
}
