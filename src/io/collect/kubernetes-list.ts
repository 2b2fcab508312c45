// One kind's objects, page by page, as a Kubernetes List in bytes.
// In: the API and the resource. Out: the file and its item in the manifest. Each page is parsed, its objects get the kind and
// version that a list leaves out and lose metadata.managedFields (half of a list, and nothing of it is evidence), and are kept as
// bytes: a list may be larger than a string can be.
import type { ItemProblem } from '../../core/snapshot/manifest.ts';
import { isObject, objectAt, parseBody, textOf } from './kubernetes-body.ts';
import type { JsonObject } from './kubernetes-body.ts';
import type { KubeResource } from './kubernetes-discovery.ts';
import type { KubeApi } from './kubernetes-request.ts';

export interface KubeList {
  readonly bytes?: Buffer;
  readonly count: number;
  readonly problem?: ItemProblem;
  readonly detail?: string;
}

const pageSize = 500;
/** 500 ConfigMaps can be 500 MB; a page above this is asked again in smaller pieces. */
const maxPageBytes = 64 * 1024 ** 2;
const maxListBytes = 512 * 1024 ** 2;
const tooLong = `the list is longer than ${maxListBytes / 1024 ** 2} MiB; the rest was left out`;
/** A server whose pages never end is left. */
const maxPages = 2000;
/** A list that expires while it is read is begun again; the last time in one piece, which cannot expire. */
const maxRestarts = 3;

export async function listObjects(
  api: KubeApi,
  resource: KubeResource,
  onObject?: (object: JsonObject) => void,
): Promise<KubeList> {
  for (let restart = 0; ; restart++) {
    const reading = await readPages(api, resource, restart === maxRestarts ? 0 : pageSize);
    if (reading.isExpired && restart < maxRestarts) continue;
    if (reading.problem !== undefined && reading.problem !== 'truncated') {
      return { count: 0, problem: reading.problem, detail: reading.detail };
    }
    if (onObject !== undefined) for (const piece of reading.pieces) onObject(parseBody(piece) ?? {});
    const list = { bytes: assemble(reading.pieces), count: reading.pieces.length };
    return reading.problem === undefined ? list : { ...list, problem: 'truncated', detail: reading.detail };
  }
}

interface Reading {
  readonly pieces: Buffer[];
  isExpired: boolean;
  problem?: ItemProblem;
  detail?: string;
}

async function readPages(api: KubeApi, resource: KubeResource, firstLimit: number): Promise<Reading> {
  const reading: Reading = { pieces: [], isExpired: false };
  let limit = firstLimit;
  let token = '';
  let total = 0;
  for (let page = 0; page < maxPages; page++) {
    const maxBytes = limit > 1 ? maxPageBytes : maxListBytes;
    const answer = await api.get(pagePath(resource.path, limit, token), { maxBytes });
    if (!answer.ok) {
      reading.isExpired = answer.status === 410;
      return fail(reading, answer.problem, answer.detail);
    }
    if (answer.isCut && limit > 1) {
      limit = Math.max(1, Math.floor(limit / 5));
      continue;
    }
    const found = answer.isCut ? undefined : parsePage(answer.bytes, resource);
    if (found === undefined) return fail(reading, 'failed', 'the API server did not answer with a list');
    for (const piece of found.pieces) {
      total += piece.length;
      if (total > maxListBytes) return fail(reading, 'truncated', tooLong);
      reading.pieces.push(piece);
    }
    if (found.token === '') return reading;
    token = found.token;
  }
  return fail(reading, 'truncated', `the list has more than ${maxPages} pages; the rest was left out`);
}

function fail(reading: Reading, problem: ItemProblem, detail: string): Reading {
  reading.problem = problem;
  reading.detail = detail;
  return reading;
}

function pagePath(path: string, limit: number, token: string): string {
  const query = new URLSearchParams();
  if (limit > 0) query.set('limit', String(limit));
  if (token !== '') query.set('continue', token);
  const text = query.toString();
  return text === '' ? path : `${path}?${text}`;
}

function parsePage(bytes: Buffer, resource: KubeResource): { pieces: Buffer[]; token: string } | undefined {
  const body = parseBody(bytes);
  const items = body?.['items'];
  // The API server writes null for a list of none.
  if (body === undefined || !(Array.isArray(items) || ('items' in body && items === null))) return undefined;
  const kind = resource.kind ?? textOf(body['kind'])?.replace(/List$/, '') ?? '';
  const objects = (items ?? []) as unknown[];
  const pieces = objects.filter(isObject).map((object) => toPiece(object, resource.apiVersion, kind));
  return { pieces, token: textOf(objectAt(body, 'metadata')['continue']) ?? '' };
}

export function toPiece(object: JsonObject, apiVersion: string, kind: string): Buffer {
  const metadata: Record<string, unknown> = { ...objectAt(object, 'metadata') };
  delete metadata['managedFields'];
  return Buffer.from(JSON.stringify({ apiVersion, kind, ...object, metadata }));
}

/** One object a line, so that two lists can be compared by `diff`. */
export function assemble(pieces: readonly Buffer[]): Buffer {
  const separator = Buffer.from(',\n');
  const lines = pieces.flatMap((piece, index) => (index === 0 ? [piece] : [separator, piece]));
  return Buffer.concat([
    Buffer.from('{"apiVersion":"v1","kind":"List","items":[\n'),
    ...lines,
    Buffer.from('\n]}\n'),
  ]);
}
