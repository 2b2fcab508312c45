// What a machine that accepts, or a device that advertises, no subnet routes any more leaves behind: the routes into the
// tailnet go from every table that held them. In: a snapshot and the change. Out: a snapshot that shares the rest.
import { mapKnown } from '../fact/known.ts';
import { samePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Change } from './change.ts';
import { editMachine } from './edit-snapshot.ts';
import { findTailnetLinks } from './find-tailnet-links.ts';
import type { MachineFacts, TailscalePeer } from './machine-facts.ts';
import type { RouteFact } from './namespace-facts.ts';
import type { Snapshot } from './snapshot.ts';

export function stopAcceptingRoutes(snapshot: Snapshot, namespace: string): Snapshot {
  return editMachine(snapshot, namespace, (machine) => dropAcceptedRoutes(machine, subnetRoutesOf(machine)));
}

/** Every prefix that other machines' allowed addresses add beside their own tailnet addresses. */
function subnetRoutesOf(machine: MachineFacts): readonly Prefix[] {
  const status = machine.tailscale.status;
  const peers: readonly TailscalePeer[] = status.known ? status.value.peers : [];
  return peers.flatMap((peer) =>
    peer.allowedIps.filter((prefix) => !peer.addresses.includes(prefix.address)),
  );
}

export function withdrawRoutes(
  snapshot: Snapshot,
  change: Extract<Change, { kind: 'withdraw-routes' }>,
): Snapshot {
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
