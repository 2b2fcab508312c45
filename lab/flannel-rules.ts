// What flannel 0.28.9 writes into the packet filter: it accepts what the pods send and get, and gives pods a machine's
// address where they talk to somebody outside. In go the cluster's and the node's prefix, out come chains and rules as
// iptables-save prints them. (flannel v0.28.9, pkg/trafficmngr/iptables/iptables.go.)
import { comment } from './table-text.ts';
import type { TableText } from './table-text.ts';

const masq = comment('flanneld masq');
const forward = comment('flanneld forward');

export const postroutingJump = `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`;
export const forwardJump = `-A FORWARD ${forward} -j FLANNEL-FWD`;

export function renderForwarding(clusterCidr: string): TableText {
  return {
    chains: ['FLANNEL-FWD'],
    rules: [
      `-A FLANNEL-FWD -s ${clusterCidr} ${forward} -j ACCEPT`,
      `-A FLANNEL-FWD -d ${clusterCidr} ${forward} -j ACCEPT`,
    ],
  };
}

export function renderMasquerade(clusterCidr: string, podCidr: string): TableText {
  const chain = '-A FLANNEL-POSTRTG';
  return {
    chains: ['FLANNEL-POSTRTG'],
    rules: [
      `${chain} -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
      `${chain} -s ${podCidr} -d ${clusterCidr} ${masq} -j RETURN`,
      `${chain} -s ${clusterCidr} -d ${podCidr} ${masq} -j RETURN`,
      `${chain} ! -s ${clusterCidr} -d ${podCidr} ${masq} -j RETURN`,
      `${chain} -s ${clusterCidr} ! -d 224.0.0.0/4 ${masq} -j MASQUERADE --random-fully`,
      `${chain} ! -s ${clusterCidr} -d ${clusterCidr} ${masq} -j MASQUERADE --random-fully`,
    ],
  };
}
