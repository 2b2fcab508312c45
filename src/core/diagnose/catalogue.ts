// Every diagnosis that has a name, the more particular before the more general: the first that recognises a cause names
// it. `diagnoses` is the same list as words, for `waylaid explain`.
import type { CauseGroup } from './cause-group.ts';
import type { DiagnosisText } from './diagnosis-text.ts';
import { flannelFdbMissing, flannelFdbWrong } from './diagnoses/flannel-fdb.ts';
import { flannelNeighborMissing, flannelNeighborWrong } from './diagnoses/flannel-neighbor.ts';
import { flannelRouteMissing } from './diagnoses/flannel-route-missing.ts';
import { flannelWrongInterface } from './diagnoses/flannel-wrong-interface.ts';
import { forwardingOff } from './diagnoses/forwarding-off.ts';
import { linkDown } from './diagnoses/link-down.ts';
import { policyRuleTakesTraffic } from './diagnoses/policy-rule-takes-traffic.ts';
import { reversePathFilter } from './diagnoses/reverse-path-filter.ts';
import { routeDropsTraffic } from './diagnoses/route-drops-traffic.ts';
import { routeTakesClusterCidr } from './diagnoses/route-takes-cluster-cidr.ts';
import { tailscaleRouteTakesClusterCidr } from './diagnoses/tailscale-route-takes-cluster-cidr.ts';
import { tailscaleRouteTakesNodeLan } from './diagnoses/tailscale-route-takes-node-lan.ts';
import { vpnRouteTakesClusterCidr } from './diagnoses/vpn-route-takes-cluster-cidr.ts';
import { elementOfChange } from './element-of-change.ts';
import { joinNames } from './name-cause.ts';
import type { CatalogueEntry, NamedCause } from './name-cause.ts';
import type { World } from './world.ts';

const entries: readonly CatalogueEntry[] = [
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
    layer: 'kernel-route',
    title: `On ${where === '' ? 'the tailnet' : where}: ${what} makes the failing flows arrive.`,
    explanation: `No catalogued diagnosis fits. What was found is the smallest change that heals: ${group.candidates.map((candidate) => candidate.key).join('; ')}.`,
    subjects: group.namespaces,
    elements: group.changes.map((change) => elementOfChange(change, world)),
  };
}
