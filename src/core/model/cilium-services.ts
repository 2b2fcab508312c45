// Services as Cilium holds them on a node. In: the node and where a packet is going. Out: the backends that could get it.
// The agent's own list is preferred, since it knows the backends' states; the eBPF map prints none, and its slots of
// backends that get no new connections stand beside the others. Rules: Cilium 1.14 to 1.18, pkg/loadbalancer (active
// backends only; those that are terminating where no other is left; quarantined ones and those in maintenance never),
// bpf/lib/lb.h (the entry of the internal scope where a Service has two; a slot without its backend drops).
import type { Evidence } from '../fact/evidence.ts';
import type { Known, Missing } from '../fact/known.ts';
import type { CiliumBackend, CiliumFrontend } from '../snapshot/datapath-facts.ts';
import { missingCiliumState } from './datapath/recognise-cilium.ts';
import { viewNode } from './datapath/node-signals.ts';
import type { NodeView } from './datapath/node-signals.ts';
import type { ServiceQuery } from './ipvs-services.ts';
import type { Namespace, Network } from './network.ts';

export type CiliumAnswer =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'backends';
      readonly frontend: CiliumFrontend;
      readonly flags: readonly string[];
      readonly backends: readonly CiliumBackend[];
      /** Slots whose backend is not in the map: what is drawn to one of them is dropped. */
      readonly lostSlots: number;
      readonly evidence: readonly Evidence[];
      /** Set where the map alone was collected, which does not tell which backends are in use. */
      readonly assumes?: string;
    }
  | { readonly kind: 'unknown'; readonly question: string; readonly missing: Missing };

export function findCiliumBackends(network: Network, node: Namespace, query: ServiceQuery): CiliumAnswer {
  const view = viewNode(network, node.id);
  if (view === undefined) return { kind: 'none' };
  const cilium = view.machine.facts.datapath?.cilium;
  if (cilium?.services.known !== true && cilium?.balancing.known !== true) {
    const question = `which backends has Cilium on ${node.id} for ${query.address}:${query.port}?`;
    return { kind: 'unknown', question, missing: missingCiliumState(view, 'balancing') };
  }
  const own = findFrontend(cilium.services, query);
  const inMap = findFrontend(cilium.balancing, query);
  if (own !== undefined) return describeFrontend(own, inMap, pickActive(own.backends));
  if (inMap === undefined) return { kind: 'none' };
  const answer = describeFrontend(inMap, inMap, pickFromMap(view, inMap));
  return answer.backends.length < 2
    ? answer
    : {
        ...answer,
        assumes: 'every backend that the map lists gets new connections (their states were not collected)',
      };
}

type Backends = Extract<CiliumAnswer, { kind: 'backends' }>;

function describeFrontend(
  frontend: CiliumFrontend,
  inMap: CiliumFrontend | undefined,
  backends: readonly CiliumBackend[],
): Backends {
  const rows = inMap === undefined || inMap === frontend ? [frontend] : [frontend, inMap];
  return {
    kind: 'backends',
    frontend,
    // What the map says of the frontend itself is what its program obeys.
    flags: (inMap ?? frontend).flags,
    backends,
    lostSlots: inMap?.lostBackends.length ?? 0,
    evidence: rows.map((row) => row.evidence),
  };
}

/** The exact protocol before one that the list does not name, the scope for what comes from inside before the other. */
function findFrontend(
  frontends: Known<readonly CiliumFrontend[]>,
  query: ServiceQuery,
): CiliumFrontend | undefined {
  const fitting = (frontends.known ? frontends.value : []).filter(
    (row) =>
      row.address === query.address &&
      row.port === query.port &&
      (row.protocol === undefined || row.protocol === query.protocol),
  );
  const rank = (row: CiliumFrontend): number =>
    (row.protocol === undefined ? 2 : 0) + (row.isInternalScope ? 0 : 1);
  return [...fitting].sort((a, b) => rank(a) - rank(b))[0];
}

function pickActive(backends: readonly CiliumBackend[]): readonly CiliumBackend[] {
  const inState = (state: string): readonly CiliumBackend[] =>
    backends.filter((backend) => backend.state === state);
  const active = inState('active');
  return active.length > 0 ? active : inState('terminating');
}

/** Those that the EndpointSlices call terminating keep their slots and get nothing new while another is left. */
function pickFromMap({ network }: NodeView, frontend: CiliumFrontend): readonly CiliumBackend[] {
  const { endpoints } = network.cluster;
  const leaving = new Set(
    (endpoints.known ? endpoints.value : []).flatMap((slice) =>
      slice.endpoints.flatMap((endpoint) => (endpoint.isTerminating ? endpoint.addresses : [])),
    ),
  );
  const staying = frontend.backends.filter((backend) => !leaving.has(backend.address));
  return staying.length > 0 ? staying : frontend.backends;
}
