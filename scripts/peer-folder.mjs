// Where a real counterpart's binaries live: reads peers/catalogue.json and a peer's module files, gives the folder
// in the user's cache. Shared by the build (peers.mjs) and by the lab, which must agree without being told.
// The folder's name holds a hash of everything that decides the build, so a changed go.sum is another folder.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** peers/ of the checkout that this file, or the bundle made from it, stands in. An installed package has none. */
export function findPeersFolder() {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (let level = 0; level < 4; level++) {
    const candidate = join(folder, 'peers');
    if (existsSync(join(candidate, 'catalogue.json'))) return candidate;
    folder = dirname(folder);
  }
  return undefined;
}

export function readCatalogue(peersFolder) {
  return JSON.parse(readFileSync(join(peersFolder, 'catalogue.json'), 'utf8')).peers;
}

export function locatePeerFolder(peersFolder, peer) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return join(
    cache,
    'waylaid',
    'peers',
    `${peer.name}-${peer.version}-${hashBuildInputs(peersFolder, peer)}`,
  );
}

function hashBuildInputs(peersFolder, peer) {
  const module = join(peersFolder, peer.name);
  const hash = createHash('sha256').update(JSON.stringify([peer.version, peer.builds, peer.cgo]));
  for (const file of listModuleFiles(module)) {
    hash.update(`\0${relative(module, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex').slice(0, 12);
}

function listModuleFiles(module) {
  return readdirSync(module, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^go\.(mod|sum)$|\.go$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
