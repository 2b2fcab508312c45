// How Cilium is set up on a node, for those who follow packets: the settings of recognise-cilium.ts by namespace.
import { viewNode } from './datapath/node-signals.ts';
import { readCiliumSetup } from './datapath/recognise-cilium.ts';
import type { CiliumSetup } from './datapath/recognise-cilium.ts';
import type { Namespace, Network } from './network.ts';

const setups = new WeakMap<Network, Map<string, CiliumSetup | undefined>>();

export function readCiliumSetupOf(network: Network, root: Namespace): CiliumSetup | undefined {
  let known = setups.get(network);
  if (known === undefined) {
    known = new Map();
    setups.set(network, known);
  }
  if (known.has(root.id)) return known.get(root.id);
  const view = viewNode(network, root.id);
  const setup = view === undefined ? undefined : readCiliumSetup(view);
  known.set(root.id, setup);
  return setup;
}
