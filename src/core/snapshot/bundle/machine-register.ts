// Who is in the bundle: the files of every machine go through here to their shelves, and at the end the machines are
// put together by name. Two machines of one name (names differ in case only, or a host has a node's name) cannot both
// be meant: one is used, nodes before hosts and the lower case before the upper.
import type { Note } from '../../fact/note.ts';
import type { BundleFile } from '../bundle-file.ts';
import { createDatapathShelves } from '../datapath/datapath-kinds.ts';
import type { DatapathShelves } from '../datapath/datapath-kinds.ts';
import type { MachineFacts } from '../machine-facts.ts';
import { assembleMachine, createMachineShelves } from '../machine/assemble-machine.ts';
import type { MachineShelves } from '../machine/assemble-machine.ts';
import type { ManifestItem } from '../manifest.ts';
import { createNamespaceShelves } from '../network/assemble-namespace.ts';
import type { NamespaceShelves } from '../network/assemble-namespace.ts';
import { compareText } from '../syntax/compare-text.ts';
import { machineFolderOf, machinePlaceOf } from './place.ts';
import type { MachinePlace } from './place.ts';
import type { Settlement } from './settle.ts';

interface OpenFolder {
  readonly podFolders: Set<string>;
  readonly commandLines: Set<string>;
  readonly journals: Set<string>;
}

export interface MachineRegister {
  readonly take: (file: BundleFile, place: MachinePlace) => void;
  readonly folders: ReadonlyMap<string, OpenFolder>;
  readonly machine: MachineShelves;
  readonly datapath: DatapathShelves;
  readonly network: NamespaceShelves;
}

export function createMachineRegister(): MachineRegister {
  const folders = new Map<string, OpenFolder>();
  const machine = createMachineShelves();
  const datapath = createDatapathShelves();
  const network = createNamespaceShelves();
  const { commandLines, journals, ...named } = machine;
  const ofNamespaces = intakes(Object.values(network));
  const ofMachines = new Map([
    ...intakes(Object.values(named)),
    ...intakes(Object.values(datapath)),
    ...ofNamespaces,
  ]);

  const take = (file: BundleFile, place: MachinePlace): void => {
    const folder = folders.get(place.machineFolder) ?? {
      podFolders: new Set<string>(),
      commandLines: new Set<string>(),
      journals: new Set<string>(),
    };
    folders.set(place.machineFolder, folder);
    if (place.podFolder !== undefined) {
      folder.podFolders.add(place.podFolder);
      ofNamespaces.get(place.name)?.(file);
    } else if (/^cmdline\/[^/]+\.txt$/.test(place.name)) {
      folder.commandLines.add(file.path);
      commandLines.take(file);
    } else if (/^(?:journal\/[^/]+|tailscaled)\.log$/.test(place.name)) {
      folder.journals.add(file.path);
      journals.take(file);
    } else ofMachines.get(place.name)?.(file);
  };
  return { take, folders, machine, datapath, network };
}

type Intake = (file: BundleFile) => void;

/** A shelf with its type forgotten: all that is asked of it here is to take files. */
interface AnyShelf {
  readonly intakes: () => readonly (readonly [string, Intake])[];
}

function intakes(shelves: readonly AnyShelf[]): ReadonlyMap<string, Intake> {
  return new Map(shelves.flatMap((shelf) => shelf.intakes()));
}

export interface Machines {
  readonly nodes: ReadonlyMap<string, MachineFacts>;
  readonly hosts: ReadonlyMap<string, MachineFacts>;
  /** Machines of which nothing came, by name, with the reason. */
  readonly unreachable: ReadonlyMap<string, string>;
}

export function collectMachines(
  register: MachineRegister,
  settlement: Settlement,
  items: readonly ManifestItem[],
): Machines {
  const nodes = new Map<string, MachineFacts>();
  const hosts = new Map<string, MachineFacts>();
  const taken = new Map<string, string>();
  for (const path of nodesFirst([...register.folders.keys()])) {
    const folder = register.folders.get(path);
    const name = path.slice(path.indexOf('/') + 1).toLowerCase();
    const first = taken.get(name);
    if (folder === undefined) continue;
    if (first !== undefined) {
      settlement.note(noteOnDouble(path, first));
      continue;
    }
    taken.set(name, path);
    const { machine, datapath, network } = register;
    const facts = assembleMachine(path, { folder, machine, datapath, network, settlement });
    (facts.kind === 'node' ? nodes : hosts).set(facts.name, facts);
  }
  return { nodes, hosts, unreachable: findUnreachable(register, items) };
}

/** And of names that differ in case the lower: Kubernetes has no other (RFC 1123), so it is the one that objects mean. */
function nodesFirst(folders: readonly string[]): readonly string[] {
  const rank = (folder: string): string =>
    (folder.startsWith('nodes/') ? '0' : '1') + (folder === folder.toLowerCase() ? '0' : '1') + folder;
  return [...folders].sort((a, b) => compareText(rank(a), rank(b)));
}

function noteOnDouble(path: string, first: string): Note {
  const text = `${path} has the name of ${first}; the files of ${first} are used and those of ${path} ignored.`;
  return { code: 'duplicate-name', path, text };
}

/** Machines of which no file came: for a problem with the whole of it, or with the first file that was asked for. */
function findUnreachable(
  register: MachineRegister,
  items: readonly ManifestItem[],
): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const isWhole = (item: ManifestItem): boolean => machineFolderOf(item.path) !== undefined;
  const rank = (item: ManifestItem): string => `${isWhole(item) ? '0' : '1'}${item.path}`;
  for (const item of [...items].sort((a, b) => compareText(rank(a), rank(b)))) {
    const folder = machineFolderOf(item.path) ?? machinePlaceOf(item.path)?.machineFolder;
    if (item.problem === undefined || folder === undefined || register.folders.has(folder)) continue;
    const name = folder.slice(folder.indexOf('/') + 1);
    if (!reasons.has(name)) reasons.set(name, item.detail ?? item.problem);
  }
  return new Map([...reasons].sort(([a], [b]) => compareText(a, b)));
}
