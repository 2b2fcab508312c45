// Edits one machine or one namespace of a snapshot, by the model's id (`node/n1`, `host/h`, `pod/ns/p`). In: a snapshot, an
// id, the edit. Out: a snapshot that shares everything else; an id that nobody knows changes nothing.
import type { Evidence } from '../fact/evidence.ts';
import type { MachineFacts } from './machine-facts.ts';
import type { NamespaceFacts } from './namespace-facts.ts';
import type { Snapshot } from './snapshot.ts';

/** Where a row comes from that nobody observed. */
export const proposedEvidence: Evidence = { path: '(proposed change)' };

export function editMachine(
  snapshot: Snapshot,
  id: string,
  edit: (machine: MachineFacts) => MachineFacts,
): Snapshot {
  const [kind, name] = splitId(id);
  const machines = kind === 'host' ? snapshot.hosts : snapshot.nodes;
  const machine = machines.get(name);
  if (machine === undefined) return snapshot;
  const edited = edit(machine);
  if (edited === machine) return snapshot;
  const next = new Map(machines).set(name, edited);
  return kind === 'host' ? { ...snapshot, hosts: next } : { ...snapshot, nodes: next };
}

function splitId(id: string): readonly [string, string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}

export function editNamespace(
  snapshot: Snapshot,
  id: string,
  edit: (facts: NamespaceFacts) => NamespaceFacts,
): Snapshot {
  const [kind, name] = splitId(id);
  if (kind !== 'pod') return editMachine(snapshot, id, (machine) => editRoot(machine, edit));
  for (const [node, machine] of snapshot.nodes) {
    const facts = machine.pods.get(name);
    if (facts === undefined) continue;
    const edited = edit(facts);
    if (edited === facts) return snapshot;
    return editMachine(snapshot, `node/${node}`, (own) => ({
      ...own,
      pods: new Map(own.pods).set(name, edited),
    }));
  }
  return snapshot;
}

/** An edit that changes nothing gives the same machine. */
function editRoot(machine: MachineFacts, edit: (facts: NamespaceFacts) => NamespaceFacts): MachineFacts {
  const root = edit(machine.root);
  return root === machine.root ? machine : { ...machine, root };
}
