// A node's packet filter as a draft that a test may edit before it is written: tables with policies, chains and rules as
// iptables-save prints them. In: the world's objects. Out: what kubelet, kube-proxy (iptables mode) and flannel write for
// them, shortened to what decides, and the text of the dump.
import { createHash } from 'node:crypto';
import type { World, WorldNode, WorldService } from './world.ts';

export interface TableDraft {
  readonly policies: Map<string, 'ACCEPT' | 'DROP'>;
  readonly chains: string[];
  readonly rules: string[];
}

export type FilterDraft = Readonly<Record<'raw' | 'mangle' | 'nat' | 'filter', TableDraft>>;

export type FilterEdit = (draft: FilterDraft) => void;

const builtIn = {
  raw: ['PREROUTING', 'OUTPUT'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
} as const;

export function emptyFilter(): FilterDraft {
  const table = (name: keyof typeof builtIn): TableDraft => ({
    policies: new Map(builtIn[name].map((chain) => [chain, 'ACCEPT'])),
    chains: [],
    rules: [],
  });
  return { raw: table('raw'), mangle: table('mangle'), nat: table('nat'), filter: table('filter') };
}

/** What the cluster's own programs write on the node. */
export function clusterFilter(world: World, node: WorldNode, family: 4 | 6): FilterDraft {
  const draft = emptyFilter();
  if (!world.options.families.includes(family)) return draft;
  writeKubeProxy(draft, world, family);
  if (Object.keys(node.annotations).length > 0) writeFlannel(draft, world, node, family);
  return draft;
}

const comment = (text: string): string => `-m comment --comment "${text}"`;

function writeKubeProxy(draft: FilterDraft, world: World, family: 4 | 6): void {
  const { filter, nat } = draft;
  filter.chains.push('KUBE-FIREWALL', 'KUBE-FORWARD', 'KUBE-SERVICES');
  const loopback = family === 4 ? '127.0.0.0/8' : '::1/128';
  filter.rules.push(
    '-A INPUT -j KUBE-FIREWALL',
    `-A FORWARD ${comment('kubernetes forwarding rules')} -j KUBE-FORWARD`,
    `-A FORWARD -m conntrack --ctstate NEW ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
    '-A OUTPUT -j KUBE-FIREWALL',
    `-A OUTPUT -m conntrack --ctstate NEW ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
    `-A KUBE-FIREWALL ! -s ${loopback} -d ${loopback} ${comment('block incoming localnet connections')} -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`,
    '-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP',
    `-A KUBE-FORWARD ${comment('kubernetes forwarding rules')} -m mark --mark 0x4000/0x4000 -j ACCEPT`,
    `-A KUBE-FORWARD ${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
  );
  nat.chains.push('KUBE-MARK-MASQ', 'KUBE-POSTROUTING', 'KUBE-SERVICES');
  nat.rules.push(
    `-A PREROUTING ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
    `-A OUTPUT ${comment('kubernetes service portals')} -j KUBE-SERVICES`,
    `-A POSTROUTING ${comment('kubernetes postrouting rules')} -j KUBE-POSTROUTING`,
    '-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000',
    '-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN',
    '-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0',
    `-A KUBE-POSTROUTING ${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE --random-fully`,
  );
  for (const service of world.services) writeService(draft, world, service, family);
}

function writeService(draft: FilterDraft, world: World, service: WorldService, family: 4 | 6): void {
  const ofFamily = (address: string): boolean => address.includes(':') === (family === 6);
  const width = family === 6 ? 128 : 32;
  const protocol = service.protocol.toLowerCase();
  const name = `${service.namespace}/${service.name}`;
  const endpoints = service.endpoints.filter(({ address }) => ofFamily(address));
  for (const ip of service.ips.filter(ofFamily)) {
    const match = `-d ${ip}/${width} -p ${protocol}`;
    const port = `-m ${protocol} --dport ${service.port}`;
    if (endpoints.length === 0) {
      draft.filter.rules.push(
        `-A KUBE-SERVICES ${match} ${comment(`${name} has no endpoints`)} ${port} -j REJECT --reject-with ${family === 6 ? 'icmp6-port-unreachable' : 'icmp-port-unreachable'}`,
      );
      continue;
    }
    const chain = chainName('KUBE-SVC-', `${name} ${ip}`);
    draft.nat.chains.push(chain);
    draft.nat.rules.push(`-A KUBE-SERVICES ${match} ${comment(`${name} cluster IP`)} ${port} -j ${chain}`);
    if (family === 4)
      draft.nat.rules.push(`-A ${chain} ! -s ${world.options.podCidr} ${match} ${port} -j KUBE-MARK-MASQ`);
    endpoints.forEach((endpoint, index) => {
      const own = chainName('KUBE-SEP-', `${name} ${endpoint.address} ${endpoint.port}`);
      const rest = endpoints.length - index;
      const draw = rest === 1 ? '' : `-m statistic --mode random --probability ${(1 / rest).toFixed(11)} `;
      const target = family === 6 ? `[${endpoint.address}]` : endpoint.address;
      draft.nat.chains.push(own);
      draft.nat.rules.push(
        `-A ${chain} ${draw}-j ${own}`,
        `-A ${own} -s ${endpoint.address}/${width} -j KUBE-MARK-MASQ`,
        `-A ${own} -p ${protocol} -m ${protocol} -j DNAT --to-destination ${target}:${endpoint.port}`,
      );
    });
  }
}

/** Where kube-proxy does not run, or what it wrote is gone. */
export function removeKubeProxy(draft: FilterDraft): void {
  for (const { chains, rules } of [draft.nat, draft.filter]) {
    const kept = rules.filter((rule) => !rule.includes('KUBE-'));
    rules.splice(0, rules.length, ...kept);
    chains.splice(0, chains.length, ...chains.filter((chain) => !chain.startsWith('KUBE-')));
  }
}

/** Names of the right length; nothing depends on which they are. */
function chainName(prefix: string, of: string): string {
  return `${prefix}${createHash('sha256').update(of).digest('hex').slice(0, 16).toUpperCase()}`;
}

function writeFlannel(draft: FilterDraft, world: World, node: WorldNode, family: 4 | 6): void {
  const own = node.podCidrs.find((cidr) => cidr.includes(':') === (family === 6));
  if (own === undefined) return;
  const all = family === 4 ? world.options.podCidr : 'fd00:42::/48';
  const masq = comment('flanneld masq');
  const forward = comment('flanneld forward');
  const multicast = family === 4 ? '224.0.0.0/4' : 'ff00::/8';
  draft.filter.chains.push('FLANNEL-FWD');
  draft.filter.rules.push(
    `-A FORWARD ${forward} -j FLANNEL-FWD`,
    `-A FLANNEL-FWD -s ${all} ${forward} -j ACCEPT`,
    `-A FLANNEL-FWD -d ${all} ${forward} -j ACCEPT`,
  );
  draft.nat.chains.push('FLANNEL-POSTRTG');
  draft.nat.rules.push(
    `-A POSTROUTING ${masq} -j FLANNEL-POSTRTG`,
    `-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${own} -d ${all} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${all} -d ${own} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG ! -s ${all} -d ${own} ${masq} -j RETURN`,
    `-A FLANNEL-POSTRTG -s ${all} ! -d ${multicast} ${masq} -j MASQUERADE --random-fully`,
    `-A FLANNEL-POSTRTG ! -s ${all} -d ${all} ${masq} -j MASQUERADE --random-fully`,
  );
}

/** As `iptables-save -c` of the nf_tables back end prints it. */
export function formatFilter(draft: FilterDraft): string {
  const tables = (Object.keys(builtIn) as (keyof typeof builtIn)[]).map((name) => {
    const { policies, chains, rules } = draft[name];
    return [
      '# Generated by iptables-save v1.8.9 (nf_tables) on Tue Jan 20 10:00:00 2026',
      `*${name}`,
      ...[...policies].map(([chain, policy]) => `:${chain} ${policy} [0:0]`),
      ...chains.map((chain) => `:${chain} - [0:0]`),
      ...rules.map((rule) => `[0:0] ${rule}`),
      'COMMIT',
      '# Completed on Tue Jan 20 10:00:00 2026',
    ].join('\n');
  });
  return `${tables.join('\n')}\n`;
}
