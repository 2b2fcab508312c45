// What several diagnoses of the packet filter ask of a cause: its changes by kind, its elements, and whose rules they are.
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import { elementOfChange } from '../element-of-change.ts';
import { findFirewalls, findOwner, nameOwners } from '../filter-owner.ts';
import type { FilterOwner } from '../filter-owner.ts';
import type { World } from '../world.ts';
import type { Change } from '../../snapshot/change.ts';
import type { FilterPlace } from '../../snapshot/filter-place.ts';

export type RemoveRule = Extract<Change, { kind: 'remove-filter-rule' }>;

/** The first word of every candidate's family: why it was proposed. Nothing where they differ. */
export function reasonOf(group: CauseGroup): string | undefined {
  const reasons = [...new Set(group.candidates.map(({ family }) => family.split(' ', 1)[0]))];
  return reasons.length === 1 ? reasons[0] : undefined;
}

/** Empty unless every change of the group takes a rule away. */
export function listRemovedRules(group: CauseGroup): readonly RemoveRule[] {
  const rules = group.changes.flatMap((change) => (change.kind === 'remove-filter-rule' ? [change] : []));
  return rules.length === group.changes.length ? rules : [];
}

/** One element for each place, in the order of the changes. */
export function filterElements(group: CauseGroup, world: World): readonly CauseElement[] {
  const all = group.changes.map((change) => elementOfChange(change, world));
  return [...new Map(all.map((element) => [`${element.in} ${element.text}`, element])).values()];
}

/** Where the changes of a cause in the packet filter are made. */
export function placesOf(
  group: CauseGroup,
): readonly { readonly namespace: string; readonly place: FilterPlace }[] {
  return group.changes.flatMap((change) => {
    if (change.kind === 'remove-filter-rule') return [{ namespace: change.namespace, place: change.rule }];
    if (change.kind === 'insert-filter-rule' || change.kind === 'set-filter-policy')
      return [{ namespace: change.namespace, place: change.chain }];
    return [];
  });
}

/** The firewalls that the places belong to; empty where nobody recognises one. */
export function ownersOf(group: CauseGroup, world: World): readonly FilterOwner[] {
  const owners = placesOf(group).flatMap(({ namespace, place }) =>
    findFirewalls(world.network.namespaces.get(namespace)?.facts.filter, place),
  );
  return [...new Set(owners)];
}

export function areOwnedBy(rules: readonly RemoveRule[], owner: FilterOwner): boolean {
  return rules.length > 0 && rules.every(({ rule }) => findOwner(rule) === owner);
}

/** `Docker`, or `the host’s packet filter`. */
export function ownerWords(group: CauseGroup, world: World): string {
  return nameOwners(ownersOf(group, world));
}

/** `-t filter -A INPUT -j DROP`, and how many more there are. */
export function quoteFirst(elements: readonly CauseElement[]): string {
  const [first] = elements;
  if (first === undefined) return 'a rule';
  return elements.length === 1 ? first.text : `${first.text} (and ${elements.length - 1} more)`;
}
