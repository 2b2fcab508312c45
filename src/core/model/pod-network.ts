// Which pods have a network of their own: neither on their node's, nor over and done with.
import type { PodFact } from '../snapshot/cluster-facts.ts';

/** A pod that has, or should have, a network of its own right now. */
export function isOnPodNetwork(pod: PodFact): boolean {
  return !pod.isHostNetwork && pod.ips.length > 0 && pod.phase !== 'Succeeded' && pod.phase !== 'Failed';
}
