// The shelves of a machine's files, and one machine put together from them: its root namespace, its pods' namespaces,
// and what its programs were told.
import type { Known } from '../../fact/known.ts';
import { present } from '../../fact/known.ts';
import { createFactShelf } from '../bundle/fact-shelf.ts';
import { settleAt, settleIn } from '../bundle/settle.ts';
import type { Settlement } from '../bundle/settle.ts';
import { assembleDatapath } from '../datapath/datapath-kinds.ts';
import type { DatapathShelves } from '../datapath/datapath-kinds.ts';
import type { LogLine, MachineFacts } from '../machine-facts.ts';
import type { NamespaceFacts } from '../namespace-facts.ts';
import { assembleNamespace } from '../network/assemble-namespace.ts';
import type { NamespaceShelves } from '../network/assemble-namespace.ts';
import { compareText } from '../syntax/compare-text.ts';
import {
  commandLineKind,
  flannelSubnetKind,
  kernelKind,
  logKind,
  osReleaseKind,
  rtTablesKind,
  tailscaleNetmapKind,
  tailscalePrefsKind,
  tailscaleStatusKind,
} from './machine-kinds.ts';

export type MachineShelves = ReturnType<typeof createMachineShelves>;

export function createMachineShelves() {
  return {
    rtTables: createFactShelf(rtTablesKind),
    flannelSubnet: createFactShelf(flannelSubnetKind),
    osRelease: createFactShelf(osReleaseKind),
    kernel: createFactShelf(kernelKind),
    status: createFactShelf(tailscaleStatusKind),
    prefs: createFactShelf(tailscalePrefsKind),
    netmap: createFactShelf(tailscaleNetmapKind),
    commandLines: createFactShelf(commandLineKind),
    journals: createFactShelf(logKind),
  };
}

/** What came in for one machine, beside the files of fixed names. */
export interface MachineFolder {
  readonly podFolders: ReadonlySet<string>;
  readonly commandLines: ReadonlySet<string>;
  readonly journals: ReadonlySet<string>;
}

export interface MachineParts {
  readonly folder: MachineFolder;
  readonly machine: MachineShelves;
  readonly datapath: DatapathShelves;
  readonly network: NamespaceShelves;
  readonly settlement: Settlement;
}

/** `path` is `nodes/n1` or `hosts/nas`. */
export function assembleMachine(path: string, parts: MachineParts): MachineFacts {
  const { folder, machine, settlement } = parts;
  const rtTables = settleIn(settlement, machine.rtTables, path);
  const tableNumbers = rtTables.known ? rtTables.value : new Map<string, string>();
  const namespaceAt = (at: string): NamespaceFacts =>
    assembleNamespace(at, parts.network, settlement, tableNumbers);
  const pods = new Map<string, NamespaceFacts>();
  const unnamedNamespaces = new Map<string, NamespaceFacts>();
  for (const name of [...folder.podFolders].sort(compareText)) {
    const podName = podNameOf(name);
    if (podName === undefined) unnamedNamespaces.set(name, namespaceAt(`${path}/pods/${name}`));
    else pods.set(podName, namespaceAt(`${path}/pods/${name}`));
  }
  return {
    name: path.slice(path.indexOf('/') + 1),
    kind: path.startsWith('nodes/') ? 'node' : 'host',
    root: namespaceAt(path),
    pods,
    unnamedNamespaces,
    tailscale: {
      status: settleIn(settlement, machine.status, path),
      prefs: settleIn(settlement, machine.prefs, path),
      netmap: settleIn(settlement, machine.netmap, path),
    },
    datapath: assembleDatapath(path, parts.datapath, settlement),
    flannelSubnet: settleIn(settlement, machine.flannelSubnet, path),
    osRelease: settleIn(settlement, machine.osRelease, path),
    kernel: settleIn(settlement, machine.kernel, path),
    commandLines: new Map(
      [...folder.commandLines]
        .sort(compareText)
        .map((file) => [baseName(file), settleAt(settlement, machine.commandLines, file)]),
    ),
    journals: journalsOf(parts),
  };
}

/** A folder is `namespace_pod`; neither name can hold an underscore. `netns_…` is one that nobody could name. */
function podNameOf(folder: string): string | undefined {
  const found = /^([^_]+)_(.+)$/.exec(folder);
  return found === null || found[1] === 'netns' ? undefined : `${found[1] ?? ''}/${found[2] ?? ''}`;
}

/** `k3s` for `nodes/n1/journal/k3s.log`. */
function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1).replace(/\.(?:log|txt)$/, '');
}

/** `tailscaled.log` and `journal/tailscaled.log` are logs of one unit: both are read. */
function journalsOf(parts: MachineParts): ReadonlyMap<string, Known<readonly LogLine[]>> {
  const journals = new Map<string, Known<readonly LogLine[]>>();
  for (const file of [...parts.folder.journals].sort(compareText)) {
    const unit = baseName(file);
    const log = settleAt(parts.settlement, parts.machine.journals, file);
    const other = journals.get(unit);
    if (other?.known !== true) journals.set(unit, log);
    else if (log.known) journals.set(unit, present([...other.value, ...log.value], other.evidence));
  }
  return new Map([...journals].sort(([a], [b]) => compareText(a, b)));
}
