// The shelves of a network namespace's files, and one namespace put together from them. Names of routing tables are
// resolved here, since rt_tables may come after the routes.
import { mapKnown } from '../../fact/known.ts';
import type { Known } from '../../fact/known.ts';
import { createFactShelf } from '../bundle/fact-shelf.ts';
import type { FactShelf } from '../bundle/fact-shelf.ts';
import { settleIn } from '../bundle/settle.ts';
import type { Settlement } from '../bundle/settle.ts';
import type { LinkFact, NamespaceFacts, RouteFact, RuleFact } from '../namespace-facts.ts';
import {
  addressKind,
  bridgePortKind,
  fdbKind,
  hostsKind,
  linkKind,
  neighborKind,
  resolverKind,
  routeKind,
  ruleKind,
  socketKind,
  sysctlKind,
} from './namespace-kinds.ts';
import { connectionKind, ipsetKind, iptablesKind, nftablesKind } from '../netfilter/filter-kinds.ts';
import { mergeBridgePorts } from './read-bridge-links.ts';
import type { BridgePortFact } from './read-bridge-links.ts';
import { resolveTable } from './routing-names.ts';

export type NamespaceShelves = ReturnType<typeof createNamespaceShelves>;

export function createNamespaceShelves() {
  return {
    links: createFactShelf(linkKind),
    addresses: createFactShelf(addressKind),
    rules4: createFactShelf(ruleKind(4)),
    rules6: createFactShelf(ruleKind(6)),
    routes4: createFactShelf(routeKind(4)),
    routes6: createFactShelf(routeKind(6)),
    neighbors: createFactShelf(neighborKind),
    fdb: createFactShelf(fdbKind),
    bridgePorts: createFactShelf(bridgePortKind),
    sysctls: createFactShelf(sysctlKind),
    sockets: createFactShelf(socketKind),
    resolver: createFactShelf(resolverKind),
    hosts: createFactShelf(hostsKind),
    filter4: createFactShelf(iptablesKind('iptables', 4)),
    filter6: createFactShelf(iptablesKind('iptables', 6)),
    filterLegacy4: createFactShelf(iptablesKind('iptables-legacy', 4)),
    filterLegacy6: createFactShelf(iptablesKind('iptables-legacy', 6)),
    filterNft4: createFactShelf(iptablesKind('iptables-nft', 4)),
    filterNft6: createFactShelf(iptablesKind('iptables-nft', 6)),
    nftables: createFactShelf(nftablesKind),
    ipsets: createFactShelf(ipsetKind),
    connections: createFactShelf(connectionKind),
  };
}

export function assembleNamespace(
  path: string,
  shelves: NamespaceShelves,
  settlement: Settlement,
  tableNumbers: ReadonlyMap<string, string>,
): NamespaceFacts {
  const settle = <T>(shelf: FactShelf<T>): Known<T> => settleIn(settlement, shelf, path);
  return {
    path,
    links: withBridgePorts(settle(shelves.links), settle(shelves.bridgePorts)),
    addresses: settle(shelves.addresses),
    rules: {
      4: mapKnown(settle(shelves.rules4), (rules) => resolveRuleTables(rules, tableNumbers)),
      6: mapKnown(settle(shelves.rules6), (rules) => resolveRuleTables(rules, tableNumbers)),
    },
    routes: {
      4: mapKnown(settle(shelves.routes4), (routes) => resolveRouteTables(routes, tableNumbers)),
      6: mapKnown(settle(shelves.routes6), (routes) => resolveRouteTables(routes, tableNumbers)),
    },
    neighbors: settle(shelves.neighbors),
    fdb: settle(shelves.fdb),
    sysctls: settle(shelves.sysctls),
    sockets: settle(shelves.sockets),
    resolver: settle(shelves.resolver),
    hosts: settle(shelves.hosts),
    filter: {
      byDefault: { 4: settle(shelves.filter4), 6: settle(shelves.filter6) },
      legacy: { 4: settle(shelves.filterLegacy4), 6: settle(shelves.filterLegacy6) },
      nft: { 4: settle(shelves.filterNft4), 6: settle(shelves.filterNft6) },
      nftables: settle(shelves.nftables),
      ipsets: settle(shelves.ipsets),
      connections: settle(shelves.connections),
    },
  };
}

function withBridgePorts(
  links: Known<readonly LinkFact[]>,
  ports: Known<readonly BridgePortFact[]>,
): Known<readonly LinkFact[]> {
  return ports.known ? mapKnown(links, (list) => mergeBridgePorts(list, ports.value)) : links;
}

function resolveRouteTables(
  routes: readonly RouteFact[],
  numbers: ReadonlyMap<string, string>,
): readonly RouteFact[] {
  return routes.map((route) => {
    const table = resolveTable(route.table, numbers);
    return table === route.table ? route : { ...route, table };
  });
}

function resolveRuleTables(
  rules: readonly RuleFact[],
  numbers: ReadonlyMap<string, string>,
): readonly RuleFact[] {
  return rules.map((rule) => {
    if (rule.action.kind !== 'lookup') return rule;
    const table = resolveTable(rule.action.table, numbers);
    return table === rule.action.table ? rule : { ...rule, action: { kind: 'lookup', table } };
  });
}
