// Gets the evidence and makes a snapshot of it: from a bundle on disk or standard input, from a lab, or by collecting now.
// In: where from. Out: the snapshot; what was wrong with a file is a note in it. Throws one sentence where there is nothing
// to judge at all.
import { createSnapshotReader } from '../core/snapshot/read-snapshot.ts';
import type { Snapshot } from '../core/snapshot/snapshot.ts';
import { readBundleFiles } from '../io/store/read-bundle.ts';
import type { EvidenceOptions } from './evidence-options.ts';
import { Failure } from './failure.ts';
import { showProgress } from './progress.ts';
import { spoolInput } from './spool-input.ts';

export async function loadSnapshot(options: EvidenceOptions): Promise<Snapshot> {
  if (options.bundle === '-') return loadFromInput();
  if (options.bundle !== undefined) return loadBundle(options.bundle);
  // Collecting drags in the Kubernetes client and more; a bundle is read without.
  const { collectNow } = await import('./collect-now.ts');
  const progress = showProgress(process.stderr);
  try {
    return await collectNow(options, progress.report);
  } finally {
    progress.stop();
  }
}

async function loadFromInput(): Promise<Snapshot> {
  const spooled = await spoolInput(process.stdin);
  try {
    return await loadBundle(spooled.path, 'standard input');
  } finally {
    spooled.remove();
  }
}

/** `name`: what to call the bundle in messages, where its path would say nothing to the user. */
async function loadBundle(path: string, name = path): Promise<Snapshot> {
  const reader = createSnapshotReader();
  const problems = await readBundleFiles(path, reader.take);
  const named = problems.map((problem) => ({
    ...problem,
    path: problem.path === path ? name : problem.path,
    text: problem.text.replaceAll(path, name),
  }));
  const fatal = named.find((problem) => problem.isFatal === true);
  if (fatal !== undefined) throw new Failure(fatal.text);
  return reader.finish(named.map(({ code, path: place, text }) => ({ code, path: place, text })));
}
