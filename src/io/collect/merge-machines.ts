// Several machines' results as one bundle's files and manifest items. In: results in the order they were asked for. Out:
// the union; of two machines with one name the first that gave something stays, and the other's loss is said, because
// their files under one name would describe a machine that does not exist.
import type { ManifestItem } from '../../core/snapshot/manifest.ts';
import type { MachineResult } from './collect-machines.ts';

export interface MergedMachines {
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly items: readonly ManifestItem[];
  /** The results as they went in; the one that lost its name to another now has a failure and no files. */
  readonly results: readonly MachineResult[];
}

export function mergeMachines(results: readonly MachineResult[]): MergedMachines {
  const owners = new Map<string, MachineResult>();
  for (const result of results) {
    const owner = owners.get(folderOf(result));
    if (owner === undefined || (owner.files.size === 0 && result.files.size > 0)) {
      owners.set(folderOf(result), result);
    }
  }
  const files = new Map<string, Uint8Array>();
  const items: ManifestItem[] = [];
  for (const owner of owners.values()) {
    for (const [path, content] of owner.files) files.set(path, content);
    items.push(...owner.items);
  }
  const settled = results.map((result) => {
    const owner = owners.get(folderOf(result)) ?? result;
    return owner === result || result.files.size === 0 ? result : loseName(result, owner);
  });
  return { files, items, results: settled };
}

function folderOf(result: MachineResult): string {
  return `${result.source.kind}s/${result.name}/`;
}

function loseName(result: MachineResult, owner: MachineResult): MachineResult {
  const detail = `calls itself ${result.name}, as ${owner.source.label} does; tell them apart with NAME=${result.source.label}`;
  return { ...result, files: new Map(), items: [], failure: { problem: 'failed', detail } };
}
