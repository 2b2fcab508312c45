// What the database's NetworkPolicy does: everybody is refused but those it lets in and the node that it runs on. In go the
// beginnings of the names of those that get through, out comes who is refused. kube-router rejects, so it is a refusal.
import type { Signature } from './signature.ts';

export function databaseOnly(allowed: readonly string[]): Signature {
  return ({ from }, { pod, node }) => {
    if (pod?.startsWith('swimto/postgres-') !== true) return undefined;
    // kube-router lets through what a pod sends to itself: its own way out has marked the packet.
    if ((from.kind === 'node' && from.name === node) || from.name === pod) return undefined;
    return allowed.some((name) => from.name.startsWith(`swimto/${name}-`)) ? undefined : 'refused';
  };
}
