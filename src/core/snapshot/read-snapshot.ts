// Makes a snapshot of a bundle. In: the bundle's files one by one, in any order; each is read when it comes and its bytes
// are not kept. Out, once all are in: the snapshot, put together in the order of names, so that the order of the files
// never shows. Nothing in a file makes this throw: what cannot be read is missing, with a note that says where and why.
import type { Note } from '../fact/note.ts';
import type { BundleFile } from './bundle-file.ts';
import { createFactShelf } from './bundle/fact-shelf.ts';
import type { FactKind } from './bundle/fact-shelf.ts';
import { openLedger } from './bundle/ledger.ts';
import { collectMachines, createMachineRegister } from './bundle/machine-register.ts';
import { containerLogPlaceOf, machinePlaceOf, resourceNameOf, tailnetNameOf } from './bundle/place.ts';
import { readManifest } from './bundle/read-manifest.ts';
import { readProbes } from './bundle/read-probes.ts';
import { settleAt } from './bundle/settle.ts';
import type { Settlement } from './bundle/settle.ts';
import type { Json } from './cluster-facts.ts';
import { assembleCluster, createClusterShelves } from './kubernetes/assemble-cluster.ts';
import type { Manifest } from './manifest.ts';
import type { ProbeFact, Snapshot } from './snapshot.ts';
import { compareText } from './syntax/compare-text.ts';
import { parseHujson } from './syntax/parse-hujson.ts';
import { parseJson } from './syntax/parse-json.ts';

export interface SnapshotReader {
  readonly take: (file: BundleFile) => void;
  /** `problems`: what whoever opened the bundle has to say about it. */
  readonly finish: (problems?: readonly Note[]) => Snapshot;
}

const manifestKind: FactKind<Manifest> = {
  what: 'items',
  forms: [{ name: 'waylaid.json', read: readManifest, whenEmpty: 'unknown' }],
};

const probeKind: FactKind<readonly ProbeFact[]> = {
  what: 'probes',
  forms: [{ name: 'probes.jsonl', read: readProbes, whenEmpty: 'empty' }],
  isPartUsable: true,
};

const tailnetKind: FactKind<Json> = {
  what: 'contents',
  forms: [{ name: 'tailnet', read: readTailnetFile, whenEmpty: 'unknown' }],
};

export function createSnapshotReader(): SnapshotReader {
  const manifests = createFactShelf(manifestKind);
  const probes = createFactShelf(probeKind);
  const tailnet = createFactShelf(tailnetKind);
  const cluster = createClusterShelves();
  const machines = createMachineRegister();

  const take = (file: BundleFile): void => {
    const { path } = file;
    const place = machinePlaceOf(path);
    if (place !== undefined) machines.take(file, place);
    else if (path === 'waylaid.json') manifests.take(file);
    else if (path === 'probes.jsonl') probes.take(file);
    else if (path === 'cluster/version.json') cluster.version.take(file);
    else if (tailnetNameOf(path) !== undefined) tailnet.take(file);
    else if (resourceNameOf(path) !== undefined) cluster.lists.take(file);
    else if (containerLogPlaceOf(path) !== undefined) cluster.logs.take(file);
  };

  const finish = (problems: readonly Note[] = []): Snapshot => {
    const notes: Note[] = [...problems];
    const note = (entry: Note): void => void notes.push(entry);
    const manifest = settleAt({ ledger: openLedger(undefined), note }, manifests, 'waylaid.json');
    const items = manifest.known ? manifest.value.items : undefined;
    const settlement: Settlement = { ledger: openLedger(manifest.known ? manifest.value : undefined), note };
    const expected = [...(items?.keys() ?? [])];
    const { nodes, hosts, unreachable } = collectMachines(machines, settlement, [...(items?.values() ?? [])]);
    const probeFacts = settleAt(settlement, probes, 'probes.jsonl');
    const tailnetPaths = [...tailnet.paths(), ...expected].filter(
      (path) => tailnetNameOf(path) !== undefined,
    );
    const clusterName = manifest.known ? manifest.value.clusterName : undefined;
    return {
      manifest,
      nodes,
      hosts,
      cluster: assembleCluster(cluster, settlement, clusterName, expected),
      tailnet: new Map(
        [...new Set(tailnetPaths)]
          .sort(compareText)
          .map((path) => [tailnetNameOf(path) ?? path, settleAt(settlement, tailnet, path)]),
      ),
      probes: probeFacts.known ? probeFacts.value : [],
      notes: inOrder(notes),
      unreachable,
    };
  };

  return { take, finish };
}

function readTailnetFile(file: BundleFile): ReturnType<typeof parseJson> {
  return file.path.endsWith('.hujson') ? parseHujson(file) : parseJson(file);
}

function inOrder(notes: readonly Note[]): readonly Note[] {
  const key = (note: Note): string => `${note.path}\0${note.code}\0${note.text}`;
  const unique = new Map(notes.map((note) => [key(note), note]));
  return [...unique].sort(([a], [b]) => compareText(a, b)).map(([, note]) => note);
}
