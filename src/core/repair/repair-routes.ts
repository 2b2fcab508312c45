// Repairs for a route that takes traffic: delete it (at once; its program may write it again), put a policy rule for the
// cluster's prefixes in front of it (for good: nothing has to race with the program), or let whoever advertises or
// accepts it stop (at the source).
import { advertiseArgv, commandsOf, ip } from './commands.ts';
import { reverseCommands, shellWords, writeFileCommand } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { RepairCommand } from './plan.ts';
import { areTailnetRoutes, listRemovedRoutes } from '../diagnose/removed-routes.ts';
import type { RemovedRoute } from '../diagnose/removed-routes.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames, joinWords } from '../diagnose/name-cause.ts';
import { findAdvertisers } from '../diagnose/route-targets.ts';
import type { Advertiser } from '../diagnose/route-targets.ts';
import type { World } from '../diagnose/world.ts';
import { findMachineOf } from '../trace/tailnet.ts';
import { formatPrefix, makePrefix, prefixesOverlap, samePrefix } from '../net/prefix.ts';
import type { Prefix } from '../net/prefix.ts';
import type { Change, RuleEdit } from '../snapshot/change.ts';
import { formatRoute, ruleWords } from '../snapshot/format-routing.ts';

export function draftRouteRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  const routes = listRemovedRoutes(cause.changes, world);
  if (routes.length === 0) return [];
  return [
    deleteRoutes(routes, world),
    ...overrideRoutes(routes, world),
    ...withdrawRoutes(routes, world),
    ...stopAccepting(routes, world),
  ];
}

function isTailnet(removed: RemovedRoute, world: World): boolean {
  return areTailnetRoutes([removed], world);
}

function deleteRoutes(routes: readonly RemovedRoute[], world: World): RepairDraft {
  const changes: readonly Change[] = routes.map(({ namespace, route }) => ({
    kind: 'remove-route',
    namespace,
    route,
  }));
  const parts = changes.map(commandsOf);
  return {
    kind: 'immediate',
    title: `Delete ${joinWords(routes.map(({ route }) => formatRoute(route)))} on ${joinNames(machines(routes))}`,
    commands: parts.flatMap((part) => part.do),
    changes,
    undo: reverseCommands(parts.flatMap((part) => part.undo)),
    risk: 'low',
    isDisruptive: false,
    note: routes.some((removed) => isTailnet(removed, world))
      ? 'tailscaled writes the routes again when its configuration changes or it restarts.'
      : 'Whatever wrote the route may write it again.',
  };
}

function machines(routes: readonly RemovedRoute[]): readonly string[] {
  return [...new Set(routes.map((removed) => removed.namespace))].sort();
}

/** Below Tailscale's range (5200 to 5299, whose deletions tailscaled watches) and in front of the rule that leads astray. */
const preferredPriority = 2500;

function overrideRoutes(routes: readonly RemovedRoute[], world: World): readonly RepairDraft[] {
  // A rule to main cannot override a route that stands in main itself.
  if (routes.some(({ route }) => route.table === 'main')) return [];
  const perMachine = machines(routes).map((namespace) => ({
    namespace,
    rules: draftRules(namespace, routes, world),
  }));
  const changes: readonly Change[] = perMachine.flatMap(({ namespace, rules }) =>
    rules.map((rule): Change => ({ kind: 'add-rule', namespace, rule })),
  );
  if (changes.length === 0) return [];
  const added = changes.map(commandsOf);
  const kept = perMachine.map(({ namespace, rules }) => keepRules(namespace, rules));
  const prefixes = joinWords(
    perMachine.flatMap(({ rules }) =>
      rules.flatMap((rule) => (rule.to === undefined ? [] : [formatPrefix(rule.to)])),
    ),
  );
  return [
    {
      kind: 'persistent',
      title: `Look ${prefixes} up in main first on ${joinNames(machines(routes))}, whatever ${isTailnet(routes[0] as RemovedRoute, world) ? 'tailscaled' : 'the VPN'} writes`,
      commands: [...added.flatMap((part) => part.do), ...kept.flatMap((part) => part.do)],
      changes,
      undo: [...kept.flatMap((part) => part.undo), ...reverseCommands(added.flatMap((part) => part.undo))],
      risk: 'low',
      isDisruptive: false,
      note: 'The rule wins by its priority: no sleeping, no race; the unit sets it again at boot.',
    },
  ];
}

function draftRules(namespace: string, routes: readonly RemovedRoute[], world: World): readonly RuleEdit[] {
  const own = routes.filter((removed) => removed.namespace === namespace);
  const prefixes = new Map(
    own
      .flatMap(({ route }) => affectedPrefixes(world, namespace, route.destination))
      .map((prefix) => [formatPrefix(prefix), prefix]),
  );
  return [...prefixes.values()].map((prefix) => ({
    family: prefix.family,
    priority: choosePriority(world, namespace, own),
    isInverted: false,
    to: prefix,
    action: { kind: 'lookup', table: 'main' },
    opaqueSelectors: [],
  }));
}

