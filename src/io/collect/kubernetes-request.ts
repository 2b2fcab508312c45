// One GET to the API server and what became of it. Nothing throws but giving up (the signal): a refusal, a hang, a broken
// certificate is an answer with a problem and a sentence.
// Retries where the server asks for it (429, 503 with Retry-After), once after a connection that broke, and once with fresh
// credentials after 401. A body longer than allowed is cut off, at its end or (for logs) at its beginning.
import { setTimeout as sleep } from 'node:timers/promises';
import { request } from 'undici';
import type { Dispatcher } from 'undici';
import type { ItemProblem } from '../../core/snapshot/manifest.ts';
import { describeNetworkError } from './kubernetes-network-error.ts';

export type KubeAnswer =
  | { readonly ok: true; readonly bytes: Buffer; readonly isCut: boolean }
  | { readonly ok: false; readonly problem: ItemProblem; readonly detail: string; readonly status?: number };

export interface GetOptions {
  readonly maxBytes: number;
  /** Which end of a longer body to keep. Keeping the last reads all of it. */
  readonly keep?: 'first' | 'last';
  /** The API server has to ask a kubelet: no answer says nothing about the API server. */
  readonly isRelayed?: boolean;
}

export interface KubeApi {
  readonly get: (path: string, options: GetOptions) => Promise<KubeAnswer>;
}

export interface Connection {
  readonly server: string;
  readonly dispatcher: Dispatcher;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** The headers that authenticate; asked again after a 401. */
  readonly headers: (isRefused: boolean) => Promise<Readonly<Record<string, string>>>;
}

const maxAttempts = 5;
const maxPauseMs = 10_000;

export function openApi(connection: Connection): KubeApi {
  const breaker = { failures: 0, last: undefined as KubeAnswer | undefined };
  const get = async (path: string, options: GetOptions): Promise<KubeAnswer> => {
    connection.signal?.throwIfAborted();
    // A server that stopped answering is not asked forty more times.
    if (breaker.failures >= 4 && breaker.last !== undefined) return breaker.last;
    const answer = await getWithRetries(connection, path, options);
    if (options.isRelayed === true) return answer;
    const isNoAnswer = !answer.ok && (answer.problem === 'unreachable' || answer.problem === 'timed-out');
    breaker.failures = isNoAnswer ? breaker.failures + 1 : 0;
    breaker.last = answer;
    return answer;
  };
  return { get };
}

async function getWithRetries(
  connection: Connection,
  path: string,
  options: GetOptions,
): Promise<KubeAnswer> {
  let hasRenewed = false;
  let hasReconnected = false;
  let isRefused = false;
  for (let attempt = 1; ; attempt++) {
    const outcome = await attemptGet(connection, path, options, isRefused);
    isRefused = outcome.kind === 'unauthorized';
    if (attempt >= maxAttempts) return outcome.answer;
    if (outcome.kind === 'wait') {
      await sleep(Math.min(outcome.pauseMs, maxPauseMs), undefined, { signal: connection.signal });
    } else if (outcome.kind === 'unauthorized' && !hasRenewed) hasRenewed = true;
    else if (outcome.kind === 'broken' && !hasReconnected) hasReconnected = true;
    else return outcome.answer;
  }
}

type Outcome =
  | { readonly kind: 'done' | 'unauthorized' | 'broken'; readonly answer: KubeAnswer }
  | { readonly kind: 'wait'; readonly pauseMs: number; readonly answer: KubeAnswer };

async function attemptGet(
  connection: Connection,
  path: string,
  options: GetOptions,
  isRefused: boolean,
): Promise<Outcome> {
  const { server, dispatcher, signal, timeoutMs } = connection;
  const limit = AbortSignal.timeout(timeoutMs);
  const signals = signal === undefined ? limit : AbortSignal.any([signal, limit]);
  try {
    const headers = {
      accept: 'application/json',
      'user-agent': 'waylaid',
      ...(await connection.headers(isRefused)),
    };
    const response = await request(server + path, { dispatcher, headers, signal: signals });
    const isGood = response.statusCode === 200;
    const body = await readBody(response.body, isGood ? options : { maxBytes: 64 * 1024 });
    if (isGood) return { kind: 'done', answer: { ok: true, ...body } };
    return judgeRefusal(response.statusCode, response.headers['retry-after'], body.bytes);
  } catch (error) {
    signal?.throwIfAborted();
    const failure = describeNetworkError(error, server, { timeoutMs, hasTimedOut: limit.aborted });
    return { kind: failure.isBroken ? 'broken' : 'done', answer: { ok: false, ...failure.said } };
  }
}

async function readBody(
  body: AsyncIterable<unknown>,
  { maxBytes, keep = 'first' }: GetOptions,
): Promise<{ bytes: Buffer; isCut: boolean }> {
  const chunks: Buffer[] = [];
  let length = 0;
  let isCut = false;
  for await (const chunk of body) {
    if (!Buffer.isBuffer(chunk)) continue;
    chunks.push(chunk);
    length += chunk.length;
    if (length <= maxBytes) continue;
    isCut = true;
    // Leaving the loop closes the stream and with it the connection.
    if (keep === 'first') break;
    while (length - (chunks[0]?.length ?? 0) >= maxBytes) length -= chunks.shift()?.length ?? 0;
  }
  const all = Buffer.concat(chunks);
  return { bytes: keep === 'first' ? all.subarray(0, maxBytes) : all.subarray(-maxBytes), isCut };
}

function judgeRefusal(status: number, retryAfter: string | string[] | undefined, body: Buffer): Outcome {
  const said = messageOf(body);
  const detail = said === '' ? `the API server answered ${status}` : said;
  const answer: KubeAnswer = { ok: false, problem: problemOf(status), detail, status };
  const seconds = Number(Array.isArray(retryAfter) ? retryAfter[0] : retryAfter);
  if (status === 429 || (status === 503 && retryAfter !== undefined)) {
    return { kind: 'wait', pauseMs: seconds >= 0 ? seconds * 1000 : 1000, answer };
  }
  if (status === 401) {
    const refused = { ...answer, detail: 'the API server does not accept the credentials (401)' };
    return { kind: 'unauthorized', answer: refused };
  }
  return { kind: 'done', answer };
}

function problemOf(status: number): ItemProblem {
  if (status === 401 || status === 403) return 'forbidden';
  return status === 404 ? 'absent' : 'failed';
}

/** The message of a Status object; the first words of anything else. */
function messageOf(body: Buffer): string {
  const text = body.toString('utf8');
  try {
    const status: unknown = JSON.parse(text);
    if (
      typeof status === 'object' &&
      status !== null &&
      'message' in status &&
      typeof status.message === 'string'
    ) {
      return status.message.slice(0, 400);
    }
  } catch {
    // An ingress or a proxy in between answers with a page.
  }
  return /^\s*[<{[]/.test(text) ? '' : text.trim().slice(0, 200);
}
