// The candidate where an answer came back by a machine that had not seen the question, and was dropped there or changed: the
// one who answers gets a route to the asker's network by the machine that the question came from. In: the failing way. Out:
// that route, where both machines share a link and the answerer's own root namespace sends it.
import type { Candidate } from './candidate.ts';
import { dropsInvalid } from './invalid-packets.ts';
import type { FailingWay } from './failing-way.ts';
import { isPodAddress } from '../model/cluster-network.ts';
import type { Namespace, Network } from '../model/network.ts';
import { familyOf } from '../net/address.ts';
import type { Address } from '../net/address.ts';
import { hostPrefix, makePrefix, prefixContains, widthOf } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { RouteEdit } from '../snapshot/change.ts';
import { formatRoute } from '../snapshot/format-routing.ts';
import type { Hop } from '../trace/flow.ts';

export function proposeReturnRoute(network: Network, way: FailingWay): readonly Candidate[] {
  const turn = findTurn(way.hops);
  if (turn === undefined) return [];
  const answerer = network.namespaces.get(turn.answerer);
  const asker = turn.question.packet.source;
  const gateway = answerer === undefined ? undefined : findSharedAddress(network, answerer, turn.question.at);
  if (answerer === undefined || gateway === undefined || !isPodAddress(network.clusterNetwork, asker))
    return [];
  const destination = findShare(network, turn.question.at, asker);
  const route: RouteEdit = {
    family: familyOf(asker),
    type: 'unicast',
    destination,
    table: 'main',
    scope: 'global',
    metric: familyOf(asker) === 6 ? 1024 : 0,
    tos: 0,
    nexthops: [{ link: gateway.link, gateway: gateway.address, weight: 1, flags: [] }],
  };
  return [
    {
      key: `add-route ${answerer.id} ${formatRoute(route)}`,
      family: `add-return-route ${answerer.id}`,
      rank: 9,
      changes: [{ kind: 'add-route', namespace: answerer.id, route }],
    },
  ];
}

/** The answer was taken for one that nobody asked for. */
export function isStray({ end, hops }: FailingWay): boolean {
  if (end.kind !== 'lost') return false;
  if (end.why === 'reply-unmatched') return true;
  const last = hops.at(-1);
  return (
    end.why === 'filtered' &&
    (last?.elements ?? []).some(
      (element) => element.kind === 'filter-rule' && dropsInvalid(element.rule.text),
    )
  );
}

interface Turn {
  readonly answerer: string;
  /** The last hop of the question on another machine: what it left there as. */
  readonly question: Hop;
}

/** Where the question arrived: from there on its source is the destination. */
function findTurn(hops: readonly Hop[]): Turn | undefined {
  const asked = hops.findIndex((hop) => hop.step === 'deliver');
  const answerer = hops[asked]?.at;
  const question = hops.slice(0, Math.max(0, asked)).findLast((hop) => hop.at !== answerer);
  return answerer === undefined || question === undefined ? undefined : { answerer, question };
}

/** An address of the other machine on a network that both stand on. */
function findSharedAddress(
  network: Network,
  own: Namespace,
  other: string,
): { readonly link: string; readonly address: Address } | undefined {
  const theirs = [...(network.namespaces.get(other)?.addressesByLink.values() ?? [])].flat();
  for (const [link, addresses] of own.addressesByLink) {
    for (const fact of addresses) {
      const prefix = makePrefix(fact.address, fact.prefixLength);
      if (prefix.length === widthOf(familyOf(fact.address))) continue;
      const shared = theirs.find((one) => one.scope === 'global' && prefixContains(prefix, one.address));
      if (shared !== undefined) return { link, address: shared.address };
    }
  }
  return undefined;
}

/** The share of the pod network that the node's pods are numbered from; else the one address. */
function findShare(network: Network, node: string, asker: Address): Prefix {
  const { nodes } = network.cluster;
  const own = nodes.known ? nodes.value.find((one) => `node/${one.name}` === node) : undefined;
  const share = own?.podCidrs.find((prefix) => prefixContains(prefix, asker));
  return share ?? hostPrefix(asker);
}
