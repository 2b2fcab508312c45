// What a machine is called in the bundle, once the cluster's Node objects are known: `uname -n` is often not the name
// that kubelet registered, and this machine may be an administrator's laptop and no node at all.
// In: a machine's result and cluster/resources/nodes.json. Out: the same result, its paths perhaps under another name.
// A name that the user gave is never changed.
import type { MachineKind } from './source.ts';
import type { MachineResult } from './collect-machines.ts';

export interface ClusterNode {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** The Node objects of a List; undefined where there is none to read. */
export function readClusterNodes(nodesJson: Uint8Array | undefined): readonly ClusterNode[] | undefined {
  if (nodesJson === undefined) return undefined;
  const items = field(parse(nodesJson), 'items');
  if (!Array.isArray(items)) return undefined;
  return items.flatMap((item: unknown) => {
    const name = field(field(item, 'metadata'), 'name');
    const addresses = field(field(item, 'status'), 'addresses');
    if (typeof name !== 'string') return [];
    return [{ name, addresses: Array.isArray(addresses) ? addresses.flatMap(readAddress) : [] }];
  });
}

export function placeMachine(
  result: MachineResult,
  nodes: readonly ClusterNode[] | undefined,
): MachineResult {
  const { source } = result;
  if (nodes === undefined || source.kind === 'host' || source.name !== undefined || result.files.size === 0) {
    return result;
  }
  if (nodes.some((node) => node.name === result.name)) return result;
  const own = readOwnAddresses(result);
  const matching = nodes.filter((node) => node.addresses.some((address) => own.has(address)));
  const [match] = matching;
  if (match !== undefined && matching.length === 1) return renameMachine(result, 'node', match.name);
  // Whoever was named with --node is meant to be a node, even if it never joined; this machine is only where we stand.
  return source.isLocal ? renameMachine(result, 'host', result.name) : result;
}

function renameMachine(result: MachineResult, kind: MachineKind, name: string): MachineResult {
  const oldFolder = `${result.source.kind}s/${result.name}/`;
  const newFolder = `${kind}s/${name}/`;
  const move = (path: string): string =>
    path.startsWith(oldFolder) ? newFolder + path.slice(oldFolder.length) : path;
  return {
    ...result,
    source: { ...result.source, kind },
    name,
    files: new Map([...result.files].map(([path, content]) => [move(path), content])),
    items: result.items.map((item) => ({ ...item, path: move(item.path) })),
  };
}

/** The addresses of the root network namespace, out of `ip addr` in either of its forms. */
function readOwnAddresses(result: MachineResult): ReadonlySet<string> {
  const folder = `${result.source.kind}s/${result.name}/`;
  const file = result.files.get(`${folder}ip-addr.json`) ?? result.files.get(`${folder}ip-addr.txt`);
  const text = new TextDecoder().decode(file);
  const found = text.matchAll(/"local":\s*"([^"]+)"|\binet6? ([0-9a-fA-F:.]+)/g);
  const addresses = [...found].map((match) => match[1] ?? match[2] ?? '');
  return new Set(addresses.filter((address) => !/^(?:127\.|::1$|fe80:)/i.test(address)));
}

function readAddress(value: unknown): string[] {
  const address = field(value, 'address');
  return typeof address === 'string' && field(value, 'type') !== 'Hostname' ? [address] : [];
}

function field(value: unknown, key: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return (value as Readonly<Record<string, unknown>>)[key];
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
