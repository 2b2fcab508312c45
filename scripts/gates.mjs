// The checks of `npm test` that are not vitest tests. Each is one named test in the count: it passes, fails with
// what the tool printed, or is skipped with the reason. A gate only reads: none rewrites a file of the checkout.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDocuments } from './check-documents.mjs';
import { checkLock } from './check-lock.mjs';
import { checkPackage } from './check-package.mjs';
import { findProgram } from './install-packages.mjs';
import { findPeersFolder, locatePeerFolder, readCatalogue } from './peer-folder.mjs';
import { projectFolder, runKept } from './run-program.mjs';

const GATE_LIMIT_MS = 300_000;

/** @typedef {{ state: 'passed' | 'failed' | 'skipped', output: string }} GateResult */

/** In the order in which they are started; `run` resolves with a GateResult. */
export const gates = [
  {
    name: 'types: the pure core, without Node and DOM',
    run: () => runTool('tsc', '-p', 'tsconfig.core.json'),
  },
  { name: 'types: everything', run: () => runTool('tsc', '-p', 'tsconfig.json') },
  { name: 'types: the scripts', run: () => runTool('tsc', '-p', 'tsconfig.scripts.json') },
  { name: 'lint: eslint', run: () => runTool('eslint', '.', '--max-warnings', '0') },
  { name: 'format: prettier', run: () => runTool('prettier', '--check', '.', '--log-level', 'warn') },
  { name: 'dead code and dependencies: knip', run: () => runTool('knip', '--no-progress') },
  { name: 'lock file: complete and without private addresses', run: () => judge(checkLock()) },
  {
    name: 'documents: links, named files and commands exist',
    run: async () => judge(await checkDocuments()),
  },
  { name: 'package: packs, installs and runs', run: async () => judge(await checkPackage()) },
  { name: 'shell scripts: shellcheck', run: checkShellScripts },
  { name: 'peers: gofmt and go vet', run: checkPeers },
];

async function runTool(tool, ...args) {
  const argv = [process.execPath, await locateTool(tool), ...args];
  return fromExit(await runKept(argv, { timeoutMs: GATE_LIMIT_MS }));
}

/** The script behind node_modules/.bin/<tool>, run with this very Node. */
async function locateTool(tool) {
  const folder = { tsc: 'typescript' }[tool] ?? tool;
  const manifest = JSON.parse(
    readFileSync(join(projectFolder, 'node_modules', folder, 'package.json'), 'utf8'),
  );
  const bin = typeof manifest.bin === 'string' ? manifest.bin : manifest.bin[tool];
  return join(projectFolder, 'node_modules', folder, bin);
}

async function checkShellScripts() {
  if (!findProgram('shellcheck')) return skipped('shellcheck is not installed (apt-get install shellcheck)');
  const scripts = await listTracked('*.sh', '.ci/*');
  if (scripts.length === 0) return failed('no shell script was found, and the project has some');
  return fromExit(await runKept(['shellcheck', ...scripts], { timeoutMs: GATE_LIMIT_MS }));
}

/**
 * Only where the peers are built, so that the modules are there and go's cache is warm; with the build's own flags,
 * because go caches by them, and with the proxy off, because a check must not download anything.
 */
async function checkPeers() {
  if (!findProgram('go')) return skipped('there is no Go on this machine');
  const peersFolder = findPeersFolder();
  const built = readCatalogue(peersFolder).filter((peer) => existsSync(locatePeerFolder(peersFolder, peer)));
  if (built.length === 0) return skipped('no peer is built (npm run peers)');
  const sources = await listTracked('peers/*.go');
  const format = await runKept(['gofmt', '-l', ...sources], { timeoutMs: GATE_LIMIT_MS });
  if (format.exit !== 0 || format.output !== '') return failed(`gofmt would change:\n${format.output}`);
  for (const peer of built) {
    const vet = await runKept(['go', 'vet', '-trimpath', './...'], {
      timeoutMs: GATE_LIMIT_MS,
      folder: join(peersFolder, peer.name),
      environment: {
        GOPROXY: 'off',
        GOTOOLCHAIN: 'local',
        GOWORK: 'off',
        GOFLAGS: '-buildvcs=false -mod=readonly',
        CGO_ENABLED: peer.cgo ? '1' : '0',
      },
    });
    if (vet.exit !== 0) return failed(`go vet in peers/${peer.name}:\n${vet.output}`);
  }
  return passed();
}

/** Tracked and new files, ignored ones left out: what the checkout will be once it is committed. */
async function listTracked(...patterns) {
  const argv = ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const { output } = await runKept(argv, { timeoutMs: GATE_LIMIT_MS });
  return output.split('\n').filter((path) => path !== '' && existsSync(join(projectFolder, path)));
}

function judge(problems) {
  return problems.length === 0 ? passed() : failed(problems.join('\n'));
}

function fromExit({ exit, output }) {
  return exit === 0 ? passed() : failed(`exit ${exit}\n${output.trimEnd()}`);
}

/** @returns {GateResult} */
function passed() {
  return { state: 'passed', output: '' };
}

/** @returns {GateResult} */
function failed(output) {
  return { state: 'failed', output };
}

/** @returns {GateResult} */
function skipped(reason) {
  return { state: 'skipped', output: reason };
}
