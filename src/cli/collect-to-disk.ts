// What `waylaid collect` does: turns its options into sources, collects, and writes the bundle. Out: the bundle's path on
// standard output, and for each source one line on standard error: what came, or why nothing did. The target is checked
// first, so that nobody waits a minute to learn that it exists already.
import { hostname } from 'node:os';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { collectBundle } from '../io/collect/collect-bundle.ts';
import type { ClusterSource, CollectedBundle, CollectSummary } from '../io/collect/collect-bundle.ts';
import { writeCollectorScript } from '../io/collect/collector-script.ts';
import { describeLocalMachine, describeSshMachine, parseSshTarget } from '../io/collect/source.ts';
import type { MachineKind, MachineSource } from '../io/collect/source.ts';
import { streamBundle, writeBundle } from '../io/store/write-bundle.ts';
import { checkTarget } from '../io/store/write-target.ts';
import type { CollectCommandOptions } from './collect-command-options.ts';
import { labNameOf } from './evidence-options.ts';
import { Failure } from './failure.ts';
import { withInterruption } from './interruption.ts';
import { showProgress } from './progress.ts';
import { readVersion } from './version.ts';

export function printScript(): void {
  process.stdout.write(writeCollectorScript(readVersion()));
}

export async function collectToDisk(options: CollectCommandOptions): Promise<void> {
  const target = options.output ?? nameBundle(new Date());
  if (target === '-' && process.stdout.isTTY) {
    throw new Failure('--output - writes a tar archive, which a terminal cannot show; pipe it somewhere.');
  }
  const mayReplace = options.force === true;
  if (target !== '-') await checkTarget(target, mayReplace);
  const sources = await listSources(options);
  const progress = showProgress(process.stderr);
  await withInterruption(async (signal) => {
    const collected = await collectBundle(
      {
        ...sources,
        version: readVersion(),
        isRedacted: options.redact,
        timeoutMs: options.timeout * 1000,
        concurrency: options.concurrency,
        ...(options.maxPods === undefined ? {} : { maxPods: options.maxPods }),
        signal,
      },
      progress.report,
    ).finally(progress.stop);
    for (const line of describeSummary(collected.summary)) process.stderr.write(`${line}\n`);
    refuseNothing(collected);
    if (target === '-')
      await pipeline(Readable.from(streamBundle(collected.files)), process.stdout, { end: false });
    else await writeBundle(collected.files, target, { mayReplace, signal });
  });
  if (target !== '-') process.stdout.write(`${target}\n`);
}

interface Sources {
  readonly machines: readonly MachineSource[];
  readonly cluster: ClusterSource;
}

async function listSources(options: CollectCommandOptions): Promise<Sources> {
  if (options.lab !== undefined) {
    const { listLabSources } = await import('./lab-sources.ts');
    return listLabSources(labNameOf(options.lab));
  }
  const remote = [...readTargets('node', options), ...readTargets('host', options)];
  const isLocal = options.local ?? remote.length === 0;
  return {
    machines: [...(isLocal ? [describeLocalMachine('node', hostname())] : []), ...remote],
    cluster: chooseCluster(options),
  };
}

function chooseCluster({ cluster, kubeconfig, context }: CollectCommandOptions): ClusterSource {
  if (!cluster) return { kind: 'none' };
  return {
    kind: 'kubeconfig',
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
    ...(context === undefined ? {} : { context }),
  };
}

function readTargets(kind: MachineKind, options: CollectCommandOptions): MachineSource[] {
  return (options[kind] ?? []).map((text) => {
    const parsed = parseSshTarget(text);
    if (!parsed.ok) throw new Failure(`--${kind}: ${parsed.why}.`);
    return describeSshMachine(parsed.target, kind, options.sshOption);
  });
}

function nameBundle(now: Date): string {
  return `waylaid-${now.toISOString().slice(0, 19).replace(/[-:]/g, '')}Z.tar.gz`;
}

function describeSummary(summary: CollectSummary): readonly string[] {
  const machines = summary.machines.flatMap(({ label, name, kind, fileCount, podCount, losses }) => [
    ...(fileCount > 0
      ? [`${label}: ${fileCount} files of ${kind} ${name} and ${podCount} pod namespaces`]
      : []),
    ...losses.map((loss) => `${label}: ${loss}`),
  ]);
  const cluster = summary.clusterFileCount > 0 ? [`cluster: ${summary.clusterFileCount} files`] : [];
  return [...machines, ...cluster, ...summary.clusterLosses.map((loss) => `cluster: ${loss}`)];
}

function refuseNothing({ files }: CollectedBundle): void {
  const hasAny = [...files.keys()].some((path) => path !== 'waylaid.json');
  if (!hasAny) throw new Failure('nothing could be collected, so no bundle was written.');
}
