// The packet is for this namespace: is anybody listening? Sockets decide where they were collected; otherwise somebody is
// taken to listen, and the hop says so. A reply needs no listener but has to come home to the one who asked.
import { addHop, endDelivered, namespaceAt } from './walk.ts';
import type { Stage, Step, WalkState } from './walk.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { SocketFact } from '../snapshot/namespace-facts.ts';

export function deliverPacket(
  network: Network,
  state: WalkState,
  stage: Extract<Stage, { kind: 'deliver' }>,
): Step {
  const namespace = namespaceAt(network, stage.namespace);
  if (
    state.isReply ||
    state.depth > 0 ||
    state.packet.protocol === 'icmp' ||
    state.packet.destinationPort === 0
  ) {
    return endDelivered(
      addHop(state, namespace.id, { step: 'deliver', did: `arrives at ${namespace.id}` }),
      namespace.id,
    );
  }
  const { sockets } = namespace.facts;
  if (!sockets.known) {
    const did = `arrives at ${namespace.id}`;
    const assumes = `something listens on ${portText(state)} (sockets were not collected)`;
    return endDelivered(addHop(state, namespace.id, { step: 'deliver', did, assumes }), namespace.id);
  }
  const listener = sockets.value.find((socket) => listensFor(socket, state));
  if (listener !== undefined) {
    const did = `arrives at ${namespace.id}, ${listener.process ?? 'a socket'} listens on ${portText(state)}`;
    return endDelivered(
      addHop(state, namespace.id, { step: 'deliver', did, because: [listener.evidence] }),
      namespace.id,
    );
  }
  return refuse(state, namespace, sockets.evidence.path);
}

function refuse(state: WalkState, namespace: Namespace, path: string): Step {
  const hop = addHop(state, namespace.id, {
    step: 'deliver',
    did: `nothing listens on ${portText(state)}: refused`,
    because: [{ path }],
    elements: [
      {
        kind: 'absence',
        namespace: namespace.id,
        of: 'socket',
        address: state.packet.destination,
        evidence: { path },
      },
    ],
  });
  return {
    state: hop,
    stage: { kind: 'end', disposition: { kind: 'refused', by: namespace.id, why: 'port-closed' } },
  };
}

function portText(state: WalkState): string {
  return `${state.packet.protocol} ${state.packet.destinationPort}`;
}

function listensFor(socket: SocketFact, state: WalkState): boolean {
  const { packet } = state;
  if (socket.protocol !== packet.protocol || socket.port !== packet.destinationPort) return false;
  if (socket.protocol === 'tcp' && socket.state !== 'LISTEN') return false;
  if (socket.isWildcard || socket.address === undefined) return true;
  const isAny = socket.address === '0.0.0.0' || socket.address === '::';
  // A v6 wildcard socket takes v4 as well unless it says otherwise, which ss shows as `*` and not as `[::]`.
  return isAny
    ? socket.address === '::' || !packet.destination.includes(':')
    : socket.address === packet.destination;
}
