// A namespace from what its commands print, written by hand: `ip rule`, `ip route show table all`, `ip addr`, `ip link`,
// `sysctl -a`, each as text. A file that is not given was not collected. Lines are trimmed, so tests may indent them.
import { buildNetwork } from '../../src/core/model/build-network.ts';
import type { Namespace } from '../../src/core/model/network.ts';
import { makeFile, snapshotOf } from '../evidence/make-file.ts';

export type WrittenFile =
  | 'ip-rule-4.txt'
  | 'ip-rule-6.txt'
  | 'ip-route-4.txt'
  | 'ip-route-6.txt'
  | 'ip-addr.txt'
  | 'ip-link.txt'
  | 'ip-neigh.txt'
  | 'sysctl.txt';

export function namespaceFrom(files: Partial<Record<WrittenFile, string>>): Namespace {
  const written = Object.entries(files).map(([name, text]) => {
    const lines = text.split('\n').map((line) => line.replace(/^ {0,8}/, '').trimEnd());
    return makeFile(`nodes/n/${name}`, `${lines.filter((line) => line !== '').join('\n')}\n`);
  });
  const namespace = buildNetwork(snapshotOf(written)).namespaces.get('node/n');
  if (namespace === undefined) throw new Error('nothing was read');
  return namespace;
}

export const defaultRules = `
  0: from all lookup local
  32766: from all lookup main
  32767: from all lookup default`;
