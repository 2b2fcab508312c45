// Would the package work for somebody else? Packs it, looks at what is inside, installs the tarball into an empty
// folder without a network and runs both commands from there. Out: problems, one sentence each.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectFolder, runKept } from './run-program.mjs';

const LIMIT_MS = 120_000;
const REQUIRED = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'docs/limits.md',
  'dist/waylaid.js',
  'dist/package.json',
  'dist/lab-supervisor.js',
  'dist/lab-pod.js',
  'dist/third-party-licenses.txt',
];
const ALLOWED = /^(dist|docs)\/|^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
const LARGEST_MEGABYTES = 8;

export async function checkPackage() {
  const folder = mkdtempSync(join(tmpdir(), 'waylaid-package-'));
  try {
    const packed = await runNpm(
      ['pack', '--json', '--ignore-scripts', '--pack-destination', folder],
      projectFolder,
      folder,
    );
    if (packed.exit !== 0) return [`npm pack failed: ${packed.output}`];
    const [description] = JSON.parse(packed.stdout);
    const problems = findContentProblems(description);
    return problems.length > 0 ? problems : await tryInstalled(folder, join(folder, description.filename));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** In: npm's own description of the tarball. */
export function findContentProblems({ files, unpackedSize }) {
  const paths = new Set(files.map((file) => file.path));
  const problems = REQUIRED.filter((path) => !paths.has(path)).map((path) => `${path} is not in the package`);
  for (const path of paths) if (!ALLOWED.test(path)) problems.push(`${path} should not be in the package`);
  if (unpackedSize > LARGEST_MEGABYTES * 1e6)
    problems.push(
      `the package unpacks to ${(unpackedSize / 1e6).toFixed(1)} MB, more than ${LARGEST_MEGABYTES}`,
    );
  return problems;
}

async function tryInstalled(folder, tarball) {
  const consumer = join(folder, 'consumer');
  const argv = ['install', '--prefix', consumer, '--ignore-scripts', '--omit=dev', '--offline', tarball];
  const installed = await runNpm(argv, folder, folder);
  if (installed.exit !== 0)
    return [`npm install of the tarball, without a network, failed: ${installed.output}`];
  const { version } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8'));
  const problems = [];
  for (const name of ['waylaid', 'kubectl-waylaid']) {
    const command = join(consumer, 'node_modules/.bin', name);
    const { exit, output } = await runKept([command, '--version'], { timeoutMs: LIMIT_MS, folder });
    if (exit !== 0 || !output.includes(version))
      problems.push(`installed from the tarball, ${name} --version ended with ${exit}: ${output.trim()}`);
  }
  return problems;
}

/** --offline and an empty cache: whatever the package still needed from a registry would fail here. */
function runNpm(args, folder, cacheParent) {
  const npm = process.env.npm_execpath?.endsWith('.js')
    ? [process.execPath, process.env.npm_execpath]
    : ['npm'];
  return runKept([...npm, ...args, '--loglevel=error'], {
    timeoutMs: LIMIT_MS,
    folder,
    environment: { npm_config_cache: join(cacheParent, 'no-cache') },
  });
}
