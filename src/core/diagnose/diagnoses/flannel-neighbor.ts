// Symptom  Pods on one node cannot reach the pods of another; route and forwarding entry are there.
// Cause    The neighbour entry for the other node's flannel address is absent, or has a wrong MAC.
// Known by Setting exactly that entry, as the other Node's annotations say, makes the failing flows arrive.
// Repair   The entry by hand; for good, restart flannel so that it writes all of its entries again.
import { joinNames } from '../name-cause.ts';
import type { CatalogueEntry, NamedCause } from '../name-cause.ts';
import type { CauseGroup } from '../cause-group.ts';
import type { CauseElement } from '../diagnosis.ts';
import type { World } from '../world.ts';
import type { Change } from '../../snapshot/change.ts';
import { neighborKey } from '../../model/network.ts';
import { neighborFileEvidence } from './absent-evidence.ts';

type SetNeighbor = Extract<Change, { kind: 'set-neighbor' }>;

const sources = [
  'flannel 0.28.9, pkg/backend/vxlan/vxlan_network.go',
  'Linux 6.12, net/core/neighbour.c (a device that cannot flood never resolves)',
];

function elementOf(world: World, change: SetNeighbor): CauseElement {
  const table = world.network.namespaces.get(change.namespace)?.neighbors;
  const row = table?.known === true ? table.value.get(neighborKey(change.link, change.address)) : undefined;
  const text = `${change.address} dev ${change.link} lladdr ${change.was ?? change.mac}`;
  if (change.was === undefined)
    return {
      kind: 'missing-neighbor',
      in: change.namespace,
      text,
      evidence: neighborFileEvidence(world, change.namespace),
    };
  return {
    kind: 'neighbor',
    in: change.namespace,
    text,
    evidence: { ...(row?.evidence ?? neighborFileEvidence(world, change.namespace)), quote: text },
  };
}

function nameNeighbor(group: CauseGroup, world: World, isAbsent: boolean): NamedCause | undefined {
  const settings = group.changes.flatMap((change) => (change.kind === 'set-neighbor' ? [change] : []));
  const first = settings[0];
  if (first === undefined || settings.length !== group.changes.length) return undefined;
  if (settings.some((change) => (change.was === undefined) !== isAbsent)) return undefined;
  const nodes = joinNames(group.namespaces);
  return {
    code: isAbsent ? 'flannel-neighbor-missing' : 'flannel-neighbor-wrong',
    layer: 'encap-mtu',
    title: isAbsent
      ? `${nodes} has no neighbour entry for ${first.address} on ${first.link}.`
      : `${nodes} has a wrong MAC (${first.was ?? '?'}) for ${first.address} on ${first.link}.`,
    explanation: isAbsent
      ? `The route to another node's pods goes by ${first.address}, and ${first.link} on ${nodes} has no MAC for it and cannot ask, so the packets are dropped. The other Node publishes ${first.mac}.`
      : `Frames for ${first.address} leave ${nodes} with the MAC ${first.was ?? '?'}, which is not that node's. The other Node publishes ${first.mac}.`,
    subjects: group.namespaces,
    elements: settings.map((change) => elementOf(world, change)),
  };
}

export const flannelNeighborMissing: CatalogueEntry = {
  text: {
    code: 'flannel-neighbor-missing',
    layer: 'encap-mtu',
    title: "A node has no neighbour entry for another node's end of the overlay",
    meaning:
      'flannel writes a permanent neighbour entry for every other node, for its device does not flood ARP. Where the entry is gone the kernel has no MAC to send to and gives up after some seconds with “no route to host”.',
    howProved:
      'Setting the entry that the other Node’s annotations ask for makes the failing flows arrive on the model, both ways.',
    byHand: [
      '$ ip neigh show dev flannel.1',
      '$ ip neigh replace 10.42.2.0 lladdr MAC dev flannel.1 nud permanent',
      'For good, let flannel write all of its entries again:',
      '$ systemctl restart k3s-agent',
    ],
    sources,
  },
  name: (group, world) => nameNeighbor(group, world, true),
};

export const flannelNeighborWrong: CatalogueEntry = {
  text: {
    code: 'flannel-neighbor-wrong',
    layer: 'encap-mtu',
    title: "A node has a wrong MAC for another node's end of the overlay",
    meaning:
      'The neighbour entry for another node’s flannel address names a MAC that is not that node’s: the node made its device anew and this one was not told. Frames go to nobody, or to a third node.',
    howProved:
      'Setting the MAC that the other Node’s annotations publish makes the failing flows arrive on the model, both ways.',
    byHand: [
      '$ ip neigh show dev flannel.1',
      '$ ip neigh replace 10.42.2.0 lladdr MAC dev flannel.1 nud permanent',
      'For good, let flannel write all of its entries again:',
      '$ systemctl restart k3s-agent',
    ],
    sources,
  },
  name: (group, world) => nameNeighbor(group, world, false),
};
