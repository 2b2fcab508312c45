// Applies edits to a snapshot. In: a snapshot and changes. Out: a new snapshot that shares everything untouched, so that
// what is built on unchanged namespaces need not be built again. A change whose fact is missing leaves it missing.
import { samePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import { mapKnown } from '../fact/known.ts';
import type { Evidence } from '../fact/evidence.ts';
import type { Change, RouteEdit, RuleEdit } from './change.ts';
import { findTailnetLinks } from './find-tailnet-links.ts';
import { formatRoute, formatRule } from './format-routing.ts';
import type { MachineFacts, TailscalePeer } from './machine-facts.ts';
import type {
  FdbFact,
  LinkFact,
  NamespaceFacts,
  NeighborFact,
  RouteFact,
  RuleFact,
  SysctlFact,
} from './namespace-facts.ts';
import type { Snapshot } from './snapshot.ts';

/** Where a row comes from that nobody observed. */
export const proposedEvidence: Evidence = { path: '(proposed change)' };

export function applyChanges(snapshot: Snapshot, changes: readonly Change[]): Snapshot {
  return changes.reduce(applyChange, snapshot);
}

function applyChange(snapshot: Snapshot, change: Change): Snapshot {
  switch (change.kind) {
    case 'withdraw-routes':
      return withdrawRoutes(snapshot, change);
    case 'stop-accepting-routes':
      return editMachine(snapshot, change.namespace, (machine) =>
        dropAcceptedRoutes(machine, subnetRoutesOf(machine)),
      );
    case 'move-vtep':
      return moveVtep(snapshot, change);
    default:
      return editNamespace(snapshot, change.namespace, (facts) => editFacts(facts, change));
  }
}

type NamespaceChange = Exclude<Change, { kind: 'withdraw-routes' | 'stop-accepting-routes' | 'move-vtep' }>;

function editFacts(facts: NamespaceFacts, change: NamespaceChange): NamespaceFacts {
  switch (change.kind) {
    case 'remove-route':
      return editRoutes(facts, change.route, (rows) => rows.filter((row) => !isSameRoute(row, change.route)));
    case 'add-route':
      return editRoutes(facts, change.route, (rows) => [
        ...rows.filter((row) => !isSameRoute(row, change.route)),
        { ...change.route, evidence: proposedEvidence },
      ]);
    case 'remove-rule':
      return editRules(facts, change.rule, (rows) => rows.filter((row) => !isSameRule(row, change.rule)));
    case 'add-rule':
      return editRules(facts, change.rule, (rows) =>
        insertRule(rows, { ...change.rule, evidence: proposedEvidence }),
      );
    case 'set-sysctl':
      return {
        ...facts,
        sysctls: mapKnown(facts.sysctls, (map) => setSysctl(map, change.key, change.value)),
      };
    case 'set-neighbor':
      return { ...facts, neighbors: mapKnown(facts.neighbors, (rows) => setNeighbor(rows, change)) };
    case 'set-fdb':
      return { ...facts, fdb: mapKnown(facts.fdb, (rows) => setFdb(rows, change)) };
    case 'set-link-up':
      return {
        ...facts,
        links: mapKnown(facts.links, (rows) =>
          rows.map((row) => (row.name === change.link ? raise(row) : row)),
        ),
      };
  }
}

function editRoutes(
  facts: NamespaceFacts,
  route: RouteEdit,
  edit: (rows: readonly RouteFact[]) => readonly RouteFact[],
): NamespaceFacts {
  return {
    ...facts,
    routes: { ...facts.routes, [route.family]: mapKnown(facts.routes[route.family], edit) },
  };
}

function editRules(
  facts: NamespaceFacts,
  rule: RuleEdit,
  edit: (rows: readonly RuleFact[]) => readonly RuleFact[],
): NamespaceFacts {
  return { ...facts, rules: { ...facts.rules, [rule.family]: mapKnown(facts.rules[rule.family], edit) } };
}

export function isSameRoute(a: RouteEdit, b: RouteEdit): boolean {
  return formatRoute(a) === formatRoute(b);
}

export function isSameRule(a: RuleEdit, b: RuleEdit): boolean {
  return formatRule(a) === formatRule(b);
}

/** A new rule goes behind those of the same priority, as the kernel puts it. */
function insertRule(rows: readonly RuleFact[], rule: RuleFact): readonly RuleFact[] {
  const before = rows.filter((row) => row.priority <= rule.priority);
  return [...before, rule, ...rows.filter((row) => row.priority > rule.priority)];
}

/**
 * `net.ipv4.ip_forward` sets every device's own switch when its value changes, the IPv6 one whenever it is written
 * (Linux 6.12, devinet_sysctl_forward and addrconf_fixup_forwarding).
 */
function setSysctl(
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

function setNeighbor(
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

function setFdb(rows: readonly FdbFact[], change: Extract<Change, { kind: 'set-fdb' }>): readonly FdbFact[] {
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

function moveVtep(snapshot: Snapshot, change: Extract<Change, { kind: 'move-vtep' }>): Snapshot {
  const moved = editNamespace(snapshot, change.namespace, (facts) => ({
    ...facts,
    links: mapKnown(facts.links, (rows) =>
      rows.map((row) => (row.name === change.link ? rebind(row, change) : row)),
    ),
  }));
  const nodes = [...moved.nodes].map(([name, machine]): [string, MachineFacts] => {
    const known = machine.root.fdb;
    const isConcerned =
      known.known && known.value.some((row) => row.mac === change.mac && row.remote !== undefined);
    if (`node/${name}` === change.namespace || !isConcerned) return [name, machine];
    const fdb = mapKnown(machine.root.fdb, (rows) =>
      rows.map((row) =>
        row.mac === change.mac && row.remote !== undefined
          ? { ...row, remote: change.local, evidence: proposedEvidence }
          : row,
      ),
    );
    return [name, { ...machine, root: { ...machine.root, fdb } }];
  });
  return { ...moved, nodes: new Map(nodes) };
}

function rebind(link: LinkFact, change: Extract<Change, { kind: 'move-vtep' }>): LinkFact {
  if (link.vxlan === undefined) return link;
  return { ...link, vxlan: { ...link.vxlan, local: change.local, lower: change.lower } };
}

/** Every prefix that other machines' allowed addresses add beside their own tailnet addresses. */
function subnetRoutesOf(machine: MachineFacts): readonly Prefix[] {
  const status = machine.tailscale.status;
  const peers: readonly TailscalePeer[] = status.known ? status.value.peers : [];
  return peers.flatMap((peer) =>
    peer.allowedIps.filter((prefix) => !peer.addresses.includes(prefix.address)),
  );
}

function withdrawRoutes(snapshot: Snapshot, change: Extract<Change, { kind: 'withdraw-routes' }>): Snapshot {
  const edit = (machines: ReadonlyMap<string, MachineFacts>): ReadonlyMap<string, MachineFacts> =>
    new Map(
      [...machines].map(([name, machine]) => [
        name,
        forgetPrefixes(dropAcceptedRoutes(machine, change.prefixes), change),
      ]),
    );
  return { ...snapshot, nodes: edit(snapshot.nodes), hosts: edit(snapshot.hosts) };
}

function forgetPrefixes(
  machine: MachineFacts,
  change: Extract<Change, { kind: 'withdraw-routes' }>,
): MachineFacts {
  const keep = (prefix: Prefix): boolean => !change.prefixes.some((gone) => samePrefix(gone, prefix));
  const status = mapKnown(machine.tailscale.status, (value) => ({
    ...value,
    peers: value.peers.map((peer) =>
      peer.hostName === change.device
        ? {
            ...peer,
            allowedIps: peer.allowedIps.filter(keep),
            primaryRoutes: peer.primaryRoutes.filter(keep),
          }
        : peer,
    ),
  }));
  return { ...machine, tailscale: { ...machine.tailscale, status } };
}

/** Routes into the tailnet for these prefixes leave every table of the machine. */
function dropAcceptedRoutes(machine: MachineFacts, prefixes: readonly Prefix[]): MachineFacts {
  const links = findTailnetLinks(machine);
  const isTailnetRoute = (route: RouteFact): boolean =>
    route.nexthops.some((hop) => hop.link !== undefined && links.has(hop.link));
  const drop = (rows: readonly RouteFact[]): readonly RouteFact[] =>
    rows.filter(
      (row) => !(isTailnetRoute(row) && prefixes.some((gone) => samePrefix(gone, row.destination))),
    );
  const { root } = machine;
  const isTouched = [root.routes[4], root.routes[6]].some(
    (rows) => rows.known && drop(rows.value).length !== rows.value.length,
  );
  if (!isTouched) return machine;
  return {
    ...machine,
    root: { ...root, routes: { 4: mapKnown(root.routes[4], drop), 6: mapKnown(root.routes[6], drop) } },
  };
}

function editMachine(
  snapshot: Snapshot,
  id: string,
  edit: (machine: MachineFacts) => MachineFacts,
): Snapshot {
  const [kind, name] = splitId(id);
  const machines = kind === 'host' ? snapshot.hosts : snapshot.nodes;
  const machine = machines.get(name);
  if (machine === undefined) return snapshot;
  const edited = edit(machine);
  if (edited === machine) return snapshot;
  const next = new Map(machines).set(name, edited);
  return kind === 'host' ? { ...snapshot, hosts: next } : { ...snapshot, nodes: next };
}

function splitId(id: string): readonly [string, string] {
  const slash = id.indexOf('/');
  return [id.slice(0, slash), id.slice(slash + 1)];
}

function editNamespace(
  snapshot: Snapshot,
  id: string,
  edit: (facts: NamespaceFacts) => NamespaceFacts,
): Snapshot {
  const [kind, name] = splitId(id);
  if (kind !== 'pod')
    return editMachine(snapshot, id, (machine) => ({ ...machine, root: edit(machine.root) }));
  for (const [node, machine] of snapshot.nodes) {
    const facts = machine.pods.get(name);
    if (facts === undefined) continue;
    return editMachine(snapshot, `node/${node}`, (own) => ({
      ...own,
      pods: new Map(own.pods).set(name, edit(facts)),
    }));
  }
  return snapshot;
}
