// Which of the wanted kinds this API server has, and at which version each is listed.
// In: the API. Out: the lists to ask for, and for the kinds that are not to be had an item each that says why. Where the server
// does not tell, the usual version is asked: the list's own answer then shows whether it is there.
import type { ItemProblem, ManifestItem } from '../../core/snapshot/manifest.ts';
import type { KubeApi } from './kubernetes-request.ts';
import { resourceName, resourcePath, versionPath, wantedGroups } from './kubernetes-wanted.ts';
import type { WantedGroup } from './kubernetes-wanted.ts';
import { entriesOf, parseBody, textOf } from './kubernetes-body.ts';

export interface KubeResource {
  readonly name: string;
  readonly path: string;
  readonly apiVersion: string;
  /** Unknown where the server did not tell; the list's kind does. */
  readonly kind?: string;
}

export interface Discovery {
  readonly resources: readonly KubeResource[];
  readonly items: readonly ManifestItem[];
}

const maxDiscoveryBytes = 16 * 1024 ** 2;

export async function discoverResources(
  api: KubeApi,
  limit: <T>(task: () => Promise<T>) => Promise<T>,
): Promise<Discovery> {
  const versions = await readGroupVersions(api);
  const found = await Promise.all(wantedGroups.map((group) => discoverGroup(api, limit, group, versions)));
  return { resources: found.flatMap((one) => one.resources), items: found.flatMap((one) => one.items) };
}

/** Each group's versions, the preferred one first; undefined where the server does not list its groups. */
async function readGroupVersions(api: KubeApi): Promise<ReadonlyMap<string, readonly string[]> | undefined> {
  const answer = await api.get('/apis', { maxBytes: maxDiscoveryBytes });
  if (!answer.ok) return undefined;
  const body = parseBody(answer.bytes);
  if (body === undefined) return undefined;
  const groups = new Map<string, readonly string[]>();
  for (const group of entriesOf(body['groups'])) {
    const preferred = textOf(entriesOf([group['preferredVersion']])[0]?.['version']);
    const all = entriesOf(group['versions']).flatMap((version) => textOf(version['version']) ?? []);
    const first = preferred === undefined ? [] : [preferred];
    groups.set(textOf(group['name']) ?? '', [...new Set([...first, ...all])]);
  }
  return groups;
}

async function discoverGroup(
  api: KubeApi,
  limit: <T>(task: () => Promise<T>) => Promise<T>,
  wanted: WantedGroup,
  groups: ReadonlyMap<string, readonly string[]> | undefined,
): Promise<Discovery> {
  const versions = wanted.group === '' ? [wanted.version] : (groups?.get(wanted.group) ?? []);
  if (versions.length === 0) {
    if (groups !== undefined) return without(wanted, 'absent', 'the API server has no such group');
    return { resources: wanted.plurals.map((plural) => assume(wanted, plural)), items: [] };
  }
  const known = new Map<string, KubeResource>();
  for (const version of versions) {
    const answer = await limit(() =>
      api.get(versionPath(wanted.group, version), { maxBytes: maxDiscoveryBytes }),
    );
    if (!answer.ok && answer.problem !== 'absent') {
      if (known.size === 0)
        return { resources: wanted.plurals.map((plural) => assume(wanted, plural)), items: [] };
    }
    if (!answer.ok) continue;
    for (const resource of readResources(answer.bytes, wanted, version)) {
      if (!known.has(resource.name)) known.set(resource.name, resource);
    }
  }
  return choose(wanted, known);
}

function readResources(bytes: Buffer, { group }: WantedGroup, version: string): KubeResource[] {
  return entriesOf(parseBody(bytes)?.['resources']).flatMap((resource) => {
    const plural = textOf(resource['name']) ?? '';
    const kind = textOf(resource['kind']);
    const verbs = resource['verbs'];
    // `pods/log` and the like are parts of an object.
    if (plural === '' || plural.includes('/') || !Array.isArray(verbs) || !verbs.includes('list')) return [];
    const apiVersion = group === '' ? version : `${group}/${version}`;
    const path = resourcePath(group, version, plural);
    const found: KubeResource = { name: resourceName(group, plural), path, apiVersion };
    return [kind === undefined ? found : { ...found, kind }];
  });
}

function choose(wanted: WantedGroup, known: ReadonlyMap<string, KubeResource>): Discovery {
  const names = wanted.plurals.map((plural) => resourceName(wanted.group, plural));
  const missing = names.filter((name) => !known.has(name));
  const chosen = [...known.values()].filter((resource) => wanted.isWhole || names.includes(resource.name));
  return {
    resources: chosen,
    items: missing.map((name) => absentItem(name, 'absent', 'the API server has no such kind')),
  };
}

function assume({ group, version }: WantedGroup, plural: string): KubeResource {
  const apiVersion = group === '' ? version : `${group}/${version}`;
  return { name: resourceName(group, plural), path: resourcePath(group, version, plural), apiVersion };
}

function without(wanted: WantedGroup, problem: ItemProblem, detail: string): Discovery {
  const items = wanted.plurals.map((plural) =>
    absentItem(resourceName(wanted.group, plural), problem, detail),
  );
  return { resources: [], items };
}

function absentItem(name: string, problem: ItemProblem, detail: string): ManifestItem {
  return { path: `cluster/resources/${name}.json`, argv: listCommand(name), problem, detail };
}

export function listCommand(name: string): readonly string[] {
  return ['kubectl', 'get', name, '-A', '-o', 'json'];
}
