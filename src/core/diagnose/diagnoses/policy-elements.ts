// The policies of chains that ended a cause's failing flows, as elements. In: the group. Out: each policy once, with its
// place.
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import { unfoldHops } from '../failing-way.ts';
import { formatFilterPolicy } from '../../snapshot/format-filter.ts';
import type { FilterPlace } from '../../snapshot/filter-place.ts';
import type { Journey } from '../../trace/flow.ts';

export interface PolicyElement {
  readonly chain: FilterPlace;
  readonly element: CauseElement;
}

export function findPolicyElements(group: CauseGroup): readonly PolicyElement[] {
  const journeys = (group.broken ?? []).flatMap(({ trace }) => trace.journeys);
  const found = journeys.flatMap(listPolicies).filter(({ element }) => group.namespaces.includes(element.in));
  return [...new Map(found.map((one) => [`${one.element.in} ${one.element.text}`, one])).values()];
}

function listPolicies(journey: Journey): readonly PolicyElement[] {
  const own = unfoldHops(journey.hops).flatMap((hop) => hop.elements);
  return [
    ...own.flatMap((element) => {
      if (element.kind !== 'filter-policy') return [];
      const { namespace, chain, evidence } = element;
      const text = formatFilterPolicy(chain, 'drop');
      return [{ chain, element: { kind: 'filter-policy', in: namespace, text, evidence } }];
    }),
    ...(journey.replies ?? []).flatMap(listPolicies),
  ];
}
