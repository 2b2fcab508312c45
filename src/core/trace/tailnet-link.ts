// Whether a device is tailscaled's own.
import type { Namespace, Network } from '../model/network.ts';

/** A pod may run a tailscaled of its own, whose files are not those of its machine. */
export function isTailnetLink(network: Network, namespace: Namespace, link: string): boolean {
  const machine = network.machines.get(namespace.id);
  return machine !== undefined && machine.tailnetLinks.has(link);
}
