// Machines ask the nameservers of their resolv.conf, and CoreDNS passes on to those of its pod's what it does not know. In:
// the network. Out: those flows. Most nameservers are outside the evidence: such a flow counts only where it can be judged
// all the same, because it is lost on this side, or because its answer would be.
import type { IntentDraft } from './intent-draft.ts';
import { isPodAddress } from '../model/cluster-network.ts';
import type { Namespace, Network } from '../model/network.ts';
import type { Address } from '../net/address.ts';

const dnsPort = 53;

export function listNameserverIntents(network: Network): readonly IntentDraft[] {
  return [...network.namespaces.values()].flatMap((namespace) =>
    asksNameservers(network, namespace) ? draftIntents(namespace) : [],
  );
}

/** A node's own root, or a pod that answers DNS itself and passes on what it does not know. */
function asksNameservers(network: Network, namespace: Namespace): boolean {
  if (namespace.id.startsWith('node/')) return namespace.id === namespace.machine;
  if (!namespace.id.startsWith('pod/') || namespace.isAssumed) return false;
  const { sockets, addresses } = namespace.facts;
  const isServing =
    sockets.known && sockets.value.some((socket) => socket.protocol === 'udp' && socket.port === dnsPort);
  return (
    isServing &&
    addresses.known &&
    addresses.value.some((fact) => isPodAddress(network.clusterNetwork, fact.address))
  );
}

function draftIntents(namespace: Namespace): readonly IntentDraft[] {
  const { resolver } = namespace.facts;
  if (!resolver.known) return [];
  return resolver.value.nameservers.filter(isElsewhere).map((nameserver) => ({
    kind: 'to-nameserver' as const,
    flow: { from: namespace.id, to: nameserver, protocol: 'udp' as const, port: dnsPort },
    label: `${namespace.id.replace(/^(node|pod)\//, '')} → nameserver ${nameserver}`,
    reason: `its resolv.conf names ${nameserver}`,
    evidence: [resolver.evidence],
    isOutward: true,
  }));
}

/** A resolver of the machine itself (127.0.0.53) is asked without leaving it. */
function isElsewhere(address: Address): boolean {
  return !address.startsWith('127.') && address !== '::1';
}
