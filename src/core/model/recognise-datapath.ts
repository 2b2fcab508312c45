// Which datapath a node has, from evidence alone. In: the network and a machine. Out: who does each job there. On a machine
// outside the cluster, and on a node without a sign of anything else, the kernel does all of them.
// Signs are devices first (nothing is attached without them), then settings; a node for which neither was collected has
// nothing recognised, and is not followed any further than its routes were collected.
import { byKernel } from './datapath.ts';
import type { DatapathJob, DatapathOwner, NodeDatapath } from './datapath.ts';
import { viewNode } from './datapath/node-signals.ts';
import type { NodeView } from './datapath/node-signals.ts';
import { recogniseCilium } from './datapath/recognise-cilium.ts';
import { recogniseIpvs } from './datapath/recognise-ipvs.ts';
import { recogniseOthers } from './datapath/recognise-others.ts';
import type { NamespaceId, Network } from './network.ts';

const ordinary: NodeDatapath = {
  owners: [],
  hostServices: byKernel,
  podServices: byKernel,
  externalServices: byKernel,
  podForwarding: byKernel,
  masquerade: byKernel,
  policy: byKernel,
};

const recognised = new WeakMap<Network, Map<NamespaceId, NodeDatapath>>();

export function recogniseDatapath(network: Network, machine: NamespaceId): NodeDatapath {
  let known = recognised.get(network);
  if (known === undefined) {
    known = new Map();
    recognised.set(network, known);
  }
  const found = known.get(machine);
  if (found !== undefined) return found;
  const view = viewNode(network, machine);
  const datapath = view === undefined ? ordinary : recognise(view);
  known.set(machine, datapath);
  return datapath;
}

function recognise(view: NodeView): NodeDatapath {
  const network = recogniseCilium(view) ?? recogniseOthers(view);
  const ipvs = recogniseIpvs(view);
  const owners: readonly DatapathOwner[] = [
    ...(network === undefined ? [] : [network.owner]),
    ...(ipvs === undefined ? [] : [ipvs.owner]),
  ];
  const base = network ?? ordinary;
  // Whatever the pod network leaves to kube-proxy is IPVS's where kube-proxy uses that.
  const services = (job: DatapathJob): DatapathJob =>
    job.kind === 'kernel' && ipvs !== undefined ? ipvs.services : job;
  return {
    owners,
    hostServices: services(base.hostServices),
    podServices: services(base.podServices),
    externalServices: services(base.externalServices),
    podForwarding: base.podForwarding,
    masquerade: base.masquerade,
    policy: base.policy,
  };
}
