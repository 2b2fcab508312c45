// Connections that the machines track and that nobody answers, though what they ask is a Service with endpoints: a program
// keeps its port and goes on asking. In: the network. Out: those flows, with the port they come from, so that the entry
// decides as it does in the kernel. An entry that was answered once may be a past question and asks nothing.
import type { IntentDraft } from './intent-draft.ts';
import type { Namespace, Network } from '../model/network.ts';
import { serviceKey } from '../model/service-table.ts';
import type { ServiceEntry } from '../model/service-table.ts';
import type { ConnectionFact } from '../snapshot/filter-facts.ts';
import type { Flow } from '../trace/flow.ts';

const udp = 17;

export function listConnectionIntents(network: Network): readonly IntentDraft[] {
  return [...network.machines.keys()].flatMap((id) => {
    const machine = network.namespaces.get(id);
    const connections = machine?.facts.filter?.connections;
    if (machine === undefined || connections?.known !== true) return [];
    const open = connections.value.filter(
      ({ isReplied, protocol, zone }) => !isReplied && protocol === udp && (zone ?? 0) === 0,
    );
    return open.flatMap((connection) =>
      keepsPort(connection, open) ? draftIntent(network, machine, connection) : [],
    );
  });
}

/** Who asks the same from several ports takes a new one each time, and its old entries go by themselves. */
function keepsPort({ original }: ConnectionFact, open: readonly ConnectionFact[]): boolean {
  const alike = open.filter(
    (other) =>
      other.original.source === original.source &&
      other.original.destination === original.destination &&
      other.original.destinationPort === original.destinationPort,
  );
  return alike.length === 1;
}

function draftIntent(
  network: Network,
  machine: Namespace,
  connection: ConnectionFact,
): readonly IntentDraft[] {
  const { original, evidence } = connection;
  const key = serviceKey(original.destination, 'udp', original.destinationPort);
  const entry = network.services.byKey.get(key);
  const from = findSender(network, machine, connection);
  if (entry === undefined || from === undefined || !isAstray(entry, connection)) return [];
  const flow: Flow = {
    from,
    to: original.destination,
    protocol: 'udp',
    port: original.destinationPort,
    fromPort: original.sourcePort,
    ...(from.startsWith('pod/') ? {} : { fromAddress: original.source }),
  };
  return [
    {
      kind: from.startsWith('pod/') ? 'pod-to-service' : 'node-to-service',
      flow,
      label: `${from.replace(/^(pod|node)\//, '')} port ${original.sourcePort} → ${entry.service.replace('service/', '')}`,
      reason: `${machine.id} tracks this connection, and nothing answers it`,
      evidence: [evidence, ...entry.evidence],
    },
  ];
}

/** Sent to something that is no endpoint of the Service (any more), while it has others. */
function isAstray(entry: ServiceEntry, { reply }: ConnectionFact): boolean {
  if (!entry.isKnown || entry.endpoints.length === 0) return false;
  return !entry.endpoints.some(({ address, port }) => address === reply.source && port === reply.sourcePort);
}

/** Whoever on this machine has the address: another machine's entry for the same flow would ask the same again. */
function findSender(network: Network, machine: Namespace, { original }: ConnectionFact): string | undefined {
  const owners = network.owners.get(original.source) ?? [];
  return owners.find((owner) => network.namespaces.get(owner.namespace)?.machine === machine.id)?.namespace;
}
