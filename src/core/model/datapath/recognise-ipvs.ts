// kube-proxy in IPVS mode. Its sign is kube-ipvs0, the dummy device that holds every virtual address; the table itself says
// whether it is in use, since both stay behind when kube-proxy is switched to another mode without `--cleanup`.
// Source: kubernetes 1.30 pkg/proxy/ipvs (deprecated in 1.35, KEP-5495).
import { missing } from '../../fact/known.ts';
import type { Missing } from '../../fact/known.ts';
import { byProgram } from '../datapath.ts';
import type { DatapathJob, DatapathOwner } from '../datapath.ts';
import { findArgument, findDevice, readConfigMap } from './node-signals.ts';
import type { NodeView } from './node-signals.ts';

export interface IpvsDatapath {
  readonly owner: DatapathOwner;
  readonly services: DatapathJob;
}

export function recogniseIpvs(view: NodeView): IpvsDatapath | undefined {
  const device = findDevice(view, /^kube-ipvs0$/);
  const table = view.machine.facts.datapath?.ipvs;
  const isFilled = table?.known === true && table.value.virtualServers.length > 0;
  // Asked for every node of every network that is built: settings are read only where there is a sign.
  if (!isFilled && device === undefined) return undefined;
  const mode = readProxyMode(view);
  if (!isFilled && isElsewhere(table, mode)) return undefined;
  const evidence = [
    ...(device === undefined ? [] : [device]),
    ...(table?.known === true ? [table.evidence] : []),
  ];
  const owner: DatapathOwner = { kind: 'ipvs', name: 'IPVS', evidence };
  if (isFilled || mode === 'ipvs') return { owner, services: byProgram(owner) };
  return {
    owner,
    services: {
      kind: 'unknown',
      owner,
      question: `which Services does IPVS hold on ${view.root.id}?`,
      missing: missingIpvs(view),
    },
  };
}

/**
 * The device is a remnant: IPVS is not loaded, kube-proxy says that it writes chains, or nothing is in the table and
 * nobody says that kube-proxy means to fill it.
 */
function isElsewhere(
  table: NonNullable<NodeView['machine']['facts']['datapath']>['ipvs'] | undefined,
  mode: string | undefined,
): boolean {
  if (table?.known === true) return mode !== 'ipvs';
  if (table?.reason === 'absent') return true;
  return mode === 'iptables' || mode === 'nftables';
}

/** Of its arguments, else of kubeadm's ConfigMap; empty means iptables. */
function readProxyMode(view: NodeView): string | undefined {
  const argument = findArgument(view, 'proxy-mode');
  if (argument !== undefined) return argument;
  const config = readConfigMap(view.network, 'kube-proxy');
  if (!config.known) return undefined;
  const text = config.value?.values.get('config.conf');
  const found = /^mode:[ \t]*"?([A-Za-z]*)"?[ \t]*$/m.exec(text ?? '');
  return found === null ? undefined : found[1] === '' ? 'iptables' : found[1];
}

export function missingIpvs(view: NodeView): Missing {
  const table = view.machine.facts.datapath?.ipvs;
  return table?.known === false
    ? table
    : missing('not-collected', `nodes/${view.machine.facts.name}/ip_vs.txt`);
}
