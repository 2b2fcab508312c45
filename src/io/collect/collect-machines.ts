// Evidence from several machines at once. In: sources. Out: for each, in their order, its files and manifest items, or
// the one reason why there are none. A machine that hangs, refuses, or sends garbage or half a stream costs its own facts
// only; nothing is thrown for it. Giving up (the signal) stops every shell and throws.
import { randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import type { ManifestItem } from '../../core/snapshot/manifest.ts';
import { readMachineBundle } from './bundle-stream.ts';
import type { MachineBundle } from './bundle-stream.ts';
import { listScriptArguments, writeCollectorScript } from './collector-script.ts';
import { explainFailure } from './machine-failure.ts';
import type { MachineFailure } from './machine-failure.ts';
import { runShell } from './machine-shell.ts';
import { parseItems } from './manifest-text.ts';
import type { MachineSource } from './source.ts';

export interface MachineRunOptions {
  readonly version: string;
  /** At most so many machines at a time. */
  readonly concurrency?: number;
  /** For each machine. */
  readonly timeoutMs?: number;
  readonly maxPods?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: MachineProgress) => void;
}

export interface MachineProgress {
  readonly source: MachineSource;
  readonly state: 'started' | 'finished';
  readonly result?: MachineResult;
}

export interface MachineResult {
  readonly source: MachineSource;
  /** What it calls itself, or what to call it when it never said. */
  readonly name: string;
  /** By path in the bundle, without a manifest. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly items: readonly ManifestItem[];
  /** Why it gave nothing; or, beside files, why some of them are missing. */
  readonly failure?: MachineFailure;
}

const defaultTimeoutMs = 60_000;
const defaultConcurrency = 8;
/** A node with 250 pods sends about 25 MB. */
const maxOutputBytes = 512 * 1024 ** 2;

export async function collectMachines(
  sources: readonly MachineSource[],
  options: MachineRunOptions,
): Promise<MachineResult[]> {
  const limit = pLimit(options.concurrency ?? defaultConcurrency);
  const results = await Promise.all(sources.map((source) => limit(() => collectMachine(source, options))));
  options.signal?.throwIfAborted();
  return results;
}

async function collectMachine(source: MachineSource, options: MachineRunOptions): Promise<MachineResult> {
  if (isGivenUp(options)) return failed(source, { problem: 'failed', detail: 'was not asked' });
  options.onProgress?.({ source, state: 'started' });
  const result = await askMachine(source, options);
  if (!isGivenUp(options)) options.onProgress?.({ source, state: 'finished', result });
  return result;
}

async function askMachine(source: MachineSource, options: MachineRunOptions): Promise<MachineResult> {
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const marker = `waylaid-${randomBytes(8).toString('hex')}`;
  const scriptArguments = listScriptArguments(source, {
    marker,
    timeoutMs,
    startedAt: new Date(),
    ...(options.maxPods === undefined ? {} : { maxPods: options.maxPods }),
  });
  const end = await runShell({
    argv: source.command({ scriptArguments, timeoutMs }),
    input: writeCollectorScript(options.version),
    timeoutMs,
    maxOutputBytes,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    consume: (chunks) => readMachineBundle(chunks, marker, source.kind),
  });
  const failure = explainFailure(source, end, timeoutMs);
  return failure === undefined ? takeBundle(source, end.output) : failed(source, failure);
}

function isGivenUp(options: MachineRunOptions): boolean {
  return options.signal?.aborted ?? false;
}

function failed(source: MachineSource, failure: MachineFailure): MachineResult {
  const name = source.name ?? source.fallbackName;
  const item = { path: `${source.kind}s/${name}/`, problem: failure.problem, detail: failure.detail };
  return { source, name, files: new Map(), items: [item], failure };
}

function takeBundle(source: MachineSource, bundle: MachineBundle): MachineResult {
  const name = bundle.name ?? source.fallbackName;
  const folder = `${source.kind}s/${name}/`;
  const items = parseItems(new TextDecoder().decode(bundle.manifest));
  if (items === undefined) {
    return failed(source, { problem: 'failed', detail: 'its manifest could not be read' });
  }
  const own = items.filter((item) => item.path.startsWith(folder));
  const checked = own.map((item) => markLost(item, bundle.files));
  const lost = checked.filter((item, index) => item !== own[index]).length;
  const result = { source, name, files: bundle.files, items: checked };
  if (lost === 0) return result;
  const detail = `its bundle broke off (${bundle.damage ?? 'files are missing'}): ${lost} files did not arrive`;
  return { ...result, failure: { problem: 'truncated', detail } };
}

/** A file that the machine had and that did not arrive counts as cut off, or its absence would read as nothing there. */
function markLost(item: ManifestItem, files: ReadonlyMap<string, Uint8Array>): ManifestItem {
  if (item.problem !== undefined || item.path.endsWith('/') || files.has(item.path)) return item;
  return { ...item, problem: 'truncated', detail: 'did not arrive: the connection broke off' };
}
