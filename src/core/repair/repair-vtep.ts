// Repairs for an end of the overlay on the wrong interface: at once, the device made anew on the right one and the other
// nodes' entries corrected; for good, the interface named in the configuration and flannel started again, which also
// publishes the right address.
import { ip } from './commands.ts';
import { reverseCommands, writeFileCommand } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import type { RepairCommand } from './plan.ts';
import { restartFlannel } from './restart-flannel.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';
import { listExpectedPeers } from '../model/expected-overlay.ts';
import type { Change } from '../snapshot/change.ts';
import { routeWords } from '../snapshot/format-routing.ts';

type MoveVtep = Extract<Change, { kind: 'move-vtep' }>;

export function draftVtepRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  const moves = cause.changes.flatMap((change) => (change.kind === 'move-vtep' ? [change] : []));
  if (moves.length === 0 || moves.length !== cause.changes.length) return [];
  const nodes = joinNames(moves.map((move) => move.namespace));
  return [
    {
      kind: 'immediate',
      title: `Move ${nodes}'s end of the overlay to ${moves[0]?.lower ?? '?'} and tell the other nodes`,
      commands: moves.flatMap((move) => [
        ...rebuildDevice(world, move, { local: move.local, lower: move.lower }),
        ...tellOthers(world, move, move.local),
      ]),
      changes: moves,
      undo: reverseCommands(moves.flatMap((move) => undoMove(world, move))),
      risk: 'medium',
      isDisruptive: true,
      note: 'Connections between nodes through the overlay break for a moment.',
    },
    {
      kind: 'persistent',
      title: `Name the interface in ${nodes}'s configuration and let flannel publish its address`,
      commands: moves.flatMap((move) => configure(world, move)),
      changes: moves,
      undo: moves.flatMap((move) => unconfigure(world, move)),
      risk: 'medium',
      isDisruptive: true,
      note: 'The address under flannel.alpha.coreos.com/public-ip changes, and every other node follows it.',
    },
  ];
}

interface Place {
  readonly local: string;
  readonly lower: string;
}

/** A VXLAN device cannot be rebound: it is made anew with the same MAC, address and entries. */
function rebuildDevice(world: World, move: MoveVtep, place: Place): readonly RepairCommand[] {
  const root = world.network.namespaces.get(move.namespace);
  const link = root?.linksByName.get(move.link);
  if (root === undefined || link?.vxlan === undefined) return [];
  const run = (...argv: readonly string[]): RepairCommand => ({ on: move.namespace, argv });
  const { vxlan } = link;
  const mtu = link.mtuBytes === undefined ? [] : ['mtu', String(link.mtuBytes)];
  const peers = listExpectedPeers(world.network, root);
  return [
    run('ip', 'link', 'del', move.link),
    run(
      'ip',
      'link',
      'add',
      move.link,
      'address',
      move.mac,
      ...mtu,
      'type',
      'vxlan',
      'id',
      String(vxlan.vni),
      'local',
      place.local,
      'dev',
      place.lower,
      'dstport',
      String(vxlan.port),
      'nolearning',
    ),
    ...(root.addressesByLink.get(move.link) ?? [])
      .filter((fact) => fact.scope === 'global')
      .map((fact) =>
        run(
          ...ip(fact.address.includes(':') ? 6 : 4),
          'addr',
          'add',
          `${fact.address}/${fact.prefixLength}`,
          'dev',
          move.link,
        ),
      ),
    run('ip', 'link', 'set', move.link, 'up'),
    ...peers.flatMap((peer) => [
      ...(peer.lease.vtepMac === undefined
        ? []
        : [
            run(
              'ip',
              'neigh',
              'replace',
              peer.gateway,
              'lladdr',
              peer.lease.vtepMac,
              'dev',
              move.link,
              'nud',
              'permanent',
            ),
          ]),
      ...(peer.lease.vtepMac === undefined || peer.lease.publicIp === undefined
        ? []
        : [
            run(
              'bridge',
              'fdb',
              'replace',
              peer.lease.vtepMac,
              'dev',
              move.link,
              'dst',
              peer.lease.publicIp,
              'self',
              'permanent',
            ),
          ]),
      run('ip', 'route', 'replace', ...routeWords(peer.route)),
    ]),
  ];
}

/** Every other node that has an entry for this end of the overlay. */
function tellOthers(world: World, move: MoveVtep, remote: string): readonly RepairCommand[] {
  return [...world.network.machines.keys()].flatMap((id) => {
    const fdb = world.network.namespaces.get(id)?.facts.fdb;
    if (id === move.namespace || fdb?.known !== true) return [];
    const links = fdb.value
      .filter((row) => row.mac === move.mac && row.remote !== undefined)
      .map((row) => row.link);
    return [...new Set(links)].map((link) => ({
      on: id,
      argv: ['bridge', 'fdb', 'replace', move.mac, 'dev', link, 'dst', remote, 'self', 'permanent'],
    }));
  });
}

function undoMove(world: World, move: MoveVtep): readonly RepairCommand[] {
  const { local, lower } = move.was ?? {};
  if (local === undefined || lower === undefined) return [];
  return reverseCommands([
    ...rebuildDevice(world, move, { local, lower }),
    ...tellOthers(world, move, local),
  ]);
}

const k3sFolder = '/etc/rancher/k3s/config.yaml.d';
const k3sFile = `${k3sFolder}/90-waylaid-flannel.yaml`;
const overwriteAnnotation = 'flannel.alpha.coreos.com/public-ip-overwrite';

function configure(world: World, move: MoveVtep): readonly RepairCommand[] {
  const { restart, isK3s } = planRestart(world, move);
  const write = isK3s
    ? [
        { on: move.namespace, argv: ['mkdir', '-p', k3sFolder] },
        writeFileCommand(move.namespace, k3sFile, `flannel-iface: ${move.lower}\n`),
      ]
    : [annotate(move, `${overwriteAnnotation}=${move.local}`)];
  return [...write, ...restart];
}

function unconfigure(world: World, move: MoveVtep): readonly RepairCommand[] {
  const { restart, isK3s } = planRestart(world, move);
  const remove = isK3s
    ? { on: move.namespace, argv: ['rm', '-f', k3sFile] }
    : annotate(move, `${overwriteAnnotation}-`);
  return [remove, ...restart];
}

function planRestart(
  world: World,
  move: MoveVtep,
): { readonly restart: readonly RepairCommand[]; readonly isK3s: boolean } {
  const restart = restartFlannel(world, move.namespace);
  return { restart, isK3s: restart.some((command) => command.argv[0] === 'systemctl') };
}

function annotate(move: MoveVtep, annotation: string): RepairCommand {
  const node = move.namespace.slice('node/'.length);
  return { on: 'cluster', argv: ['kubectl', 'annotate', 'node', node, annotation, '--overwrite'] };
}
