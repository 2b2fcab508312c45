// Collects evidence now and makes a snapshot of it, without a bundle on disk: from this machine, from nodes over SSH and
// from the cluster, or from a lab. Nothing is redacted: it stays in this process, and a repair needs real addresses.
import { hostname } from 'node:os';
import { createSnapshotReader } from '../core/snapshot/read-snapshot.ts';
import type { Snapshot } from '../core/snapshot/snapshot.ts';
import { collectBundle } from '../io/collect/collect-bundle.ts';
import type { CollectedBundle, CollectOptions } from '../io/collect/collect-bundle.ts';
import { describeLocalMachine, describeSshMachine, parseSshTarget } from '../io/collect/source.ts';
import type { MachineSource } from '../io/collect/source.ts';
import { makeBundleFile } from '../io/store/bundle-entry.ts';
import { labNameOf } from './evidence-options.ts';
import type { EvidenceOptions } from './evidence-options.ts';
import { Failure } from './failure.ts';
import { withInterruption } from './interruption.ts';
import { readVersion } from './version.ts';

export async function collectNow(
  options: EvidenceOptions,
  report: (line: string) => void,
): Promise<Snapshot> {
  const request = options.lab === undefined ? requestFor(options) : await requestLab(labNameOf(options.lab));
  const collected = await withInterruption((signal) =>
    collectBundle({ ...request, ...timeoutOf(options), signal }, report),
  );
  return readCollected(collected);
}

type Request = Pick<CollectOptions, 'version' | 'machines' | 'cluster' | 'isRedacted'>;

function requestFor(options: EvidenceOptions): Request {
  const nodes = (options.node ?? []).map(sourceOfNode);
  return {
    version: readVersion(),
    machines: nodes.length > 0 ? nodes : [describeLocalMachine('node', hostname())],
    cluster: {
      kind: 'kubeconfig',
      ...(options.kubeconfig === undefined ? {} : { kubeconfig: options.kubeconfig }),
      ...(options.context === undefined ? {} : { context: options.context }),
    },
    isRedacted: false,
  };
}

async function requestLab(name: string): Promise<Request> {
  const { listLabSources } = await import('./lab-sources.ts');
  return { version: readVersion(), ...(await listLabSources(name)), isRedacted: false };
}

function sourceOfNode(text: string): MachineSource {
  const parsed = parseSshTarget(text);
  if (!parsed.ok) throw new Failure(`--node: ${parsed.why}.`);
  return describeSshMachine(parsed.target, 'node');
}

function timeoutOf(options: EvidenceOptions): Pick<CollectOptions, 'timeoutMs'> {
  if (options.timeout === undefined) return {};
  const seconds = Number(options.timeout);
  if (!(seconds > 0 && seconds <= 3600)) {
    throw new Failure(`--timeout takes seconds from 1 to 3600, not "${options.timeout}".`);
  }
  return { timeoutMs: Math.round(seconds * 1000) };
}

function readCollected(collected: CollectedBundle): Snapshot {
  const reader = createSnapshotReader();
  for (const [path, bytes] of collected.files) reader.take(makeBundleFile(path, bytes));
  return reader.finish();
}
