// The files that show what a datapath outside the kernel's tables holds: which reader reads which, and what prints them.
// Those of Cilium are printed inside its agent's container, so no collector on the machine has them; see
// docs/collecting.md for the commands.
import { createFactShelf } from '../bundle/fact-shelf.ts';
import type { FactKind } from '../bundle/fact-shelf.ts';
import { settleIn } from '../bundle/settle.ts';
import type { Settlement } from '../bundle/settle.ts';
import type {
  CiliumEndpoint,
  CiliumFrontend,
  CiliumIpcacheEntry,
  CiliumPolicyMap,
  CiliumStatus,
  DatapathFacts,
  IpvsTable,
} from '../datapath-facts.ts';
import { readCiliumBalancing, readCiliumServices } from './read-cilium-balancing.ts';
import { readCiliumEndpoints } from './read-cilium-endpoints.ts';
import { readCiliumIpcache } from './read-cilium-ipcache.ts';
import { readCiliumPolicies } from './read-cilium-policy.ts';
import { readCiliumStatus } from './read-cilium-status.ts';
import { readIpvsProc, readIpvsSave } from './read-ipvs.ts';

const ipvsKind: FactKind<IpvsTable> = {
  what: 'virtual servers',
  forms: [
    { name: 'ipvsadm.txt', read: readIpvsSave, whenEmpty: 'empty-if-listed' },
    { name: 'ip_vs.txt', read: readIpvsProc, whenEmpty: 'unknown' },
  ],
  command: ['cat', '/proc/net/ip_vs'],
};

const statusKind: FactKind<CiliumStatus> = {
  what: 'settings',
  forms: [{ name: 'cilium-status.json', read: readCiliumStatus, whenEmpty: 'unknown' }],
  command: ['cilium-dbg', 'status', '-o', 'json'],
};

const balancingKind: FactKind<readonly CiliumFrontend[]> = {
  what: 'frontends',
  forms: [{ name: 'cilium-bpf-lb-list.json', read: readCiliumBalancing, whenEmpty: 'unknown' }],
  command: ['cilium-dbg', 'bpf', 'lb', 'list', '-o', 'json'],
};

const serviceKind: FactKind<readonly CiliumFrontend[]> = {
  what: 'frontends',
  forms: [{ name: 'cilium-service-list.json', read: readCiliumServices, whenEmpty: 'unknown' }],
  command: ['cilium-dbg', 'service', 'list', '-o', 'json'],
};

const endpointKind: FactKind<readonly CiliumEndpoint[]> = {
  what: 'endpoints',
  forms: [{ name: 'cilium-endpoint-list.json', read: readCiliumEndpoints, whenEmpty: 'unknown' }],
  command: ['cilium-dbg', 'endpoint', 'list', '-o', 'json'],
};

const policyKind: FactKind<readonly CiliumPolicyMap[]> = {
  what: 'policy maps',
  forms: [{ name: 'cilium-bpf-policy.json', read: readCiliumPolicies, whenEmpty: 'unknown' }],
  command: ['cilium-dbg', 'bpf', 'policy', 'get', '--all', '-o', 'json'],
};

const ipcacheKind: FactKind<readonly CiliumIpcacheEntry[]> = {
  what: 'identities',
  forms: [{ name: 'cilium-bpf-ipcache.json', read: readCiliumIpcache, whenEmpty: 'unknown' }],
  command: ['cilium-dbg', 'bpf', 'ipcache', 'list', '-o', 'json'],
};

export type DatapathShelves = ReturnType<typeof createDatapathShelves>;

export function createDatapathShelves() {
  return {
    ipvs: createFactShelf(ipvsKind),
    ciliumStatus: createFactShelf(statusKind),
    ciliumBalancing: createFactShelf(balancingKind),
    ciliumServices: createFactShelf(serviceKind),
    ciliumEndpoints: createFactShelf(endpointKind),
    ciliumPolicies: createFactShelf(policyKind),
    ciliumIpcache: createFactShelf(ipcacheKind),
  };
}

/** `path` is the machine's folder. */
export function assembleDatapath(
  path: string,
  shelves: DatapathShelves,
  settlement: Settlement,
): DatapathFacts {
  return {
    ipvs: settleIn(settlement, shelves.ipvs, path),
    cilium: {
      status: settleIn(settlement, shelves.ciliumStatus, path),
      balancing: settleIn(settlement, shelves.ciliumBalancing, path),
      services: settleIn(settlement, shelves.ciliumServices, path),
      endpoints: settleIn(settlement, shelves.ciliumEndpoints, path),
      policies: settleIn(settlement, shelves.ciliumPolicies, path),
      ipcache: settleIn(settlement, shelves.ciliumIpcache, path),
    },
  };
}
