// Paths inside a bundle: cleaning what an archive calls its entries, and finding where the bundle's root is among them.
// A name that would leave the bundle is refused although nothing is written to disk: such an archive was not made by a
// collector, and its file would pass for another.

export type CleanPath =
  { readonly ok: true; readonly path: string } | { readonly ok: false; readonly why: string };

const maxPathLength = 4096;
const cleanName = /^[\w.-]+(?:\/[\w.-]+)*$/;
const dotPart = /(?:^|\/)\.\.?(?:\/|$)/;

/** `./nodes//n1/x` becomes `nodes/n1/x`; the archive's own top (`./`) becomes the empty path. */
export function cleanEntryPath(name: string): CleanPath {
  if (name.length > maxPathLength)
    return { ok: false, why: `its name is longer than ${maxPathLength} characters` };
  // Nearly every name is clean, and a bundle has thousands.
  const bare = name.startsWith('./') ? name.slice(2) : name;
  if (cleanName.test(bare) && !dotPart.test(bare)) return { ok: true, path: bare };
  for (let index = 0; index < name.length; index++) {
    if (name.charCodeAt(index) < 32) return { ok: false, why: 'its name holds a control character' };
  }
  if (name.startsWith('/')) return { ok: false, why: 'its name is absolute' };
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (parts.includes('..')) return { ok: false, why: 'its name leads out of the bundle' };
  return { ok: true, path: parts.join('/') };
}

export const manifestName = 'waylaid.json';

/** What stands at the top of every bundle besides the manifest. */
const layoutNames = new Set(['cluster', 'nodes', 'tailnet', 'app', 'hosts', 'probes.jsonl']);

export function isLayoutName(name: string): boolean {
  return layoutNames.has(name);
}

export type BundleRoot =
  | { readonly kind: 'found'; readonly prefix: string }
  | { readonly kind: 'several'; readonly folders: readonly string[] }
  | { readonly kind: 'none' };

export interface RootSearch {
  /** Takes the next path; true when the root is certain and the rest need not be seen. */
  readonly see: (path: string) => boolean;
  readonly result: () => BundleRoot;
}

/**
 * Finds the folder that holds `waylaid.json`: the top, or the one folder under it that people get when they pack a folder.
 * Where the manifest is missing (an archive cut off before it), the layout's own names decide.
 */
export function searchRoot(): RootSearch {
  let isTop = false;
  let isLayoutAtTop = false;
  const tops = new Set<string>();
  const withManifest = new Set<string>();
  const withLayout = new Set<string>();
  const see = (path: string): boolean => {
    const parts = path.split('/', 3);
    const top = parts[0] ?? '';
    const second = parts[1];
    if (second === undefined && top === manifestName) isTop = true;
    if (isLayoutName(top)) isLayoutAtTop = true;
    tops.add(top);
    if (second === manifestName && parts[2] === undefined) withManifest.add(top);
    else if (second !== undefined && isLayoutName(second)) withLayout.add(top);
    return isTop;
  };
  const result = (): BundleRoot => {
    if (isTop) return { kind: 'found', prefix: '' };
    if (withManifest.size > 1) return { kind: 'several', folders: [...withManifest].sort() };
    for (const folder of withManifest) return { kind: 'found', prefix: `${folder}/` };
    if (isLayoutAtTop) return { kind: 'found', prefix: '' };
    if (tops.size === 1) for (const folder of withLayout) return { kind: 'found', prefix: `${folder}/` };
    return { kind: 'none' };
  };
  return { see, result };
}
