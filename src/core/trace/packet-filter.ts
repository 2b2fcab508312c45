// tailscaled's packet filter on the receiving machine: allow-only, any order, default deny; what answers an existing
// flow passes. Rules: tailscale 1.102 wgengine/filter/filter.go (runIn4: ICMP needs only a rule for the addresses).
import type { Evidence } from '../fact/evidence.ts';
import type { Known, Missing } from '../fact/known.ts';
import { prefixContains } from '../net/prefix.ts';
import type { TailscaleFilterRule, TailscaleNetmap } from '../snapshot/machine-facts.ts';
import { ipProtocolOf } from './walk.ts';
import type { WalkState } from './walk.ts';

export type FilterVerdict =
  | { readonly kind: 'allowed' }
  | { readonly kind: 'denied'; readonly evidence: Evidence }
  | { readonly kind: 'unknown'; readonly missing?: Missing };

const defaultProtocols: readonly number[] = [1, 6, 17, 58];

export function judgeFilter(netmap: Known<TailscaleNetmap>, state: WalkState): FilterVerdict {
  if (state.isReply) return { kind: 'allowed' };
  if (!netmap.known) return { kind: 'unknown', missing: netmap };
  const rules = netmap.value.packetFilter;
  if (rules === undefined) return { kind: 'unknown' };
  if (rules.some((rule) => matchesSource(rule, state) && matchesDestination(rule, state)))
    return { kind: 'allowed' };
  const isOpaque = rules.some((rule) => rule.opaqueSources.length > 0 && matchesDestination(rule, state));
  return isOpaque ? { kind: 'unknown' } : { kind: 'denied', evidence: netmap.evidence };
}

function matchesSource(rule: TailscaleFilterRule, state: WalkState): boolean {
  return rule.sources.some((prefix) => prefixContains(prefix, state.packet.source));
}

function matchesDestination(rule: TailscaleFilterRule, state: WalkState): boolean {
  const { packet } = state;
  const protocols = rule.ipProtocols.length === 0 ? defaultProtocols : rule.ipProtocols;
  const isIcmp = packet.protocol === 'icmp';
  if (!isIcmp && !protocols.includes(ipProtocolOf(packet))) return false;
  return rule.destinations.some(
    ({ net, ports }) =>
      prefixContains(net, packet.destination) &&
      (isIcmp || (ports.from <= packet.destinationPort && packet.destinationPort <= ports.to)),
  );
}
