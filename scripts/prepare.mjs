// Brings a checkout to the point where dist/ can run: dependencies as the lock file says, then the bundle. Does
// nothing where nothing changed (a few milliseconds), and says in one line on stderr what it does where it did.
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { projectFolder, runKept } from './run-program.mjs';

const BUILD_INPUTS = ['src', 'lab', 'scripts/build.mjs', 'scripts/peer-folder.mjs', 'package.json'];
const INSTALL_LIMIT_MS = 900_000;
const BUILD_LIMIT_MS = 120_000;

/** Resolves with undefined when all is there, else with one sentence and the failing tool's last words. */
export async function prepareCheckout() {
  return (await installDependencies()) ?? (await buildWhenStale());
}

export async function installDependencies() {
  if (isInstalled()) return undefined;
  // --ignore-scripts: none of the dependencies needs its install script, and none gets to run one here.
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  const argv = [...npm, 'ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  const result = await report('installing dependencies (npm ci, once)', () =>
    runKept(argv, { timeoutMs: INSTALL_LIMIT_MS }),
  );
  if (result.exit === 0) return undefined;
  return `npm ci failed in ${projectFolder}; is the network there? Its last words:\n${lastLines(result.output)}`;
}

async function buildWhenStale() {
  if (!isStale()) return undefined;
  const result = await report('building dist/', () =>
    runKept([process.execPath, 'scripts/build.mjs'], { timeoutMs: BUILD_LIMIT_MS }),
  );
  return result.exit === 0 ? undefined : `building dist/ failed:\n${lastLines(result.output)}`;
}

/**
 * npm writes node_modules/.package-lock.json as the last step of an install (npm 7 and later), so it tells a
 * finished install from one that was interrupted. Optional packages of other platforms are missing from it.
 */
function isInstalled() {
  const hidden = join(projectFolder, 'node_modules/.package-lock.json');
  if (!existsSync(hidden)) return false;
  const wanted = JSON.parse(readFileSync(join(projectFolder, 'package-lock.json'), 'utf8')).packages;
  const installed = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '') return true;
    const found = installed[path];
    return found === undefined ? isOptional(entry) : found.version === entry.version;
  });
}

function isOptional(entry) {
  return entry.optional === true || entry.devOptional === true || entry.peer === true;
}

function isStale() {
  const built = join(projectFolder, 'dist/waylaid.js');
  if (!existsSync(built)) return true;
  const builtMs = statSync(built).mtimeMs;
  return BUILD_INPUTS.some((path) => newestMs(join(projectFolder, path)) > builtMs);
}

/** Folders count too: deleting a file changes only its folder's time. */
function newestMs(path) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return 0;
  if (!found.isDirectory()) return path.endsWith('.test.ts') ? 0 : found.mtimeMs;
  return readdirSync(path).reduce(
    (newest, name) => Math.max(newest, newestMs(join(path, name))),
    found.mtimeMs,
  );
}

async function report(what, work) {
  const startedMs = Date.now();
  process.stderr.write(`waylaid: ${what} … `);
  const result = await work();
  const seconds = ((Date.now() - startedMs) / 1000).toFixed(1);
  process.stderr.write(result.exit === 0 ? `done in ${seconds} s\n` : `failed after ${seconds} s\n`);
  return result;
}

function lastLines(text) {
  return text.trimEnd().split('\n').slice(-20).join('\n');
}
