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
];

export function findFault(name: string): LabFault {
  const fault = faults.find((candidate) => candidate.name === name);
  if (fault !== undefined) return fault;
  throw new Error(
    `the lab knows no fault ${name}; it knows: ${faults.map((known) => known.name).join(', ')}`,
  );
}
