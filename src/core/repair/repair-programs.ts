// Repairs for chains that a program of the cluster should have written: it is started again, and writes them all.
import type { RepairDraft } from './draft.ts';
import { findK3sUnit, restartFlannel } from './restart-flannel.ts';
import type { RepairCommand } from './plan.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';
import type { FilterProgramName } from '../snapshot/filter-place.ts';

export function draftProgramRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  const rewrites = cause.changes.flatMap((change) => (change.kind === 'rewrite-filter' ? [change] : []));
  const [first] = rewrites;
  if (first === undefined || rewrites.length !== cause.changes.length) return [];
  const { program } = first;
  const nodes = [...new Set(rewrites.map((change) => change.namespace))].sort();
  return [
    {
      kind: 'immediate',
      title: `Have ${program} on ${joinNames(nodes)} write its chains again`,
      commands: nodes.flatMap((node) => restartProgram(world, node, program)),
      changes: rewrites,
      undo: [],
      risk: 'low',
      isDisruptive: false,
      note: notes[program],
    },
  ];
}

const notes: Readonly<Record<FilterProgramName, string>> = {
  'kube-proxy':
    'Running pods keep running. If a firewall’s reload flushed them, it will again: firewalld with FlushAllOnReload=no leaves others’ rules alone.',
  flannel:
    'Running pods keep running. It writes them only where it is let: FLANNEL_IPMASQ=true in /run/flannel/subnet.env, and no --iptables-forward-rules=false among its arguments.',
  tailscaled: 'Connections through the tailnet break for a moment.',
};

function restartProgram(world: World, node: string, program: FilterProgramName): readonly RepairCommand[] {
  if (program === 'flannel') return restartFlannel(world, node);
  if (program === 'tailscaled') return [{ on: node, argv: ['systemctl', 'restart', 'tailscaled'] }];
  const unit = findK3sUnit(world, node);
  if (unit !== undefined) return [{ on: node, argv: ['systemctl', 'restart', unit] }];
  const selector = [
    '-l',
    'k8s-app=kube-proxy',
    '--field-selector',
    `spec.nodeName=${node.slice('node/'.length)}`,
  ];
  return [{ on: 'cluster', argv: ['kubectl', '-n', 'kube-system', 'delete', 'pod', ...selector] }];
}
