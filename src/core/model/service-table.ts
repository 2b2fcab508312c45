// Services as the data plane sees them: a virtual address and port, and the endpoints behind it.
// In: Service and EndpointSlice objects. Out: a table by `address protocol port`. Which endpoints count follows
// kube-proxy's CategorizeEndpoints (kubernetes 1.30, pkg/proxy/topology.go): the ready ones; when none is ready, those
// that are terminating but still serve.
import type { Evidence } from '../fact/evidence.ts';
import type { Address } from '../net/address.ts';
import { familyOf } from '../net/address.ts';
import type { ClusterFacts, EndpointsFact, ServicePort } from '../snapshot/cluster-facts.ts';

export interface ServiceEndpoint {
  readonly address: Address;
  readonly port: number;
}

export interface ServiceEntry {
  /** `service/NAMESPACE/NAME`. */
  readonly service: string;
  readonly port: ServicePort;
  readonly endpoints: readonly ServiceEndpoint[];
  /** False where no EndpointSlice was collected: then nobody knows what is behind the Service. */
  readonly isKnown: boolean;
  readonly evidence: readonly Evidence[];
}

export interface ServiceTable {
  readonly byKey: ReadonlyMap<string, ServiceEntry>;
  /** Virtual addresses, whatever the port. */
  readonly addresses: ReadonlySet<Address>;
}

export function serviceKey(address: Address, protocol: string, port: number): string {
  return `${address} ${protocol} ${port}`;
}

const tables = new WeakMap<ClusterFacts, ServiceTable>();

export function indexServices(cluster: ClusterFacts): ServiceTable {
  const known = tables.get(cluster);
  if (known !== undefined) return known;
  const table = buildTable(cluster);
  tables.set(cluster, table);
  return table;
}

function buildTable(cluster: ClusterFacts): ServiceTable {
  const byKey = new Map<string, ServiceEntry>();
  const addresses = new Set<Address>();
  const slices = groupByService(cluster);
  for (const service of cluster.services.known ? cluster.services.value : []) {
    const own = slices.get(`${service.namespace}/${service.name}`) ?? [];
    for (const address of [...service.clusterIps, ...service.externalIps]) {
      addresses.add(address);
      for (const port of service.ports) {
        byKey.set(serviceKey(address, port.protocol, port.port), {
          service: `service/${service.namespace}/${service.name}`,
          port,
          endpoints: pickEndpoints(port, address, own),
          isKnown: cluster.endpoints.known,
          evidence: [service.evidence, ...own.map((slice) => slice.evidence)],
        });
      }
    }
  }
  return { byKey, addresses };
}

function groupByService(cluster: ClusterFacts): ReadonlyMap<string, readonly EndpointsFact[]> {
  const groups = new Map<string, EndpointsFact[]>();
  for (const slice of cluster.endpoints.known ? cluster.endpoints.value : []) {
    const key = `${slice.namespace}/${slice.serviceName}`;
    const sofar = groups.get(key);
    if (sofar === undefined) groups.set(key, [slice]);
    else sofar.push(slice);
  }
  return groups;
}

function pickEndpoints(
  port: ServicePort,
  address: Address,
  slices: readonly EndpointsFact[],
): readonly ServiceEndpoint[] {
  const family = familyOf(address);
  const candidates = slices.flatMap((slice) => {
    const numbers = slice.ports.filter(
      (own) => own.protocol === port.protocol && (own.name ?? '') === (port.name ?? ''),
    );
    return slice.endpoints.flatMap((endpoint) =>
      endpoint.addresses
        .filter((own) => familyOf(own) === family)
        .flatMap((own) => numbers.map((number) => ({ address: own, port: number.port, endpoint }))),
    );
  });
  const ready = candidates.filter(
    (candidate) => candidate.endpoint.isReady && !candidate.endpoint.isTerminating,
  );
  const chosen = ready.length > 0 ? ready : candidates.filter((candidate) => candidate.endpoint.isReady);
  return chosen
    .map((candidate) => ({ address: candidate.address, port: candidate.port }))
    .sort((a, b) => (serviceKey(a.address, '', a.port) < serviceKey(b.address, '', b.port) ? -1 : 1));
}
