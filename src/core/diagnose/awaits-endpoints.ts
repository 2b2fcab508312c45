// A flow to a Service behind which nothing is ready: whatever becomes of its packets (kube-proxy refuses them, or a route
// takes the untranslated address away before that), they arrive only once the Service has endpoints again.
import type { Network } from '../model/network.ts';
import { serviceKey } from '../model/service-table.ts';
import type { Flow } from '../trace/flow.ts';

export function awaitsEndpoints(network: Network, flow: Flow): boolean {
  const entry = network.services.byKey.get(serviceKey(flow.to, flow.protocol, flow.port ?? 0));
  return entry?.isKnown === true && entry.endpoints.length === 0;
}
