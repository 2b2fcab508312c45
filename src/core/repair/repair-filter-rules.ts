// Repairs for single rules and connections: the rule goes, in the place that undo puts it back to; tailscaled's rule also by
// not letting tailscaled divert the machine's traffic into its chains.
import { reverseCommands } from './draft.ts';
import type { RepairDraft } from './draft.ts';
import { filterCommands } from './filter-commands.ts';
import type { RootCause } from '../diagnose/diagnosis.ts';
import { joinNames } from '../diagnose/name-cause.ts';
import type { World } from '../diagnose/world.ts';
import { isFilterChange } from '../snapshot/edit-filter.ts';

const notes: Readonly<Record<string, string>> = {
  'tailscale-filter-drops-cgnat-range':
    'tailscaled writes it again when it starts. From 1.98 the node attribute disable-linux-cgnat-drop-rule in the tailnet policy file takes the rule of ts-input away for good.',
  'stale-connection': 'The client’s next packet begins a new connection, which the rules of now decide.',
  'mark-collision': 'Better: let the program that sets the mark use bits that nobody else does.',
  'asymmetric-reply-invalid': 'It hides what parts the ways of request and answer, and does not mend it.',
};

export function draftFilterRuleRepairs(cause: RootCause, world: World): readonly RepairDraft[] {
  const changes = cause.changes.filter(isFilterChange);
  const isPlain = changes.every(
    ({ kind }) =>
      kind === 'remove-filter-rule' || kind === 'remove-connection' || kind === 'insert-filter-rule',
  );
  if (changes.length === 0 || changes.length !== cause.changes.length || !isPlain) return [];
  const parts = changes.map((change) =>
    filterCommands(change, world.network.namespaces.get(change.namespace)?.facts.filter),
  );
  const machines = [...new Set(changes.map((change) => change.namespace))].sort();
  const isForgetting = changes.every(({ kind }) => kind === 'remove-connection');
  const isClamping = cause.code === 'path-mtu-exceeded';
  const plain: RepairDraft = {
    kind: 'immediate',
    title: `${describeAct({ isForgetting, isClamping })} on ${joinNames(machines)}`,
    commands: parts.flatMap((part) => part.do),
    changes,
    undo: reverseCommands(parts.flatMap((part) => part.undo)),
    risk: isForgetting || isClamping ? 'low' : 'medium',
    isDisruptive: false,
    note:
      notes[cause.code] ?? 'Whoever added it may add it again: take it out of the program or file that does.',
  };
  return cause.code === 'tailscale-filter-drops-cgnat-range'
    ? [plain, stopDiverting(plain, machines)]
    : [plain];
}

function describeAct(about: { readonly isForgetting: boolean; readonly isClamping: boolean }): string {
  if (about.isForgetting) return 'Forget the connection';
  return about.isClamping ? 'Let connections agree on smaller segments' : 'Take the rule away';
}

/** The pref survives restarts: the chains are filled, and nothing jumps into them (tailscale 1.102, NetfilterMode nodivert). */
function stopDiverting(plain: RepairDraft, machines: readonly string[]): RepairDraft {
  const set = (on: string, mode: string): { readonly on: string; readonly argv: readonly string[] } => ({
    on,
    argv: ['tailscale', 'set', `--netfilter-mode=${mode}`],
  });
  return {
    ...plain,
    kind: 'persistent',
    title: `Keep tailscaled on ${joinNames(machines)} from putting its chains in front of everything`,
    commands: machines.map((machine) => set(machine, 'nodivert')),
    undo: machines.map((machine) => set(machine, 'on')),
    risk: 'medium',
    isDisruptive: true,
    note: 'Its other rules are gone as well: what a subnet router or exit node forwards from the tailnet is not masqueraded any more, and a firewall has to let tailscale0 and UDP 41641 in itself.',
  };
}
