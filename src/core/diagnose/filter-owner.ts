// Which program wrote a chain of the packet filter, by the names that each gives its own chains and tables. In: a place.
// Out: the program, or `unknown` (a person, a script, a program that writes into the built-in chains). A built-in chain's
// policy belongs to whoever of those that set it has chains beside it; where several have, nobody can say which.
import type { FilterFacts } from '../snapshot/filter-facts.ts';
import type { FilterPlace } from '../snapshot/filter-place.ts';
import { listDumps } from './observe-filter.ts';

export type FilterOwner =
  | 'kube-proxy'
  | 'network-policy'
  | 'flannel'
  | 'tailscale'
  | 'portmap'
  | 'docker'
  | 'ufw'
  | 'firewalld'
  | 'fail2ban'
  | 'unknown';

interface Signature {
  readonly owner: FilterOwner;
  readonly chain: RegExp;
  /** Native tables of nftables. */
  readonly table?: RegExp;
}

/**
 * kubernetes 1.36 pkg/proxy/{iptables,nftables}; k3s' kube-router 2.6, Calico 3.30 (felix/rules), Weave, Azure; flannel
 * 0.28; tailscale 1.102 util/linuxfw; containernetworking/plugins 1.7 portmap; moby 29 (nftables: docker-bridges); ufw
 * 0.36; firewalld 2.3 (nftables, and the chains of its iptables back end); fail2ban 1.1.
 */
const signatures: readonly Signature[] = [
  {
    owner: 'network-policy',
    chain: /^(KUBE-(ROUTER|POD-FW|NWPLCY)-|cali-|WEAVE-NPC|AZURE-NPM)/,
    table: /^(calico|kube-network-policies)$/,
  },
  { owner: 'kube-proxy', chain: /^KUBE-/, table: /^kube-proxy$/ },
  { owner: 'flannel', chain: /^FLANNEL-/, table: /^flannel-ipv[46]$/ },
  { owner: 'tailscale', chain: /^ts-/ },
  { owner: 'portmap', chain: /^CNI-/, table: /^cni_hostport$/ },
  { owner: 'docker', chain: /^DOCKER/, table: /^docker-/ },
  { owner: 'ufw', chain: /^ufw6?-/ },
  {
    owner: 'firewalld',
    chain: /^(INPUT|FORWARD|OUTPUT|PREROUTING|POSTROUTING)_|^(IN|FWD|FWDI|FWDO|PRE|POST)_/,
  },
  { owner: 'fail2ban', chain: /^f2b-/, table: /^f2b-/ },
];

/** In nftables the chains of firewalld's table have the same names as anybody's. */
const firewalldTable = /^firewalld/;

export function findOwner(place: Pick<FilterPlace, 'chain' | 'table' | 'origin'>): FilterOwner {
  if (place.origin === 'nftables' && firewalldTable.test(place.table)) return 'firewalld';
  const found = signatures.find(
    ({ chain, table }) =>
      chain.test(place.chain) || (place.origin === 'nftables' && table?.test(place.table) === true),
  );
  return found?.owner ?? 'unknown';
}

/** Firewalls of a host that set policies, or write their last rule into the built-in chains. */
const hostFirewalls: readonly FilterOwner[] = ['ufw', 'firewalld', 'docker'];

/** The firewalls that have chains in the same table: one of them wrote what stands in its built-in chains. */
export function findFirewalls(filter: FilterFacts | undefined, place: FilterPlace): readonly FilterOwner[] {
  const own = findOwner(place);
  if (own !== 'unknown') return [own];
  const table = listDumps(filter)
    .find((dump) => dump.path === place.path)
    ?.tables.find((one) => one.name === place.table && one.family === place.family);
  const owners = [...(table?.chains.keys() ?? [])].map((chain) => findOwner({ ...place, chain }));
  return hostFirewalls.filter((owner) => owners.includes(owner));
}

const ownerNames: Readonly<Record<FilterOwner, string>> = {
  'kube-proxy': 'kube-proxy',
  'network-policy': 'the NetworkPolicy engine',
  flannel: 'flannel',
  tailscale: 'tailscaled',
  portmap: 'the CNI plugin for host ports',
  docker: 'Docker',
  ufw: 'ufw',
  firewalld: 'firewalld',
  fail2ban: 'fail2ban',
  unknown: 'the host’s packet filter',
};

/** `Docker`, `ufw or Docker`, `the host’s packet filter`. */
export function nameOwners(owners: readonly FilterOwner[]): string {
  const known = owners.filter((owner) => owner !== 'unknown');
  return known.length === 0
    ? ownerNames.unknown
    : [...new Set(known)].map((owner) => ownerNames[owner]).join(' or ');
}
