// Finds a real counterpart's binary (tailscaled, labcontrol, …) where `npm run peers` put it. In: the binary's name
// as in peers/catalogue.json. Out: its path, or undefined when it isn't built for the pinned version: the caller then
// does without. A pure look-up: it builds nothing, and a binary of another version is never found.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { findPeersFolder, locatePeerFolder, readCatalogue } from '../scripts/peer-folder.mjs';

export function findPeerBinary(name: string): string | undefined {
  const peersFolder = findPeersFolder();
  if (peersFolder === undefined) return undefined;
  const peer = readCatalogue(peersFolder).find((candidate) => name in candidate.builds);
  if (peer === undefined) return undefined;
  const path = join(locatePeerFolder(peersFolder, peer), 'bin', name);
  return existsSync(path) ? path : undefined;
}
