// A bundle in a tar archive, file by file in the archive's order.
// In: the archive's path and packing. Out: each file to `onFile`, and what was wrong with the rest. The archive is read
// twice: names first, because the manifest that says which folder is the bundle's root may stand at the very end.
import type { BundleFile } from '../../core/snapshot/bundle-file.ts';
import { describeTooLarge, makeBundleFile, maxFileBytes } from './bundle-entry.ts';
import { describeSeveralBundles, fatalProblem } from './bundle-problem.ts';
import type { BundleProblem, FatalProblem } from './bundle-problem.ts';
import { cleanEntryPath, manifestName, searchRoot } from './entry-path.ts';
import type { BundleRoot } from './entry-path.ts';
import { readSmallArchive } from './read-small-archive.ts';
import type { TarEnd, TarEntry, TarVisitor } from './tar-stream-reader.ts';
import type { Packing } from './unpack.ts';

export interface Archive {
  readonly path: string;
  readonly packing: Packing;
}

export async function readArchive(
  archive: Archive,
  onFile: (file: BundleFile) => void,
): Promise<BundleProblem[]> {
  const visit = await openArchive(archive);
  const search = searchRoot();
  const scan = await scanNames(visit, search.see);
  if ('isFatal' in scan) return [scan];
  const root = search.result();
  if (root.kind !== 'found') return [describeNoRoot(archive, root, scan)];
  const delivery = deliverFiles(root.prefix, onFile);
  const end = await visit(delivery.visitor);
  if ('isFatal' in end) {
    const hasDelivered = delivery.state.lastWhole !== undefined;
    return [...delivery.problems, hasDelivered ? { ...end, isFatal: false } : end];
  }
  return [...delivery.problems, ...describeDamage(archive, end, delivery)];
}

type Visit = (visitor: TarVisitor) => TarEnd | Promise<TarEnd | FatalProblem>;

/** The streaming reader and its libraries are loaded only where an archive needs them. */
async function openArchive(archive: Archive): Promise<Visit> {
  const small = readSmallArchive(archive.path, archive.packing);
  if (small !== undefined) return small;
  const { streamArchive } = await import('./stream-archive.ts');
  return (visitor) => streamArchive(archive.path, archive.packing, visitor);
}

interface SeenNames extends TarEnd {
  readonly entries: number;
}

async function scanNames(visit: Visit, see: (path: string) => boolean): Promise<SeenNames | FatalProblem> {
  let isDone = false;
  let entries = 0;
  const begin = (entry: TarEntry): boolean => {
    entries++;
    const clean = cleanEntryPath(entry.name);
    if (clean.ok && clean.path !== '' && isFile(entry)) isDone ||= see(clean.path);
    return false;
  };
  const end = await visit({ begin, end: () => undefined, isDone: () => isDone });
  return 'isFatal' in end ? end : { ...end, entries };
}

interface Delivery {
  readonly visitor: TarVisitor;
  readonly problems: BundleProblem[];
  /** The last file that arrived whole, and the one that the damage cut. */
  readonly state: {
    lastWhole?: string;
    cut?: { readonly path: string; readonly at: number; readonly of: number };
  };
}

function deliverFiles(prefix: string, onFile: (file: BundleFile) => void): Delivery {
  const problems: BundleProblem[] = [];
  const state: Delivery['state'] = {};
  const seen = new Set<string>();
  let path = '';
  const begin = (entry: TarEntry): boolean => {
    const judged = judgeEntry(entry, prefix);
    if (judged.kind === 'skip') return false;
    if (judged.kind === 'problem') problems.push(judged.problem);
    else if (seen.has(judged.path)) problems.push(describeDuplicate(judged.path));
    else {
      seen.add(judged.path);
      path = judged.path;
      return true;
    }
    return false;
  };
  const end = (entry: TarEntry, content: Uint8Array, isTruncated: boolean): void => {
    if (isTruncated) state.cut = { path, at: content.length, of: entry.sizeBytes };
    else state.lastWhole = path;
    onFile(makeBundleFile(path, content, isTruncated));
  };
  return { visitor: { begin, end }, problems, state };
}

type Judgement =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'skip' }
  | { readonly kind: 'problem'; readonly problem: BundleProblem };

function judgeEntry(entry: TarEntry, prefix: string): Judgement {
  if (entry.type === 'directory') return { kind: 'skip' };
  const clean = cleanEntryPath(entry.name);
  const name = clean.ok ? clean.path : entry.name;
  const ignored = (text: string): Judgement => ({
    kind: 'problem',
    problem: { code: 'ignored-entry', path: name, text },
  });
  if (!clean.ok)
    return ignored(
      `An entry of the archive was ignored: ${clean.why} (${JSON.stringify(name.slice(0, 80))}).`,
    );
  if (!isFile(entry)) return ignored(`${name} was ignored: it is a ${describeType(entry.type)}, not a file.`);
  if (!name.startsWith(prefix))
    return ignored(`${name} was ignored: it lies outside the bundle's folder ${prefix}.`);
  const path = name.slice(prefix.length);
  if (entry.sizeBytes > maxFileBytes) {
    const text = `${path} ${describeTooLarge(entry.sizeBytes)}`;
    return { kind: 'problem', problem: { code: 'unreadable-file', path, text } };
  }
  return { kind: 'file', path };
}

function isFile(entry: TarEntry): boolean {
  return entry.type === 'file' || entry.type === 'contiguous-file';
}

function describeType(type: string): string {
  if (type === 'symlink') return 'symbolic link';
  if (type === 'link') return 'hard link';
  return type === 'unknown' ? 'thing that tar may hold and a bundle may not' : type.replace('-', ' ');
}

function describeDuplicate(path: string): BundleProblem {
  const text = `${path} stands twice in the archive; the first is used.`;
  return { code: 'duplicate-name', path, text };
}

function describeNoRoot(archive: Archive, root: BundleRoot, scan: SeenNames): BundleProblem {
  const path = archive.path;
  if (root.kind === 'several') return describeSeveralBundles(path, root.folders);
  if (scan.damage === undefined) {
    const what =
      scan.entries === 0
        ? 'holds no files'
        : `holds no ${manifestName}, neither at its top nor one folder down`;
    return fatalProblem('unknown-format', path, `${path} is not an evidence bundle: it ${what}.`);
  }
  if (scan.entries === 0 && !scan.damage.isCut) {
    const text = `${path} is not an evidence bundle: ${scan.damage.message} (byte ${scan.positionBytes}).`;
    return fatalProblem('unknown-format', path, text);
  }
  const text = `${path} ends before any evidence: ${scan.damage.message} after byte ${scan.positionBytes}.`;
  return fatalProblem('truncated-archive', path, text);
}

function describeDamage(archive: Archive, end: TarEnd, delivery: Delivery): BundleProblem[] {
  if (end.damage === undefined) return [];
  const { lastWhole, cut } = delivery.state;
  const where = lastWhole === undefined ? 'before the first whole file' : `after ${lastWhole}`;
  const unit = archive.packing === 'none' ? '' : ' of the unpacked archive';
  const cutText = cut === undefined ? '' : ` ${cut.path} is cut off at its byte ${cut.at} of ${cut.of};`;
  const text =
    `${archive.path} ends ${where}, at byte ${end.positionBytes}${unit}: ${end.damage.message};` +
    `${cutText} whatever followed counts as not collected.`;
  return [{ code: 'truncated-archive', path: cut?.path ?? archive.path, text }];
}
