// Services as IPVS holds them on a node. In: the node and where a packet is going. Out: the real servers that could get it.
// Rules (Linux 6.12 net/netfilter/ipvs/ip_vs_core.c): a packet is looked at when it is delivered to the node (LOCAL_IN) or
// sent by it (LOCAL_OUT); an exact port before port 0; a real server of weight 0 gets no new connection; without one that
// may get it the sender is told that the port is unreachable. What no virtual server takes is delivered: since kube-ipvs0
// makes every virtual address the node's own, it meets the node's own sockets.
import type { Evidence } from '../fact/evidence.ts';
import type { Missing } from '../fact/known.ts';
import type { Address } from '../net/address.ts';
import type { IpvsRealServer, IpvsTable, IpvsVirtualServer } from '../snapshot/datapath-facts.ts';
import { missingIpvs } from './datapath/recognise-ipvs.ts';
import type { NodeView } from './datapath/node-signals.ts';
import { viewNode } from './datapath/node-signals.ts';
import type { Namespace, Network } from './network.ts';

/** Where a packet is going. */
export interface ServiceQuery {
  readonly address: Address;
  readonly protocol: string;
  readonly port: number;
}

export type IpvsAnswer =
  /** No virtual server takes it. */
  | { readonly kind: 'none' }
  | {
      readonly kind: 'servers';
      readonly virtualServer: IpvsVirtualServer;
      /** None: the packet is refused. */
      readonly servers: readonly IpvsRealServer[];
      readonly evidence: readonly Evidence[];
    }
  | { readonly kind: 'unknown'; readonly question: string; readonly missing: Missing };

export function findIpvsServers(network: Network, node: Namespace, query: ServiceQuery): IpvsAnswer {
  const view = viewNode(network, node.id);
  if (view === undefined) return { kind: 'none' };
  const table = view.machine.facts.datapath?.ipvs;
  if (table?.known !== true) return { kind: 'unknown', ...unknownTable(view, query) };
  const virtualServer = lookUp(table.value, query);
  if (virtualServer === undefined) return { kind: 'none' };
  const servers = virtualServer.realServers.filter((server) => server.weight > 0);
  const shown = servers.length > 0 ? servers : virtualServer.realServers;
  return {
    kind: 'servers',
    virtualServer,
    servers,
    evidence: [virtualServer.evidence, ...shown.map((server) => server.evidence)],
  };
}

function unknownTable(
  view: NodeView,
  query: ServiceQuery,
): { readonly question: string; readonly missing: Missing } {
  return {
    question: `which real servers has IPVS on ${view.root.id} for ${query.address}:${query.port}?`,
    missing: missingIpvs(view),
  };
}

const indexes = new WeakMap<IpvsTable, ReadonlyMap<string, IpvsVirtualServer>>();

function lookUp(table: IpvsTable, query: ServiceQuery): IpvsVirtualServer | undefined {
  let index = indexes.get(table);
  if (index === undefined) {
    index = new Map(table.virtualServers.map((row) => [keyOf(row), row]));
    indexes.set(table, index);
  }
  return index.get(keyOf(query)) ?? index.get(keyOf({ ...query, port: 0 }));
}

function keyOf(end: ServiceQuery): string {
  return `${end.protocol} ${end.address} ${end.port}`;
}
