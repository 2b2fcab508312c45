// The files of a network namespace: which reader reads which, what an empty one means, and the command that makes it.
import type { Family } from '../../net/address.ts';
import type { FactKind } from '../bundle/fact-shelf.ts';
import type {
  AddressFact,
  FdbFact,
  LinkFact,
  NeighborFact,
  ResolverFact,
  RouteFact,
  RuleFact,
  SocketFact,
  SysctlFact,
} from '../namespace-facts.ts';
import type { Address } from '../../net/address.ts';
import { readAddressesJson, readAddressesText } from './read-addresses.ts';
import { readBridgeLinksJson, readBridgeLinksText } from './read-bridge-links.ts';
import type { BridgePortFact } from './read-bridge-links.ts';
import { readFdbJson, readFdbText } from './read-fdb.ts';
import { readHosts } from './read-hosts.ts';
import { readLinksJson, readLinksText } from './read-links.ts';
import { readNeighborsJson, readNeighborsText } from './read-neighbors.ts';
import { readResolver } from './read-resolver.ts';
import { readRoutesJson, readRoutesText } from './read-routes.ts';
import { readRulesJson, readRulesText } from './read-rules.ts';
import { readSockets } from './read-sockets.ts';
import { readSysctls } from './read-sysctls.ts';

export const linkKind: FactKind<readonly LinkFact[]> = {
  what: 'links',
  forms: [
    { name: 'ip-link.json', read: readLinksJson, whenEmpty: 'unknown' },
    { name: 'ip-link.txt', read: readLinksText, whenEmpty: 'unknown' },
  ],
  command: ['ip', '-j', '-d', '-s', 'link'],
};

export const addressKind: FactKind<readonly AddressFact[]> = {
  what: 'addresses',
  forms: [
    { name: 'ip-addr.json', read: readAddressesJson, whenEmpty: 'unknown' },
    { name: 'ip-addr.txt', read: readAddressesText, whenEmpty: 'unknown' },
  ],
  command: ['ip', '-j', '-d', 'addr'],
};

export function ruleKind(family: Family): FactKind<readonly RuleFact[]> {
  return {
    what: 'rules',
    forms: [
      { name: `ip-rule-${family}.json`, read: (file) => readRulesJson(file, family), whenEmpty: 'unknown' },
      { name: `ip-rule-${family}.txt`, read: (file) => readRulesText(file, family), whenEmpty: 'unknown' },
    ],
    command: ['ip', '-j', '-d', `-${family}`, 'rule'],
  };
}

export function routeKind(family: Family): FactKind<readonly RouteFact[]> {
  return {
    what: 'routes',
    forms: [
      { name: `ip-route-${family}.json`, read: (file) => readRoutesJson(file, family), whenEmpty: 'unknown' },
      {
        name: `ip-route-${family}.txt`,
        read: (file) => readRoutesText(file, family),
        whenEmpty: 'empty-if-listed',
      },
    ],
    command: ['ip', '-j', '-d', `-${family}`, 'route', 'show', 'table', 'all'],
  };
}

export const neighborKind: FactKind<readonly NeighborFact[]> = {
  what: 'neighbours',
  forms: [
    { name: 'ip-neigh.json', read: readNeighborsJson, whenEmpty: 'unknown' },
    { name: 'ip-neigh.txt', read: readNeighborsText, whenEmpty: 'empty-if-listed' },
  ],
  command: ['ip', '-j', 'neigh'],
};

export const fdbKind: FactKind<readonly FdbFact[]> = {
  what: 'forwarding entries',
  forms: [
    { name: 'bridge-fdb.json', read: readFdbJson, whenEmpty: 'unknown' },
    { name: 'bridge-fdb.txt', read: readFdbText, whenEmpty: 'empty-if-listed' },
  ],
  command: ['bridge', '-j', 'fdb'],
};

export const bridgePortKind: FactKind<readonly BridgePortFact[]> = {
  what: 'bridge ports',
  forms: [
    { name: 'bridge-link.json', read: readBridgeLinksJson, whenEmpty: 'unknown' },
    { name: 'bridge-link.txt', read: readBridgeLinksText, whenEmpty: 'empty-if-listed' },
  ],
  command: ['bridge', '-j', '-d', 'link'],
};

export const sysctlKind: FactKind<ReadonlyMap<string, SysctlFact>> = {
  what: 'kernel settings',
  forms: [{ name: 'sysctl.txt', read: readSysctls, whenEmpty: 'unknown' }],
  command: ['sysctl', '-a'],
  isPartUsable: true,
};

export const socketKind: FactKind<readonly SocketFact[]> = {
  what: 'sockets',
  forms: [{ name: 'ss.txt', read: readSockets, whenEmpty: 'empty' }],
  command: ['ss', '-H', '-tulpn'],
};

export const resolverKind: FactKind<ResolverFact> = {
  what: 'nameservers',
  forms: [{ name: 'resolv.conf', read: readResolver, whenEmpty: 'empty-if-listed' }],
  command: ['cat', '/etc/resolv.conf'],
};

export const hostsKind: FactKind<ReadonlyMap<string, readonly Address[]>> = {
  what: 'host names',
  forms: [{ name: 'hosts', read: readHosts, whenEmpty: 'empty-if-listed' }],
  command: ['cat', '/etc/hosts'],
};
