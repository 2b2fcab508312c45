// Whether one condition of a rule holds for a packet. In: a step that only asks, and where the packet stands. Out: yes,
// no, either (it is drawn, so both happen), or why nobody knows.
import type { Missing } from '../../fact/known.ts';
import { testIpset } from '../../model/filter-sets.ts';
import type { ProgramTable } from '../../model/filter-program.ts';
import type { FilterHook } from '../../snapshot/filter-facts.ts';
import type { FilterStep } from '../../snapshot/filter-steps.ts';
import type { Branch } from './branch.ts';
import type { FilterPacket } from './filter-packet.ts';
import { lookUp } from './match-keys.ts';
import { protocolOf } from './read-field.ts';

export type Answer =
  | { readonly kind: 'yes' | 'no'; readonly assumes?: string }
  | { readonly kind: 'either' }
  | { readonly kind: 'unknown'; readonly text: string; readonly why: string; readonly missing?: Missing };

export type Condition = Extract<
  FilterStep,
  { kind: 'match' | 'ipset' | 'chance' | 'rate' | 'memory' | 'opaque-match' }
>;

/** Where a rule is being run. */
export interface RuleSite {
  readonly owner: ProgramTable;
  readonly packet: FilterPacket;
  readonly steps: readonly FilterStep[];
  readonly isXt: boolean;
  /** Of the base chain. */
  readonly hook?: FilterHook;
}

export function isCondition(step: FilterStep): step is Condition {
  return ['match', 'ipset', 'chance', 'rate', 'memory', 'opaque-match'].includes(step.kind);
}

export function judgeCondition(site: RuleSite, step: Condition, branch: Branch): Answer {
  switch (step.kind) {
    case 'match':
      return judgeMatch(site, step, branch);
    case 'ipset':
      return judgeIpset(site, step, branch);
    case 'chance':
      return step.isAlways ? { kind: 'yes' } : step.isNever ? { kind: 'no' } : { kind: 'either' };
    case 'rate':
      return judgeRate(step);
    case 'memory':
      return { kind: step.isNegated ? 'yes' : 'no', assumes: `the sender is new to "${step.text}"` };
    case 'opaque-match':
      return { kind: 'unknown', text: step.text, why: step.why };
  }
}

function judgeRate({ text, isOver }: Extract<Condition, { kind: 'rate' }>): Answer {
  const assumes = `the rate of "${text}" is not exceeded`;
  return { kind: isOver ? 'no' : 'yes', assumes };
}

function judgeMatch(site: RuleSite, step: Extract<Condition, { kind: 'match' }>, branch: Branch): Answer {
  const { packet, owner, isXt } = site;
  const found = lookUp(step.keys, step.values, { packet, branch, isXt }, owner.table);
  if (found.kind === 'absent') return { kind: 'no' };
  if (found.kind === 'unknown') return { kind: 'unknown', text: step.text, why: found.why };
  const isIn = found.elements.some((element) => element !== undefined);
  const isOut = found.elements.includes(undefined);
  if (isIn && isOut) return { kind: 'either' };
  const answer = isIn === step.isNegated ? 'no' : 'yes';
  return found.assumes === undefined ? { kind: answer } : { kind: answer, assumes: found.assumes };
}

function judgeIpset(site: RuleSite, step: Extract<Condition, { kind: 'ipset' }>, branch: Branch): Answer {
  const { packet, owner } = site;
  const found = testIpset(owner.program.ipsets, step.set, {
    family: packet.family,
    protocol: protocolOf(packet),
    packet: packet.packet,
    mark: branch.mark,
    directions: step.directions,
    ...(packet.inputLink === undefined ? {} : { inputLink: packet.inputLink }),
    ...(packet.outputLink === undefined ? {} : { outputLink: packet.outputLink }),
    ...(packet.icmpType === undefined ? {} : { icmpType: packet.icmpType }),
    ...(packet.icmpCode === undefined ? {} : { icmpCode: packet.icmpCode }),
  });
  const { ipsets } = owner.program;
  if (typeof found === 'string')
    return { kind: 'unknown', text: step.text, why: found, ...(ipsets.known ? {} : { missing: ipsets }) };
  return { kind: found === step.isNegated ? 'no' : 'yes' };
}
