// Moves a node's end of flannel's VXLAN: its own device, and every other node's entry for it. In: a snapshot and the change.
// Out: a snapshot that shares every machine without such an entry.
import { mapKnown } from '../fact/known.ts';
import type { Change } from './change.ts';
import { editNamespace, proposedEvidence } from './edit-snapshot.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { LinkFact } from './namespace-facts.ts';
import type { Snapshot } from './snapshot.ts';

export function moveVtep(snapshot: Snapshot, change: Extract<Change, { kind: 'move-vtep' }>): Snapshot {
  const moved = editNamespace(snapshot, change.namespace, (facts) => ({
    ...facts,
    links: mapKnown(facts.links, (rows) =>
      rows.map((row) => (row.name === change.link ? rebind(row, change) : row)),
    ),
  }));
  const nodes = [...moved.nodes].map(([name, machine]): [string, MachineFacts] => {
    const known = machine.root.fdb;
    const isConcerned =
      known.known && known.value.some((row) => row.mac === change.mac && row.remote !== undefined);
    if (`node/${name}` === change.namespace || !isConcerned) return [name, machine];
    const fdb = mapKnown(machine.root.fdb, (rows) =>
      rows.map((row) =>
        row.mac === change.mac && row.remote !== undefined
          ? { ...row, remote: change.local, evidence: proposedEvidence }
          : row,
      ),
    );
    return [name, { ...machine, root: { ...machine.root, fdb } }];
  });
  return { ...moved, nodes: new Map(nodes) };
}

function rebind(link: LinkFact, change: Extract<Change, { kind: 'move-vtep' }>): LinkFact {
  if (link.vxlan === undefined) return link;
  return { ...link, vxlan: { ...link.vxlan, local: change.local, lower: change.lower } };
}
