// All faults the lab knows, and finding one by its name.
import { acceptRoutesOwnLan } from './faults/accept-routes-own-lan.ts';
import { flannelFdbMissing } from './faults/flannel-fdb-missing.ts';
import { flannelFdbWrong } from './faults/flannel-fdb-wrong.ts';
import { flannelNeighborMissing } from './faults/flannel-neighbor-missing.ts';
import { flannelNeighborWrong } from './faults/flannel-neighbor-wrong.ts';
import { flannelRouteLost } from './faults/flannel-route-lost.ts';
import { flannelWrongInterface } from './faults/flannel-wrong-interface.ts';
import { forwardingOff } from './faults/forwarding-off.ts';
import { otherVpnTakesClusterCidr } from './faults/other-vpn-takes-cluster-cidr.ts';
import { table52AllNodes } from './faults/table52-all-nodes.ts';
import { table52ClusterCidr } from './faults/table52-cluster-cidr.ts';
import { table52MoreSpecific } from './faults/table52-more-specific.ts';
import { table52ServiceCidrOnly } from './faults/table52-service-cidr-only.ts';
import { table52SeveralNodes } from './faults/table52-several-nodes.ts';
import { table52WiderRoute } from './faults/table52-wider-route.ts';
import { dockerForwardDrop } from './faults/docker-forward-drop.ts';
import { dockerBesideFlannel } from './faults/docker-beside-flannel.ts';
import { ufwForwardDrop } from './faults/ufw-forward-drop.ts';
import { ufwBesideK3s } from './faults/ufw-beside-k3s.ts';
import { firewalldReject } from './faults/firewalld-reject.ts';
import { firewalldTrustsCluster } from './faults/firewalld-trusts-cluster.ts';
import { tsInputDropsCgnat } from './faults/ts-input-drops-cgnat.ts';
import { cgnatResolverAccepted } from './faults/cgnat-resolver-accepted.ts';
import { kubeProxyFlushed } from './faults/kube-proxy-flushed.ts';
import { kubeProxyIdle, kubeProxyOtherMode } from './faults/kube-proxy-other-mode.ts';
import { kubeProxyStale } from './faults/kube-proxy-stale.ts';
import { masqueradeMissing } from './faults/masquerade-missing.ts';
import { masqueradeByAdmin } from './faults/masquerade-by-admin.ts';
import { masqueradePodToPod } from './faults/masquerade-pod-to-pod.ts';
import { policyWithException } from './faults/policy-with-exception.ts';
import { markCollision } from './faults/mark-collision.ts';
import { markBeside } from './faults/mark-beside.ts';
import { asymmetricInvalid } from './faults/asymmetric-invalid.ts';
import { lanSeesPods } from './faults/lan-sees-pods.ts';
import { bridgeNfOff } from './faults/bridge-nf-off.ts';
import { bridgeNfOthersOff } from './faults/bridge-nf-others-off.ts';
import { conntrackLiveUdp, conntrackStaleUdp } from './faults/conntrack-stale-udp.ts';
import { policyAllowsDns, policyBlocksDns } from './faults/policy-blocks-dns.ts';
import { mtuAllSmaller, mtuTooLarge } from './faults/mtu-too-large.ts';
import { mtuIcmpDropped, mtuIcmpHeard } from './faults/mtu-icmp-dropped.ts';
import { rpFilterLoose, rpFilterStrict } from './faults/rp-filter-strict.ts';
import { inputDropsOtherVxlan, inputDropsVxlan } from './faults/input-drops-vxlan.ts';
import { nodeportLocalPolicy } from './faults/nodeport-local-policy.ts';
import type { LabFault } from './fault.ts';

export const faults: readonly LabFault[] = [
  table52ClusterCidr,
  table52WiderRoute,
  table52MoreSpecific,
  table52ServiceCidrOnly,
  table52SeveralNodes,
  table52AllNodes,
  otherVpnTakesClusterCidr,
  acceptRoutesOwnLan,
  flannelRouteLost,
  flannelFdbMissing,
  flannelFdbWrong,
  flannelNeighborMissing,
  flannelNeighborWrong,
  forwardingOff,
  flannelWrongInterface,
  dockerForwardDrop,
  dockerBesideFlannel,
  ufwForwardDrop,
  ufwBesideK3s,
  firewalldReject,
  firewalldTrustsCluster,
  tsInputDropsCgnat,
  cgnatResolverAccepted,
  kubeProxyFlushed,
  kubeProxyOtherMode,
  kubeProxyStale,
  kubeProxyIdle,
  masqueradeMissing,
  masqueradeByAdmin,
  masqueradePodToPod,
  policyWithException,
  markCollision,
  markBeside,
  asymmetricInvalid,
  lanSeesPods,
  bridgeNfOff,
  bridgeNfOthersOff,
  conntrackStaleUdp,
  conntrackLiveUdp,
  policyBlocksDns,
  policyAllowsDns,
  mtuTooLarge,
  mtuAllSmaller,
  mtuIcmpDropped,
  mtuIcmpHeard,
  rpFilterStrict,
  rpFilterLoose,
  inputDropsVxlan,
  inputDropsOtherVxlan,
  nodeportLocalPolicy,
];

export function findFault(name: string): LabFault {
  const fault = faults.find((candidate) => candidate.name === name);
  if (fault !== undefined) return fault;
  throw new Error(
    `the lab knows no fault ${name}; it knows: ${faults.map((known) => known.name).join(', ')}`,
  );
}
