// Types of peer-folder.mjs for the lab and the tests, which are TypeScript.
export interface Peer {
  readonly name: string;
  readonly version: string;
  readonly builds: Readonly<Record<string, string>>;
  readonly cgo: boolean;
}

export function findPeersFolder(): string | undefined;
export function readCatalogue(peersFolder: string): readonly Peer[];
export function locatePeerFolder(peersFolder: string, peer: Peer): string;
