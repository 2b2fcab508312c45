// Switches, devices, neighbours and forwarding entries, edited in one namespace's facts. In: facts and a change. Out: facts
// as the kernel would show them after the command.
import { mapKnown } from '../fact/known.ts';
import type { Change } from './change.ts';
import { proposedEvidence } from './edit-snapshot.ts';
import type { FdbFact, LinkFact, NamespaceFacts, NeighborFact, SysctlFact } from './namespace-facts.ts';

export type DeviceChange = Extract<
  Change,
  { kind: 'set-sysctl' | 'set-neighbor' | 'set-fdb' | 'set-link-up' | 'set-mtu' }
>;

export function editDevice(facts: NamespaceFacts, change: DeviceChange): NamespaceFacts {
  switch (change.kind) {
    case 'set-sysctl':
      return {
        ...facts,
        sysctls: mapKnown(facts.sysctls, (map) => withSysctl(map, change.key, change.value)),
      };
    case 'set-neighbor':
      return { ...facts, neighbors: mapKnown(facts.neighbors, (rows) => withNeighbor(rows, change)) };
    case 'set-fdb':
      return { ...facts, fdb: mapKnown(facts.fdb, (rows) => withFdb(rows, change)) };
    case 'set-link-up':
      return editLink(facts, change.link, raise);
    case 'set-mtu':
      return editLink(facts, change.link, (link) => ({ ...link, mtuBytes: change.mtuBytes }));
  }
}

function editLink(facts: NamespaceFacts, name: string, edit: (link: LinkFact) => LinkFact): NamespaceFacts {
  return {
    ...facts,
    links: mapKnown(facts.links, (rows) => rows.map((row) => (row.name === name ? edit(row) : row))),
  };
}

/**
 * `net.ipv4.ip_forward` sets every device's own switch when its value changes, the IPv6 one whenever it is written
 * (Linux 6.12, devinet_sysctl_forward and addrconf_fixup_forwarding).
 */
function withSysctl(
  map: ReadonlyMap<string, SysctlFact>,
  key: string,
  value: string,
): ReadonlyMap<string, SysctlFact> {
  const fact = { evidence: proposedEvidence, value };
  const next = new Map(map).set(key, fact);
  if (key !== 'net.ipv4.ip_forward' && key !== 'net.ipv6.conf.all.forwarding') return next;
  if (key === 'net.ipv4.ip_forward' && map.get(key)?.value === value) return next;
  const pattern = key.startsWith('net.ipv4')
    ? /^net\.ipv4\.conf\..*\.forwarding$/
    : /^net\.ipv6\.conf\..*\.forwarding$/;
  for (const other of map.keys()) if (pattern.test(other)) next.set(other, fact);
  return next;
}

function withNeighbor(
  rows: readonly NeighborFact[],
  change: Extract<Change, { kind: 'set-neighbor' }>,
): readonly NeighborFact[] {
  const others = rows.filter((row) => row.link !== change.link || row.address !== change.address);
  const row: NeighborFact = {
    evidence: proposedEvidence,
    link: change.link,
    address: change.address,
    mac: change.mac,
    states: ['PERMANENT'],
    isProxy: false,
  };
  return [...others, row];
}

function withFdb(rows: readonly FdbFact[], change: Extract<Change, { kind: 'set-fdb' }>): readonly FdbFact[] {
  const others = rows.filter((row) => row.link !== change.link || row.mac !== change.mac);
  const row: FdbFact = {
    evidence: proposedEvidence,
    link: change.link,
    mac: change.mac,
    remote: change.remote,
    flags: ['self'],
    state: 'permanent',
  };
  return [...others, row];
}

function raise(link: LinkFact): LinkFact {
  return {
    ...link,
    flags: [
      ...link.flags.filter((flag) => flag !== 'NO-CARRIER' && flag !== 'UP' && flag !== 'LOWER_UP'),
      'UP',
      'LOWER_UP',
    ],
  };
}
