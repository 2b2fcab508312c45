// Symptom  Everything that should leave by one device is lost.
// Cause    The device is down or has no carrier.
// Known by Raising it (and nothing else) makes the failing flows arrive.
// Repair   Bring it up; find out who took it down.
import { joinNames, joinWords } from '../name-cause.ts';
import type { Change } from '../../snapshot/change.ts';
import type { CatalogueEntry } from '../name-cause.ts';

export const linkDown: CatalogueEntry = {
  text: {
    code: 'link-down',
    layer: 'kernel-route',
    title: 'A network device that traffic needs is down',
    meaning:
      'A route leads to a device that is down or has no carrier, so packets are dropped there: a bridge without ports, a cable, a tunnel whose program is gone.',
    howProved:
      'The failing flows are dropped at this device, and raising it alone makes them arrive on the model, both ways.',
    byHand: ['$ ip -br link', '$ ip link set DEVICE up'],
    sources: ['Linux 6.12, net/sched/sch_generic.c (noop queue of a device without carrier)'],
  },
  name: (group, world) => {
    const raised = group.changes.flatMap((change) => (change.kind === 'set-link-up' ? [change] : []));
    const isWhole = group.changes.every(
      (change) => change.kind === 'set-link-up' || isEntryOf(change, raised),
    );
    if (raised.length === 0 || !isWhole) return undefined;
    const names = joinWords(raised.map((change) => change.link));
    return {
      code: 'link-down',
      layer: 'kernel-route',
      title: `${names} on ${joinNames(group.namespaces)} is down.`,
      explanation: `Packets leave ${joinNames(group.namespaces)} by ${names}, which is down or has no carrier, and are dropped there or, its routes being gone with it, leave by another device.`,
      subjects: group.namespaces,
      elements: raised.flatMap((change) => {
        const link = world.network.namespaces.get(change.namespace)?.linksByName.get(change.link);
        const text = `${change.link} ${link?.flags.join(',') ?? ''}`;
        return link === undefined
          ? []
          : [{ kind: 'link', in: change.namespace, text, evidence: { ...link.evidence, quote: text } }];
      }),
    };
  },
};

/** What went with the device and has to come back with it. */
function isEntryOf(
  change: Change,
  raised: readonly { readonly namespace: string; readonly link: string }[],
): boolean {
  const isRaised = (namespace: string, link: string | undefined): boolean =>
    raised.some((one) => one.namespace === namespace && one.link === link);
  if (change.kind === 'add-route') return isRaised(change.namespace, change.route.nexthops[0]?.link);
  return change.kind === 'set-neighbor' && isRaised(change.namespace, change.link);
}
