// Repairs for a host firewall that drops what it should not: an exception at once, and the same in the firewall's own
// configuration, so that its next start keeps it. In: the cause. Out: drafts; the exception is what is simulated for all of
// them. Sources: ufw(8) 0.36 (route, allow), firewalld documentation (zone trusted, sources), moby 28
// libnetwork/drivers/bridge/setup_ip_forwarding.go (DROP only where dockerd switched forwarding on itself).
import { reverseCommands, writeFileCommand } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import { filterCommands } from './filter-commands.ts';
import { keepCommands } from './keep-commands.ts';
import type { ChangeCommands, RepairCommand } from './plan.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { findFirewalls } from '../diagnose/filter-owner.ts';
import type { FilterOwner } from '../diagnose/filter-owner.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import { compileFilter } from '../model/compile-filter.ts';
import type { World } from '../diagnose/world.ts';
import { linksOf } from '../model/network.ts';
import { formatPrefix, prefixContains } from '../net/prefix.ts';
import type { Change } from '../snapshot/change.ts';
import { isFilterChange } from '../snapshot/edit-filter.ts';
import type { FilterPlace } from '../snapshot/filter-place.ts';

const codes: readonly string[] = [
  'host-firewall-drops-overlay',
  'host-firewall-drops-pod-traffic',
  'packet-filter-drops-traffic',
];

export function draftFirewallRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  if (!codes.includes(cause.code)) return [];
  const changes = cause.changes.flatMap((change) =>
    change.kind === 'rewrite-filter' ? acceptPods(world, change.namespace) : [change],
  );
  const machines = [
    ...new Set(changes.flatMap((change) => ('namespace' in change ? [change.namespace] : []))),
  ];
  if (machines.length === 0) return [];
  const parts = changes.map((change) => commandsFor(world, change));
  const immediate: RepairDraft = {
    kind: 'immediate',
    title: `Let it pass on ${joinNames(machines)} at once`,
    commands: parts.flatMap((part) => part.do),
    changes,
    undo: reverseCommands(parts.flatMap((part) => part.undo)),
    risk: 'low',
    isDisruptive: false,
    note: 'The firewall’s next reload, or the next boot, brings it back.',
  };
  const kept = machines.map((machine) => keepOpen(world, cause, { machine, changes }));
  return [
    immediate,
    {
      kind: 'persistent',
      title: `Let it pass on ${joinNames(machines)} in the firewall’s own configuration`,
      commands: kept.flatMap((part) => part.do),
      changes,
      undo: reverseCommands(kept.flatMap((part) => [...part.undo].reverse())),
      risk: 'low',
      isDisruptive: false,
      note: kept.flatMap((part) => part.note ?? [])[0] ?? 'It stays over reloads and boots.',
    },
  ];
}

function commandsFor(world: World, change: Change): ChangeCommands {
  if (!isFilterChange(change)) return { do: [], undo: [] };
  return filterCommands(change, world.network.namespaces.get(change.namespace)?.facts.filter);
}

/** What flannel's own rules would do, at the head of every chain of iptables' that forwards with a policy of DROP. */
function acceptPods(world: World, namespace: string): readonly Change[] {
  const filter = world.network.namespaces.get(namespace)?.facts.filter;
  if (filter === undefined) return [];
  // The chains that run: two dumps may show the same one.
  const chains = ([4, 6] as const).flatMap((family) => {
    const program = compileFilter(filter, family);
    const forwarding = program.known ? (program.value.hooks.get('forward') ?? []) : [];
    return forwarding.flatMap(({ owner: { table, path }, chain }): readonly FilterPlace[] =>
      chain.base?.policy === 'drop' && table.origin !== 'nftables'
        ? [{ path, origin: table.origin, family: table.family, table: table.name, chain: chain.name }]
        : [],
    );
  });
  return chains.flatMap((chain) =>
    podPrefixes(world, chain.family === 'ip6' ? 6 : 4).flatMap((prefix) =>
      [`-s ${prefix} -j ACCEPT`, `-d ${prefix} -j ACCEPT`].map((text): Change => ({
        kind: 'insert-filter-rule',
        namespace,
        chain,
        text,
      })),
    ),
  );
}

function podPrefixes(world: World, family: 4 | 6): readonly string[] {
  const { podPrefixes: prefixes } = world.network.clusterNetwork;
  return prefixes.filter((prefix) => prefix.family === family).map(formatPrefix);
}

interface Opening {
  readonly machine: string;
  readonly changes: readonly Change[];
}

interface KeptOpening extends ChangeCommands {
  readonly note?: string;
}

function keepOpen(world: World, cause: RootCause, opening: Opening): KeptOpening {
  const isOverlay = cause.code === 'host-firewall-drops-overlay';
  const isPods = cause.code === 'host-firewall-drops-pod-traffic';
  switch (findOwnerOf(world, opening)) {
    case 'ufw':
      if (isOverlay || isPods) return openUfw(world, cause, opening.machine);
      return keepByUnit(world, opening);
    case 'firewalld':
      if (isOverlay || isPods) return openFirewalld(world, cause, opening.machine);
      return keepByUnit(world, opening);
    case 'docker':
      return isPods ? tameDocker(opening) : keepByUnit(world, opening);
    default:
      return keepByUnit(world, opening);
  }
}

