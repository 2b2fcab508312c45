// What a start of the command costs against a bare start of Node: `--version`, and the diagnosis of the recorded
// three-node cluster with its fault. Both are whole processes, started turn by turn.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { compareSides } from './measure.ts';
import type { BenchRow, Side } from './measure.ts';

const command = join('dist', 'waylaid.js');
const bundle = join('test', 'bundles', 'chapter-17.tar.gz');

export async function runBench(): Promise<readonly BenchRow[]> {
  return [
    await measureStart('waylaid --version', ['--version'], 1.25),
    await measureStart('diagnosis of three nodes', ['diagnose', '--bundle', bundle], 1.6),
  ];
}

async function measureStart(name: string, words: readonly string[], goal: number): Promise<BenchRow> {
  const row = { name, against: 'node -e 0', goal, isLargerBetter: false };
  if (!existsSync(command)) {
    return {
      ...row,
      median: Number.NaN,
      worst: Number.NaN,
      note: '',
      void: 'skipped: dist/ is not built (npm run build)',
    };
  }
  const ratios = await compareSides({
    ours: startNode([command, ...words]),
    theirs: startNode(['-e', '0']),
    rounds: 15,
  });
  // The sides do different work on purpose, so there is nothing to agree on; the ratio is ours over theirs.
  return {
    ...row,
    median: 1 / ratios.median,
    worst: 1 / ratios.worst,
    note: `${ratios.oursMs.toFixed(0)} ms against ${ratios.theirsMs.toFixed(0)} ms`,
  };
}

function startNode(words: readonly string[]): Side {
  return () => {
    const from = performance.now();
    const run = spawnSync(process.execPath, [...words], { stdio: 'ignore' });
    const elapsedMs = performance.now() - from;
    if (run.status !== 0 && run.status !== 1)
      throw new Error(`node ${words.join(' ')} ended with ${run.status ?? run.signal ?? '?'}`);
    return Promise.resolve({ elapsedMs, checksum: '' });
  };
}
