// Symptom  Everything that should leave by one device is lost.
// Cause    The device is down or has no carrier.
// Known by Raising it (and nothing else) makes the failing flows arrive.
// Repair   Bring it up; find out who took it down.
import { joinNames, joinWords } from '../name-cause.ts';
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
    if (raised.length === 0 || raised.length !== group.changes.length) return undefined;
    const names = joinWords(raised.map((change) => change.link));
    return {
      code: 'link-down',
      layer: 'kernel-route',
      title: `${names} on ${joinNames(group.namespaces)} is down.`,
      explanation: `Packets leave ${joinNames(group.namespaces)} by ${names}, which is down or has no carrier, and are dropped there.`,
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
