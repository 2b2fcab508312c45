// The signature of a policy of DROP on FORWARD that no rule for pods comes before: what several firewalls do to a node.
// In goes the node, out comes who loses whom. A packet with kube-proxy's mark (a NodePort, an external address, a pod that
// reaches itself through a Service), the answers to what got out, and what goes into the tailnet pass.
import type { Attempt, Endpoint, Signature } from './signature.ts';

export function losesForwarded(node: string): Signature {
  return (attempt, endpoint) => {
    if (isMarked(attempt, node)) return undefined;
    if (attempt.from.kind === 'pod' && attempt.from.node === node)
      return losesOutgoing(node, attempt, endpoint);
    const isForwardedIn = endpoint.pod !== undefined && endpoint.node === node;
    const isFromThere = attempt.from.name === node && (attempt.entry ?? node) === node;
    return isForwardedIn && !isFromThere ? 'timeout' : undefined;
  };
}

/** Masqueraded on this node: from outside by a NodePort of policy Cluster, or by an external address. */
function isMarked({ from, kind, to, entry }: Attempt, node: string): boolean {
  if (kind === 'external') return from.node === node;
  return kind === 'nodeport' && entry === node && !to.endsWith('-local');
}

function losesOutgoing(node: string, { from, kind, to }: Attempt, endpoint: Endpoint): 'timeout' | undefined {
  const isToMachineItself = endpoint.pod === undefined && to === node;
  const isHairpin = endpoint.pod === from.name;
  return kind === 'tailnet' || isToMachineItself || isHairpin ? undefined : 'timeout';
}
