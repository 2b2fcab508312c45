// Machines whose packet filter is not known, or not whole, though packets that should arrive pass them. What was refused or
// came damaged keeps the verdict from healthy; what nobody asked for, or a machine has no program to ask with, is only
// said: the chains of the cluster's own programs are taken to be there, and somebody else's not.
import type { JudgedIntent, Unknown } from './diagnosis.ts';
import type { Missing, MissingReason } from '../fact/known.ts';
import { compileFilter } from '../model/compile-filter.ts';
import type { Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { Family } from '../net/address.ts';
import type { Journey } from '../trace/flow.ts';

export interface FilterDoubts {
  /** These keep the verdict from healthy. */
  readonly open: readonly Unknown[];
  readonly noted: readonly Unknown[];
}

const unasked: readonly MissingReason[] = ['not-collected', 'not-installed', 'absent'];

export function listDoubts(network: Network, judged: readonly JudgedIntent[]): FilterDoubts {
  const open: Unknown[] = [];
  const noted: Unknown[] = [];
  for (const id of network.machines.keys()) {
    for (const family of [4, 6] as const) {
      const passing = judged.filter(({ intent, trace }) => isPassing({ id, family }, { intent, trace }));
      if (passing.length === 0) continue;
      for (const gap of listGaps(network, id, family)) {
        const isOpen = !unasked.includes(gap.missing.reason);
        const intents = isOpen ? passing.map(({ intent }) => intent.id) : [];
        (isOpen ? open : noted).push(describeGap(id, gap, intents));
      }
    }
  }
  return { open: uniqueBy(open), noted: uniqueBy(noted) };
}

interface Gap {
  readonly what: string;
  readonly missing: Missing;
}

function listGaps(network: Network, id: string, family: Family): readonly Gap[] {
  const filter = network.namespaces.get(id)?.facts.filter;
  if (filter === undefined) return [];
  const compiled = compileFilter(filter, family);
  return compiled.known ? compiled.value.gaps : [{ what: 'any chain at all', missing: compiled }];
}

function describeGap(id: string, gap: Gap, intents: readonly string[]): Unknown {
  const { missing } = gap;
  const name = id.replace(/^(node|host)\//, '');
  const detail = missing.detail === undefined ? '' : `: ${missing.detail}`;
  return {
    question: `what does ${id}'s packet filter do (${gap.what})?`,
    needs: missing.path,
    command:
      missing.command === undefined
        ? `waylaid collect --node ${name}`
        : `${missing.command.join(' ')} on ${name}`,
    why: `${missing.reason}${detail}`,
    intents,
    missing,
  };
}

function isPassing(
  at: { readonly id: string; readonly family: Family },
  { intent, trace }: JudgedIntent,
): boolean {
  if (trace.verdict !== 'arrives' || familyOf(intent.flow.to) !== at.family) return false;
  return trace.journeys.some((journey) => passes(journey, at.id));
}

function passes(journey: Journey, id: string): boolean {
  return (
    journey.hops.some((hop) => hop.at === id || (hop.nested !== undefined && passes(hop.nested, id))) ||
    (journey.replies ?? []).some((reply) => passes(reply, id))
  );
}

function uniqueBy(unknowns: readonly Unknown[]): readonly Unknown[] {
  return [...new Map(unknowns.map((unknown) => [`${unknown.question} ${unknown.needs}`, unknown])).values()];
}