function findOwnerOf(world: World, { machine, changes }: Opening): FilterOwner | undefined {
  const filter = world.network.namespaces.get(machine)?.facts.filter;
  const owners = changes.flatMap((change) => {
    if (change.kind === 'remove-filter-rule') return findFirewalls(filter, change.rule);
    if (change.kind === 'insert-filter-rule' || change.kind === 'set-filter-policy')
      return findFirewalls(filter, change.chain);
    return [];
  });
  return owners[0];
}

/** The bridge of the node's pods and the overlay's device. */
function podDevices(world: World, machine: string): readonly string[] {
  const own = world.network.namespaces.get(machine);
  if (own === undefined) return [];
  const { podPrefixes: prefixes } = world.network.clusterNetwork;
  const holdsPods = (link: string): boolean =>
    (own.addressesByLink.get(link) ?? []).some((fact) =>
      prefixes.some((prefix) => prefixContains(prefix, fact.address)),
    );
  return linksOf(own)
    .filter((link) => (link.kind === 'bridge' || link.kind === 'vxlan') && holdsPods(link.name))
    .map((link) => link.name);
}

/** The ports that the cause's own words name (`udp 8472`). */
function overlayPorts(cause: RootCause): readonly string[] {
  const named = /\(([^)]*)\)/.exec(cause.title)?.[1] ?? '';
  const ports = [...named.matchAll(/udp (\d+)/g)].map((match) => match[1] ?? '');
  return ports.length > 0 ? ports : ['8472'];
}

function openUfw(world: World, cause: RootCause, on: string): KeptOpening {
  const rules =
    cause.code === 'host-firewall-drops-overlay'
      ? overlayPorts(cause).map((port) => ['allow', `${port}/udp`])
      : podDevices(world, on).flatMap((device) => [
          ['route', 'allow', 'in', 'on', device],
          ['route', 'allow', 'out', 'on', device],
          ['allow', 'in', 'on', device],
        ]);
  const remove = (rule: readonly string[]): readonly string[] =>
    rule[0] === 'route' ? ['ufw', 'route', 'delete', ...rule.slice(1)] : ['ufw', 'delete', ...rule];
  return {
    do: rules.map((rule) => ({ on, argv: ['ufw', ...rule] })),
    undo: rules.map((rule) => ({ on, argv: remove(rule) })),
    note: 'ufw keeps them over its reloads and over boots.',
  };
}

function openFirewalld(world: World, cause: RootCause, on: string): KeptOpening {
  const isOverlay = cause.code === 'host-firewall-drops-overlay';
  const items = isOverlay
    ? overlayPorts(cause).map((port) => ({ zone: [], what: `port=${port}/udp` }))
    : podPrefixes(world, 4).map((prefix) => ({ zone: ['--zone=trusted'], what: `source=${prefix}` }));
  // Once for now and once for good: a reload would flush what others wrote into iptables.
  const each = (verb: 'add' | 'remove'): readonly RepairCommand[] =>
    items.flatMap(({ zone, what }) =>
      [[], ['--permanent']].map((when) => ({
        on,
        argv: ['firewall-cmd', ...when, ...zone, `--${verb}-${what}`],
      })),
    );
  return {
    do: each('add'),
    undo: each('remove'),
    note: 'Both the running and the lasting configuration are changed, so no reload is needed (it would flush kube-proxy’s rules).',
  };
}

const dockerFile = '/etc/sysctl.d/90-waylaid-forwarding.conf';

/** dockerd sets the policy only where forwarding was off when it started, so forwarding has to be on by then. */
function tameDocker({ machine: on, changes }: Opening): KeptOpening {
  const chain = changes.flatMap((change) => (change.kind === 'insert-filter-rule' ? [change.chain] : []))[0];
  const policy: readonly RepairCommand[] =
    chain === undefined ? [] : [{ on, argv: ['iptables', '-w', '-P', chain.chain, 'ACCEPT'] }];
  return {
    do: [
      writeFileCommand(on, dockerFile, 'net.ipv4.ip_forward = 1\nnet.ipv6.conf.all.forwarding = 1\n'),
      ...policy,
    ],
    undo: [
      ...(chain === undefined ? [] : [{ on, argv: ['iptables', '-w', '-P', chain.chain, 'DROP'] }]),
      { on, argv: ['rm', '-f', dockerFile] },
    ],
    note: 'dockerd sets the policy to DROP only where it switches forwarding on itself; from 28.0 "ip-forward-no-drop": true in /etc/docker/daemon.json says so outright.',
  };
}

/** Nobody's configuration is known: a unit puts the exception back at every boot. */
function keepByUnit(world: World, { machine, changes }: Opening): KeptOpening {
  const parts = changes
    .filter((change) => 'namespace' in change && change.namespace === machine)
    .map((change) => commandsFor(world, change));
  const kept = keepCommands(machine, {
    name: 'packet-filter',
    description: 'Let traffic of the cluster pass the packet filter',
    after: 'network-online.target ufw.service firewalld.service docker.service netfilter-persistent.service',
    start: parts.flatMap((part) => part.do),
    stop: changes.some((change) => change.kind === 'remove-filter-rule')
      ? []
      : parts.flatMap((part) => part.undo),
  });
  return {
    ...kept,
    note: 'Better still: find who adds the rule (a script, /etc/iptables, nftables.conf), and change it there.',
  };
}
