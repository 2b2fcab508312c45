#!/usr/bin/env node
// `npm run bench`: bundles each program of bench/ as the command itself is bundled, runs them one after the other, and
// prints one table of ratios. `npm run bench -- NAME…` runs only those files. A program that exports runBench gives rows;
// bench/ may hold other modules beside them. Exit 1 when a row is void because its two sides disagree.
import './node-version.mjs';
import { build } from 'esbuild';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { availableParallelism, loadavg, release, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { projectFolder } from './run-program.mjs';

const chosen = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'waylaid-bench-'));
try {
  const rows = [];
  for (const name of await listPrograms()) rows.push(...(await runProgram(name)));
  printTable(rows);
  if (rows.some((row) => row.void !== undefined && !row.void.startsWith('skipped'))) process.exitCode = 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}

async function listPrograms() {
  const files = await readdir(join(projectFolder, 'bench'));
  const programs = files.filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts')).sort();
  const names = programs.map((file) => basename(file, '.ts'));
  const unknown = chosen.filter((name) => !names.includes(name));
  if (unknown.length > 0) {
    console.error(`waylaid: bench/ has no ${unknown.join(', ')}; it has ${names.join(', ')}.`);
    process.exit(2);
  }
  return chosen.length === 0 ? names : chosen;
}

async function runProgram(name) {
  const outfile = join(folder, `${name}.mjs`);
  await build({
    absWorkingDir: projectFolder,
    entryPoints: [`bench/${name}.ts`],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    keepNames: true,
    mainFields: ['module', 'main'],
    loader: { '.sh': 'text' },
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
    logLevel: 'warning',
  });
  const program = await import(pathToFileURL(outfile).href);
  if (typeof program.runBench !== 'function') return [];
  process.stderr.write(`measuring ${name} …\n`);
  return program.runBench();
}

function printTable(rows) {
  const load = loadavg()[0]?.toFixed(1);
  const memory = Math.round(process.memoryUsage().rss / 2 ** 20);
  console.log(
    `Node ${process.version}, Linux ${release()}, ${availableParallelism()} cores, load ${load}, ${memory} MiB resident`,
  );
  const table = [['', 'against', 'median', 'worst', 'goal', ''], ...rows.map(cellsOf)];
  const widths = table[0].map((_, column) => Math.max(...table.map((cells) => cells[column].length)));
  for (const cells of table) {
    console.log(
      cells
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    );
  }
}

function cellsOf(row) {
  const goal = `${row.isLargerBetter ? '≥' : '≤'} ${row.goal}x`;
  if (row.void !== undefined) return [row.name, row.against, 'void', 'void', goal, row.void];
  const ratio = (value) => `${value >= 10 ? value.toFixed(0) : value.toFixed(2)}x`;
  return [row.name, row.against, ratio(row.median), ratio(row.worst), goal, row.note];
}
