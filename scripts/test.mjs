#!/usr/bin/env node
// `npm test`: the gate. Installs what it needs, builds, runs the gates and then every vitest test; `npm test -- PATH…`
// runs only those test files. The last line is always `N passed, N failed, N skipped`, gates counted as tests, and
// every skip is listed with its reason before it. Exit 0 when nothing failed, 1 otherwise.
import './node-version.mjs';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installPackages } from './install-packages.mjs';
import { prepareCheckout } from './prepare.mjs';
import { runShown } from './run-program.mjs';

const VITEST_LIMIT_MS = 1_080_000;
const GATES_AT_ONCE = 2;

const total = { passed: 0, failed: [], skipped: [] };
const paths = process.argv.slice(2);

if (paths.length === 0) await installPackages();
const problem = await prepareCheckout();
if (problem !== undefined) {
  console.log(`✗ prepare\n${problem}`);
  total.failed.push('prepare');
} else {
  if (paths.length === 0) await runGates();
  await runVitest();
}
printTotal();

async function runGates() {
  const { gates } = await import('./gates.mjs');
  const waiting = [...gates];
  const work = async () => {
    for (let gate = waiting.shift(); gate !== undefined; gate = waiting.shift()) await runGate(gate);
  };
  await Promise.all(Array.from({ length: GATES_AT_ONCE }, work));
}

async function runGate({ name, run }) {
  const startedMs = Date.now();
  const { state, output } = await tryGate(run);
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  const mark = { passed: '✓', failed: '✗', skipped: '↓' }[state];
  console.log(`${mark} ${name} (${seconds} s)${state === 'failed' ? `\n${indent(output)}` : ''}`);
  if (state === 'passed') total.passed++;
  else if (state === 'failed') total.failed.push(name);
  else total.skipped.push({ name, reason: output });
}

/** A gate that throws has judged nothing, so it fails. */
async function tryGate(run) {
  try {
    return await run();
  } catch (error) {
    return { state: 'failed', output: String(error.stack) };
  }
}

async function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), 'waylaid-test-'));
  const file = join(folder, 'results.json');
  const argv = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', ...paths];
  const { exit } = await runShown(
    [...argv, '--reporter=default', '--reporter=./scripts/vitest-reporter.mjs'],
    {
      timeoutMs: VITEST_LIMIT_MS,
      environment: { WAYLAID_TEST_RESULTS: file },
    },
  );
  const results = readResults(file);
  rmSync(folder, { recursive: true, force: true });
  total.passed += results.passed;
  total.failed.push(...results.failed);
  total.skipped.push(...results.skipped);
  if (exit !== 0 && results.failed.length === 0) total.failed.push(`vitest (exit ${exit})`);
}

/** A vitest that was stopped or crashed wrote nothing: that is a failure, and its exit code says so. */
function readResults(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return { passed: 0, failed: ['vitest ended without results'], skipped: [] };
  }
}

function printTotal() {
  const { passed, failed, skipped } = total;
  if (skipped.length > 0) console.log('\nskipped:');
  for (const { name, reason } of skipped) console.log(`  ↓ ${name}: ${reason}`);
  if (failed.length > 0) console.log('\nfailed:');
  for (const name of failed) console.log(`  ✗ ${name}`);
  console.log(`\n${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

function indent(text) {
  return text
    .split('\n')
    .map((line) => `    ${line}`)
    .join('\n');
}
