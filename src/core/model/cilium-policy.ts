// Whether Cilium lets a packet pass at an endpoint. In: the endpoint, the direction, the peer's identity and the packet's
// end. Out: allowed, denied, or why nobody can say. Only what every order of precedence agrees on is answered: entries that
// match and disagree are left open, since which of them wins changed between Cilium 1.14 and 1.18 (bpf/lib/policy.h).
// No entry at all means denied where the endpoint enforces policy in that direction.
import type { Evidence } from '../fact/evidence.ts';
import type { Known } from '../fact/known.ts';
import type { CiliumEndpoint, CiliumPolicyEntry, CiliumPolicyMap } from '../snapshot/datapath-facts.ts';

export interface PolicyQuery {
  readonly direction: 'ingress' | 'egress';
  /** Of the peer; undefined where nobody knows it. */
  readonly identity: number | undefined;
  /** IP protocol number. */
  readonly protocol: number;
  /** The destination port, or the type of an ICMP message. */
  readonly port: number;
}

export type PolicyAnswer =
  | { readonly kind: 'allowed'; readonly evidence: readonly Evidence[] }
  | { readonly kind: 'denied'; readonly evidence: readonly Evidence[]; readonly text: string }
  /** `needs`: what would tell; `identity` where the peer's is unknown. */
  | { readonly kind: 'unknown'; readonly needs: 'policies' | 'identity' | 'precedence' | 'proxy' };

export function judgeCiliumPolicy(
  policies: Known<readonly CiliumPolicyMap[]> | undefined,
  endpoint: CiliumEndpoint,
  query: PolicyQuery,
): PolicyAnswer {
  const { enforcement } = endpoint;
  if (enforcement === 'none' || (enforcement !== undefined && !enforces(enforcement, query.direction)))
    return { kind: 'allowed', evidence: [endpoint.evidence] };
  const map =
    policies?.known === true ? policies.value.find((one) => one.endpoint === endpoint.id) : undefined;
  if (map === undefined) return { kind: 'unknown', needs: 'policies' };
  const fitting = map.entries.filter((entry) => mayMatch(entry, query));
  if (query.identity === undefined && fitting.some((entry) => entry.identity !== 0))
    return { kind: 'unknown', needs: 'identity' };
  return decide(endpoint, query, fitting);
}

function enforces(enforcement: NonNullable<CiliumEndpoint['enforcement']>, direction: string): boolean {
  return enforcement === 'both' || enforcement === direction;
}

function mayMatch(entry: CiliumPolicyEntry, query: PolicyQuery): boolean {
  return (
    entry.direction === query.direction &&
    (entry.identity === 0 || query.identity === undefined || entry.identity === query.identity) &&
    (entry.protocol === 0 || entry.protocol === query.protocol) &&
    entry.ports.from <= query.port &&
    query.port <= entry.ports.to
  );
}

function decide(
  endpoint: CiliumEndpoint,
  query: PolicyQuery,
  entries: readonly CiliumPolicyEntry[],
): PolicyAnswer {
  const evidence = entries.length === 0 ? [endpoint.evidence] : entries.map((entry) => entry.evidence);
  const name = endpoint.pod ?? `endpoint ${endpoint.id}`;
  if (entries.every((entry) => entry.isDeny)) {
    const why = entries.length === 0 ? 'no entry of its policy map allows it' : 'its policy map denies it';
    if (entries.length === 0 && endpoint.enforcement === undefined)
      return { kind: 'unknown', needs: 'precedence' };
    return { kind: 'denied', evidence, text: `Cilium drops it at the ${query.direction} of ${name}: ${why}` };
  }
  if (entries.some((entry) => entry.isDeny)) return { kind: 'unknown', needs: 'precedence' };
  if (entries.some((entry) => entry.proxyPort !== 0)) return { kind: 'unknown', needs: 'proxy' };
  return { kind: 'allowed', evidence };
}
