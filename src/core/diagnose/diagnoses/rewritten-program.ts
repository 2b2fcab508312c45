// What diagnoses of a program's own chains share: which program writes them again, why, and what shows it. In: a group. Out:
// the elements (what the failing flows met there, or the dump that lacks it), or nothing where it is another kind of cause.
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import { unfoldHops } from '../failing-way.ts';
import type { RewriteReason } from '../rewrite-program.ts';
import type { World } from '../world.ts';
import { filterElements } from './filter-changes.ts';
import { formatFilterRule } from '../../snapshot/format-filter.ts';
import type { FilterProgramName } from '../../snapshot/filter-place.ts';
import type { Element, Journey } from '../../trace/flow.ts';

export interface RewrittenProgram {
  readonly program: FilterProgramName;
  readonly reason: RewriteReason;
}

export function isRewrite(group: CauseGroup, wanted: RewrittenProgram): boolean {
  const family = `rewrite-filter ${wanted.program} ${wanted.reason}`;
  return group.candidates.length > 0 && group.candidates.every((candidate) => candidate.family === family);
}

/** The program's rules that the failing flows met; the file where there should be some. */
export function rewriteElements(
  group: CauseGroup,
  world: World,
  isOfProgram: (element: Element) => boolean,
): readonly CauseElement[] {
  const met = listElements(group).filter(
    (element) => group.namespaces.includes(element.namespace) && isOfProgram(element),
  );
  const texts = met.flatMap((element) => toCauseElement(element) ?? []);
  const unique = [...new Map(texts.map((one) => [`${one.in} ${one.text}`, one])).values()];
  return unique.length > 0 ? unique.slice(0, mostElements) : filterElements(group, world);
}

/** A flushed table is missing rules for every Service; a few of them show it. */
const mostElements = 8;

export function listElements(group: CauseGroup): readonly Element[] {
  return (group.broken ?? []).flatMap(({ trace }) => trace.journeys.flatMap(elementsOf));
}

function elementsOf(journey: Journey): readonly Element[] {
  return [
    ...unfoldHops(journey.hops).flatMap((hop) => hop.elements),
    ...(journey.replies ?? []).flatMap(elementsOf),
  ];
}

function toCauseElement(element: Element): CauseElement | undefined {
  if (element.kind === 'filter-rule') {
    const text = formatFilterRule(element.rule);
    return { kind: 'filter-rule', in: element.namespace, text, evidence: element.evidence };
  }
  if (element.kind !== 'absence') return undefined;
  const address = element.address ?? 'it';
  const text = element.of === 'endpoint' ? `the real server ${address}` : `no rule for ${address}`;
  return { kind: `missing-${element.of}`, in: element.namespace, text, evidence: element.evidence };
}
