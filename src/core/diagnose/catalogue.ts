// Every diagnosis that has a name, the more particular before the more general: the first that recognises a cause names
// it. `diagnoses` is the same list as words, for `waylaid explain`.
import type { CauseGroup } from './cause-group.ts';
import type { DiagnosisText } from './diagnosis-text.ts';
import { asymmetricReplyInvalid } from './diagnoses/asymmetric-reply-invalid.ts';
import { bridgeNetfilterOff } from './diagnoses/bridge-netfilter-off.ts';
import { connectionsNotTracked } from './diagnoses/connections-not-tracked.ts';
import { flannelFdbMissing, flannelFdbWrong } from './diagnoses/flannel-fdb.ts';
import { flannelNeighborMissing, flannelNeighborWrong } from './diagnoses/flannel-neighbor.ts';
import { flannelRouteMissing } from './diagnoses/flannel-route-missing.ts';
import { flannelWrongInterface } from './diagnoses/flannel-wrong-interface.ts';
import { forwardingOff } from './diagnoses/forwarding-off.ts';
import { hostFirewallDropsOverlay } from './diagnoses/host-firewall-drops-overlay.ts';
import { hostFirewallDropsPodTraffic } from './diagnoses/host-firewall-drops-pod-traffic.ts';
import { linkDown } from './diagnoses/link-down.ts';
import { markCollision } from './diagnoses/mark-collision.ts';
import { masqueradeInsidePodNetwork } from './diagnoses/masquerade-inside-pod-network.ts';
import { networkPolicyBlocks } from './diagnoses/networkpolicy-blocks.ts';
import { nodePortWithoutLocalEndpoint } from './diagnoses/node-port-without-local-endpoint.ts';
import { packetFilterDropsTraffic } from './diagnoses/packet-filter-drops-traffic.ts';
import { pathMtuExceeded } from './diagnoses/path-mtu-exceeded.ts';
import { podNetworkNotMasqueraded } from './diagnoses/pod-network-not-masqueraded.ts';
import { policyRuleTakesTraffic } from './diagnoses/policy-rule-takes-traffic.ts';
import { reversePathFilter } from './diagnoses/reverse-path-filter.ts';
import { routeDropsTraffic } from './diagnoses/route-drops-traffic.ts';
import { routeTakesClusterCidr } from './diagnoses/route-takes-cluster-cidr.ts';
import { serviceNotMasqueraded } from './diagnoses/service-not-masqueraded.ts';
import { serviceRulesMissing } from './diagnoses/service-rules-missing.ts';
import { serviceRulesStale } from './diagnoses/service-rules-stale.ts';
import { staleConnection } from './diagnoses/stale-connection.ts';
import { tailscaleFilterDropsCgnatRange } from './diagnoses/tailscale-filter-drops-cgnat-range.ts';
import { tailscaleRouteTakesClusterCidr } from './diagnoses/tailscale-route-takes-cluster-cidr.ts';
import { tailscaleRouteTakesNodeLan } from './diagnoses/tailscale-route-takes-node-lan.ts';
import { translationTakesClusterTraffic } from './diagnoses/translation-takes-cluster-traffic.ts';
import { vpnRouteTakesClusterCidr } from './diagnoses/vpn-route-takes-cluster-cidr.ts';
import { elementOfChange } from './element-of-change.ts';
import { joinNames } from './name-cause.ts';
import type { CatalogueEntry, NamedCause } from './name-cause.ts';
import type { World } from './world.ts';
import { isFilterChange } from '../snapshot/edit-filter.ts';

const entries: readonly CatalogueEntry[] = [
  asymmetricReplyInvalid,
  tailscaleRouteTakesClusterCidr,
  tailscaleRouteTakesNodeLan,
  vpnRouteTakesClusterCidr,
  routeDropsTraffic,
  routeTakesClusterCidr,
  flannelRouteMissing,
  flannelFdbMissing,
  flannelFdbWrong,
  flannelNeighborMissing,
  flannelNeighborWrong,
  flannelWrongInterface,
  forwardingOff,
  reversePathFilter,
  policyRuleTakesTraffic,
  linkDown,
  networkPolicyBlocks,
  nodePortWithoutLocalEndpoint,
  tailscaleFilterDropsCgnatRange,
  hostFirewallDropsOverlay,
  hostFirewallDropsPodTraffic,
  packetFilterDropsTraffic,
  serviceRulesMissing,
  serviceRulesStale,
  serviceNotMasqueraded,
  podNetworkNotMasqueraded,
  masqueradeInsidePodNetwork,
  translationTakesClusterTraffic,
  markCollision,
  connectionsNotTracked,
  bridgeNetfilterOff,
  staleConnection,
  pathMtuExceeded,
];

export const diagnoses: readonly DiagnosisText[] = entries.map((entry) => entry.text);

export function nameCause(group: CauseGroup, world: World): NamedCause {
  for (const entry of entries) {
    const named = entry.name(group, world);
    if (named !== undefined) return named;
  }
  return nameUncatalogued(group, world);
}

/** No diagnosis knows it: said in the words of the change itself. */
function nameUncatalogued(group: CauseGroup, world: World): NamedCause {
  const where = joinNames(group.namespaces);
  const what = group.candidates[0]?.family ?? 'an unknown change';
  return {
    code: 'uncatalogued',
    layer: group.changes.every(isFilterChange) ? 'netfilter' : 'kernel-route',
    title: `On ${where === '' ? 'the tailnet' : where}: ${what} makes the failing flows arrive.`,
    explanation: `No catalogued diagnosis fits. What was found is the smallest change that heals: ${group.candidates.map((candidate) => candidate.key).join('; ')}.`,
    subjects: group.namespaces,
    elements: group.changes.map((change) => elementOfChange(change, world)),
  };
}
