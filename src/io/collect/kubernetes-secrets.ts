// The Secrets that pods take as configuration, and no others: a connection string in one may be the cause, the rest is nobody's
// business. Each is asked for by name, so a role that may only get some of them is enough.
// In: the pods. Out: cluster/resources/secrets.json, and an item for each that could not be had.
import type { ManifestItem } from '../../core/snapshot/manifest.ts';
import { parseBody } from './kubernetes-body.ts';
import { listCommand } from './kubernetes-discovery.ts';
import { assemble, toPiece } from './kubernetes-list.ts';
import type { PodDigest } from './kubernetes-pods.ts';
import type { KubeAnswer, KubeApi } from './kubernetes-request.ts';

export interface CollectedSecrets {
  readonly bytes?: Buffer;
  readonly items: readonly ManifestItem[];
}

const maxSecretBytes = 4 * 1024 ** 2;
export const secretsPath = 'cluster/resources/secrets.json';

interface Wanted {
  readonly namespace: string;
  readonly name: string;
}

export async function collectSecrets(
  api: KubeApi,
  limit: <T>(task: () => Promise<T>) => Promise<T>,
  pods: readonly PodDigest[],
): Promise<CollectedSecrets> {
  const wanted = listWanted(pods);
  const answers = await Promise.all(wanted.map((secret) => limit(() => getSecret(api, secret))));
  const pieces: Buffer[] = [];
  const items: ManifestItem[] = [];
  for (const [index, answer] of answers.entries()) {
    const secret = wanted[index];
    if (secret === undefined) continue;
    const body = answer.ok && !answer.isCut ? parseBody(answer.bytes) : undefined;
    if (body !== undefined) pieces.push(toPiece(body, 'v1', 'Secret'));
    else items.push(missingItem(secret, answer));
  }
  return { bytes: assemble(pieces), items: [summaryItem(wanted, pieces.length, items), ...items] };
}

function listWanted(pods: readonly PodDigest[]): Wanted[] {
  const byKey = new Map<string, Wanted>();
  for (const { namespace, secrets } of pods) {
    for (const name of secrets) byKey.set(`${namespace}/${name}`, { namespace, name });
  }
  return [...byKey].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, secret]) => secret);
}

function getSecret(api: KubeApi, { namespace, name }: Wanted): Promise<KubeAnswer> {
  const path = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets/${encodeURIComponent(name)}`;
  return api.get(path, { maxBytes: maxSecretBytes });
}

/** The list is complete as far as it goes; one that nobody may read makes it partial, one that is not there does not. */
function summaryItem(
  wanted: readonly Wanted[],
  count: number,
  failed: readonly ManifestItem[],
): ManifestItem {
  const item = { path: secretsPath, argv: listCommand('secrets') };
  const refused = failed.filter((one) => one.problem !== 'absent');
  const first = refused[0];
  if (first?.problem !== undefined && count === 0) {
    return { ...item, problem: first.problem, detail: first.detail ?? '' };
  }
  const left = refused.length === 0 ? '' : `; ${refused.length} could not be read`;
  return { ...item, detail: `only the Secrets that configure pods: ${count} of ${wanted.length}${left}` };
}

/** `cluster/resources/secrets/<namespace>/<name>.json` is no file of a bundle; it is how the manifest names one Secret. */
function missingItem({ namespace, name }: Wanted, answer: KubeAnswer): ManifestItem {
  const argv = ['kubectl', 'get', 'secret', '-n', namespace, name, '-o', 'json'];
  const path = `cluster/resources/secrets/${namespace}/${name}.json`;
  if (!answer.ok) return { path, argv, problem: answer.problem, detail: answer.detail };
  return { path, argv, problem: 'failed', detail: 'the API server did not answer with a Secret' };
}
