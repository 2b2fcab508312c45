// Symptom  Pods on one node cannot reach the pods of another; the route is there.
// Cause    The VXLAN device has no forwarding entry for the other node's end, or one with a wrong address.
// Known by Setting exactly that entry, as the other Node's annotations say, makes the failing flows arrive.
// Repair   The entry by hand; for good, restart flannel so that it writes all of its entries again.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry, NamedCause } from '../name-cause.ts';
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import type { World } from '../world.ts';
import type { Change } from '../../snapshot/change.ts';
import { fdbKey } from '../../model/network.ts';
import { fdbFileEvidence } from './absent-evidence.ts';

type SetFdb = Extract<Change, { kind: 'set-fdb' }>;

const sources = [
  'flannel 0.28.9, pkg/backend/vxlan/vxlan_network.go',
  'Linux 6.12, drivers/net/vxlan/vxlan_core.c (vxlan_xmit: no entry, no default entry, dropped)',
];

function listSettings(group: CauseGroup): readonly SetFdb[] {
  const settings = group.changes.flatMap((change) => (change.kind === 'set-fdb' ? [change] : []));
  return settings.length === group.changes.length ? settings : [];
}

function elementOf(world: World, change: SetFdb): CauseElement {
  const rows = world.network.namespaces.get(change.namespace)?.fdb;
  const row =
    rows?.known === true
      ? rows.value.get(fdbKey(change.link, change.mac))?.find((fact) => fact.remote === change.was)
      : undefined;
  const text = `${change.mac} dev ${change.link} dst ${change.was ?? change.remote}`;
  if (change.was === undefined)
    return {
      kind: 'missing-fdb',
      in: change.namespace,
      text,
      evidence: fdbFileEvidence(world, change.namespace),
    };
  return {
    kind: 'fdb',
    in: change.namespace,
    text,
    evidence: { ...(row?.evidence ?? fdbFileEvidence(world, change.namespace)), quote: text },
  };
}

function nameFdb(group: CauseGroup, world: World, isAbsent: boolean): NamedCause | undefined {
  const settings = listSettings(group);
  const first = settings[0];
  if (first === undefined || settings.some((change) => (change.was === undefined) !== isAbsent))
    return undefined;
  const nodes = joinNames(group.namespaces);
  const words = isAbsent
    ? `has no forwarding entry for ${first.mac}, so ${first.link} drops the frame`
    : `sends frames for ${first.mac} to ${first.was ?? '?'}, where that node is not`;
  return {
    code: isAbsent ? 'flannel-fdb-missing' : 'flannel-fdb-wrong',
    layer: 'encap-mtu',
    title: isAbsent
      ? `${first.link} on ${nodes} does not know where another node's end of the overlay is.`
      : `${first.link} on ${nodes} sends another node's packets to the wrong address (${first.was ?? '?'}).`,
    explanation: `${nodes} ${words}. The other Node's annotations say that its end of the overlay is at ${first.remote}.`,
    subjects: group.namespaces,
    elements: settings.map((change) => elementOf(world, change)),
  };
}

export const flannelFdbMissing: CatalogueEntry = {
  text: {
    code: 'flannel-fdb-missing',
    layer: 'encap-mtu',
    title: "flannel's device has no forwarding entry for another node",
    meaning:
      'flannel.1 learns nothing by itself: for every other node flannel writes which address its MAC is behind. Without the entry the device drops the frame and counts it as a transmit drop. It happens when the device was made anew (its lower device went away), or when flannel stopped half-way.',
    howProved:
      'Setting the entry that the other Node’s annotations ask for makes the failing flows arrive on the model, both ways.',
    byHand: [
      '$ bridge fdb show dev flannel.1',
      '$ kubectl get node NAME -o jsonpath={.metadata.annotations}',
      '$ bridge fdb append MAC dev flannel.1 dst ADDRESS self permanent',
      'For good, let flannel write all of its entries again:',
      '$ systemctl restart k3s-agent',
    ],
    sources,
  },
  name: (group, world) => nameFdb(group, world, true),
};

export const flannelFdbWrong: CatalogueEntry = {
  text: {
    code: 'flannel-fdb-wrong',
    layer: 'encap-mtu',
    title: "flannel's device sends another node's packets to a wrong address",
    meaning:
      'The forwarding entry for another node’s end of the overlay names an address where that node is not: the node got a new address and this one was not told, or the entry was written by hand. The outer packets go to nobody, or to a machine that drops them.',
    howProved:
      'Setting the address that the other Node’s annotations publish makes the failing flows arrive on the model, both ways.',
    byHand: [
      '$ bridge fdb show dev flannel.1',
      '$ bridge fdb replace MAC dev flannel.1 dst ADDRESS self permanent',
      'For good, let flannel write all of its entries again:',
      '$ systemctl restart k3s-agent',
    ],
    sources,
  },
  name: (group, world) => nameFdb(group, world, false),
};
