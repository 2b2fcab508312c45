// Is package-lock.json complete? In: the lock file. Out: problems, one sentence each.
// A registry that lags behind makes npm leave out some platform-specific optional packages without a word, and then
// `npm ci` fails on another machine ("Missing: … from lock file", npm 11). Addresses of private registries and the
// lack of integrity hashes would fail elsewhere, too.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder } from './run-program.mjs';

const PUBLIC_REGISTRY = 'https://registry.npmjs.org/';

export function checkLock(folder = projectFolder) {
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  return [...findLockProblems(lock), ...findManifestProblems(lock, manifest)];
}

export function findLockProblems(lock) {
  const problems = [];
  for (const [path, entry] of Object.entries(lock.packages)) {
    for (const name of Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })) {
      if (!isResolved(lock.packages, path, name))
        problems.push(`${path || 'the project'} needs ${name}, which is not in the lock`);
    }
    if (entry.resolved && !entry.resolved.startsWith(PUBLIC_REGISTRY))
      problems.push(`${path} is not from the public registry`);
    if (path !== '' && !entry.link && !entry.integrity) problems.push(`${path} has no integrity hash`);
  }
  return problems;
}

/** The same versions in both files, and every one exact: a range would make two installs differ. */
function findManifestProblems(lock, manifest) {
  const problems = [];
  const root = lock.packages[''];
  for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    if (JSON.stringify(root[kind] ?? {}) !== JSON.stringify(manifest[kind] ?? {}))
      problems.push(
        `package.json and package-lock.json differ in ${kind}: run npm install --package-lock-only`,
      );
    for (const [name, version] of Object.entries(manifest[kind] ?? {}))
      if (!/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))
        problems.push(`${name} is not pinned exactly: ${version}`);
  }
  return problems;
}

/** As Node resolves: in the package's own node_modules first, then in each one above it. */
function isResolved(packages, from, name) {
  for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
    const candidate = folder === '' ? `node_modules/${name}` : `${folder}/node_modules/${name}`;
    if (packages[candidate] !== undefined) return true;
    if (folder === '') return false;
  }
}