/** The cluster's prefixes that the route takes from, and the networks that the machine itself is plugged into. */
function affectedPrefixes(world: World, namespace: string, destination: Prefix): readonly Prefix[] {
  const { podPrefixes, servicePrefixes } = world.network.clusterNetwork;
  const cluster = [...podPrefixes, ...servicePrefixes].filter((prefix) =>
    prefixesOverlap(prefix, destination),
  );
  const nodes = world.network.cluster.nodes.known ? world.network.cluster.nodes.value : [];
  const internal = new Set(nodes.flatMap((node) => node.internalIps));
  const held = [...(world.network.namespaces.get(namespace)?.addressesByLink.values() ?? [])].flat();
  const lan = held
    .filter((fact) => internal.has(fact.address))
    .map((fact) => makePrefix(fact.address, fact.prefixLength));
  return [...cluster, ...lan.filter((prefix) => prefixesOverlap(prefix, destination))];
}

function choosePriority(world: World, namespace: string, routes: readonly RemovedRoute[]): number {
  const tables = new Set(routes.map(({ route }) => route.table));
  const family = routes[0]?.route.family ?? 4;
  const rules = world.network.namespaces.get(namespace)?.facts.rules[family];
  const leading = (rules?.known === true ? rules.value : []).filter(
    (rule) => rule.action.kind === 'lookup' && tables.has(rule.action.table),
  );
  const first = Math.min(...leading.map((rule) => rule.priority));
  return first > preferredPriority ? preferredPriority : Math.max(1, first - 1);
}

const unitPath = '/etc/systemd/system/waylaid-cluster-routes.service';

/** A unit that sets the rules at boot and takes them away when it is stopped. */
function keepRules(
  namespace: string,
  rules: readonly RuleEdit[],
): { readonly do: readonly RepairCommand[]; readonly undo: readonly RepairCommand[] } {
  const line = (verb: string, rule: RuleEdit): string =>
    shellWords([...ip(rule.family), 'rule', verb, ...ruleWords(rule)]);
  const unit = [
    '[Unit]',
    "Description=Look the cluster's own prefixes up before any VPN's table",
    'Wants=network-pre.target',
    'After=network-pre.target',
    'Before=tailscaled.service k3s.service k3s-agent.service kubelet.service',
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    ...rules.flatMap((rule) => [`ExecStart=-${line('del', rule)}`, `ExecStart=${line('add', rule)}`]),
    ...rules.map((rule) => `ExecStop=-${line('del', rule)}`),
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
  const name = 'waylaid-cluster-routes.service';
  return {
    do: [
      writeFileCommand(namespace, unitPath, unit),
      { on: namespace, argv: ['systemctl', 'daemon-reload'] },
      { on: namespace, argv: ['systemctl', 'enable', name] },
    ],
    undo: [
      { on: namespace, argv: ['systemctl', 'disable', name] },
      { on: namespace, argv: ['rm', '-f', unitPath] },
      { on: namespace, argv: ['systemctl', 'daemon-reload'] },
    ],
  };
}

function withdrawRoutes(routes: readonly RemovedRoute[], world: World): readonly RepairDraft[] {
  const found = routes.flatMap(({ namespace, route }) =>
    findAdvertisers(world.network, namespace, route.destination),
  );
  const devices = new Map<string, Advertiser[]>();
  for (const advertiser of found)
    devices.set(advertiser.subject, [...(devices.get(advertiser.subject) ?? []), advertiser]);
  return [...devices.values()].map((own) => withdrawFrom(own, world));
}

function withdrawFrom(own: readonly Advertiser[], world: World): RepairDraft {
  const first = own[0] as Advertiser;
  const prefixes = [...new Map(own.map((one) => [formatPrefix(one.prefix), one.prefix])).values()];
  const machine = findMachineOf(world.network, first.peer);
  const prefs = machine?.facts.tailscale.prefs;
  const isOwn = (prefix: Prefix): boolean => first.peer.addresses.includes(prefix.address);
  const advertised =
    prefs?.known === true
      ? prefs.value.advertiseRoutes
      : first.peer.allowedIps.filter((prefix) => !isOwn(prefix));
  const rest = advertised.filter((prefix) => !prefixes.some((gone) => samePrefix(gone, prefix)));
  const on = machine?.id ?? first.subject;
  const peer = first.peer.hostName;
  return {
    kind: 'at-source',
    title: `Stop advertising ${joinWords(prefixes.map(formatPrefix))} on ${first.name}`,
    commands: [{ on, argv: advertiseArgv(rest) }],
    changes: [{ kind: 'withdraw-routes', device: peer, prefixes }],
    undo: [{ on, argv: advertiseArgv(advertised) }],
    risk: 'medium',
    isDisruptive: true,
    note: `Machines of the tailnet that reach the cluster through ${first.name} lose that way.`,
  };
}

function stopAccepting(routes: readonly RemovedRoute[], world: World): readonly RepairDraft[] {
  if (!areTailnetRoutes(routes, world)) return [];
  const changes: readonly Change[] = machines(routes).map((namespace) => ({
    kind: 'stop-accepting-routes',
    namespace,
  }));
  const parts = changes.map(commandsOf);
  return [
    {
      kind: 'at-source',
      title: `Stop accepting subnet routes on ${joinNames(machines(routes))}`,
      commands: parts.flatMap((part) => part.do),
      changes,
      undo: reverseCommands(parts.flatMap((part) => part.undo)),
      risk: 'medium',
      isDisruptive: true,
      note: 'Every subnet route of the tailnet is gone from there, also those that are wanted.',
    },
  ];
}
