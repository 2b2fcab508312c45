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
  const open = new Map<string, Found>();
  const noted = new Map<string, Found>();
  for (const id of network.machines.keys()) {
    for (const family of [4, 6] as const) {
      const passing = judged.filter(({ intent, trace }) => isPassing({ id, family }, { intent, trace }));
      if (passing.length === 0) continue;
      for (const gap of listGaps(network, id, family)) {
        const isOpen = !unasked.includes(gap.missing.reason);
        const intents = isOpen ? passing.map(({ intent }) => intent.id) : [];
        // What nobody asked for is said once for all machines, what failed for each.
        const key = isOpen ? `${gap.missing.path} ${gap.what}` : `${gap.missing.reason} ${gap.what}`;
        addFound(isOpen ? open : noted, key, { gap, ids: [id], intents });
      }
    }
  }
  return { open: [...open.values()].map(describeFound), noted: [...noted.values()].map(describeFound) };
}

interface Found {
  readonly gap: Gap;
  readonly ids: readonly string[];
  readonly intents: readonly string[];
}

function addFound(found: Map<string, Found>, key: string, one: Found): void {
  const known = found.get(key);
  const union = (a: readonly string[], b: readonly string[]): readonly string[] => [...new Set([...a, ...b])];
  if (known === undefined) found.set(key, one);
  else
    found.set(key, {
      gap: known.gap,
      ids: union(known.ids, one.ids),
      intents: union(known.intents, one.intents),
    });
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

function describeFound({ gap, ids, intents }: Found): Unknown {
  const { missing } = gap;
  const names = ids.map((id) => id.replace(/^(node|host)\//, ''));
  const first = names[0] ?? '';
  const whose = names.length === 1 ? `${first}'s packet filter` : `the packet filters of ${listNames(names)}`;
  const detail = missing.detail === undefined ? '' : `: ${missing.detail}`;
  const command =
    missing.command === undefined
      ? `waylaid collect --node ${first}`
      : `${missing.command.join(' ')} on ${first}`;
  return {
    question: `what ${names.length === 1 ? 'does' : 'do'} ${whose} do (${gap.what})?`,
    needs: missing.path,
    command,
    why: `${missing.reason}${detail}`,
    intents,
    missing,
  };
}

function listNames(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 3).join(', ')} and ${names.length - 3} more` : names.join(', ');
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
