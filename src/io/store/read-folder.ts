// A bundle in a folder, file by file in path order.
// In: the folder's path. Out: each file to `onFile`, and what was wrong with the rest. Links are never followed: a link in
// somebody else's bundle could point at any file of this machine.
import { lstatSync, readFileSync } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import type { Dirent } from 'node:fs';
import { join } from 'node:path';
import type { BundleFile } from '../../core/snapshot/bundle-file.ts';
import { describeTooLarge, makeBundleFile, maxFileBytes } from './bundle-entry.ts';
import { describeReadError, describeSeveralBundles, fatalProblem } from './bundle-problem.ts';
import type { BundleProblem } from './bundle-problem.ts';
import { isLayoutName, manifestName } from './entry-path.ts';

export async function readFolder(
  folder: string,
  onFile: (file: BundleFile) => void,
): Promise<BundleProblem[]> {
  const root = await findRoot(folder);
  if ('isFatal' in root) return [root];
  const problems: BundleProblem[] = [];
  const paths = await listFiles(root, problems);
  for (const path of paths.sort(compareText)) {
    const read = readOne(root.folder, path);
    if ('bytes' in read) onFile(read);
    else problems.push(read);
  }
  return problems;
}

interface FolderRoot {
  readonly folder: string;
  /** The top-level names to read; all of them where a manifest stands. */
  readonly names: readonly Dirent[];
}

async function findRoot(folder: string): Promise<FolderRoot | (BundleProblem & { isFatal: true })> {
  let names: Dirent[];
  try {
    names = await readdir(folder, { withFileTypes: true });
  } catch (error) {
    return fatal('unreadable-file', folder, `${folder} cannot be read: ${describeReadError(error)}.`);
  }
  if (names.some((name) => name.name === manifestName)) return { folder, names };
  const below: string[] = [];
  for (const name of names) {
    if (name.isDirectory() && (await isPresent(join(folder, name.name, manifestName)))) below.push(name.name);
  }
  const [only, second] = below.sort(compareText);
  if (second !== undefined) return { ...describeSeveralBundles(folder, below), isFatal: true };
  if (only !== undefined) return findRoot(join(folder, only));
  const layout = names.filter((name) => isLayoutName(name.name));
  // Without a manifest only the layout's own folders are read: the path may be anything, a home folder for one.
  if (layout.length > 0) return { folder, names: layout };
  const text = `${folder} is not an evidence bundle: it holds no ${manifestName}, neither in it nor one folder down.`;
  return fatal('unknown-format', folder, text);
}

function fatal(code: BundleProblem['code'], path: string, text: string): BundleProblem & { isFatal: true } {
  return { ...fatalProblem(code, path, text), isFatal: true };
}

async function isPresent(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch {
    return false;
  }
}

async function listFiles(root: FolderRoot, problems: BundleProblem[]): Promise<string[]> {
  const files: string[] = [];
  const walk = async (folder: string, names: readonly Dirent[]): Promise<void> => {
    for (const name of [...names].sort((a, b) => compareText(a.name, b.name))) {
      const path = folder === '' ? name.name : `${folder}/${name.name}`;
      if (name.isFile()) files.push(path);
      else if (name.isDirectory()) await enter(path);
      else problems.push(describeIgnored(path, name));
    }
  };
  const enter = async (path: string): Promise<void> => {
    try {
      await walk(path, await readdir(join(root.folder, path), { withFileTypes: true }));
    } catch (error) {
      const text = `The folder ${path} cannot be read: ${describeReadError(error)}; its files count as not collected.`;
      problems.push({ code: 'unreadable-file', path, text });
    }
  };
  await walk('', root.names);
  return files;
}

/** A bundle is hundreds of small files: read at once, each costs a third of what a promise for it does. */
function readOne(folder: string, path: string): BundleFile | BundleProblem {
  try {
    const { size } = lstatSync(join(folder, path));
    if (size > maxFileBytes)
      return { code: 'unreadable-file', path, text: `${path} ${describeTooLarge(size)}` };
    return makeBundleFile(path, readFileSync(join(folder, path)));
  } catch (error) {
    const text = `${path} cannot be read: ${describeReadError(error)}; it counts as not collected.`;
    return { code: 'unreadable-file', path, text };
  }
}

function describeIgnored(path: string, name: Dirent): BundleProblem {
  const what = name.isSymbolicLink() ? 'a symbolic link' : 'a device, pipe or socket';
  return { code: 'ignored-entry', path, text: `${path} was ignored: it is ${what}, not a file.` };
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
