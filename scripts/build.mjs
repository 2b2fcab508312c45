// Bundles the command into dist/: one entry, one chunk per lazily loaded command, and the lab's own two programs.
// Everything is inside, so the package has no dependencies at run time; the licences of what was bundled go beside.
// dist/ is replaced as a whole at the end: a build that fails leaves the old one.
import { build } from 'esbuild';
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Builds everything into `outputFolder` (dist/ by default). */
export async function buildAll(outputFolder = `${root}dist`) {
  const unfinished = `${outputFolder}.building-${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    const { metafile } = await bundleInto(unfinished);
    await chmod(`${unfinished}/waylaid.js`, 0o755);
    await writeFile(`${unfinished}/third-party-licenses.txt`, describeLicenses(Object.keys(metafile.inputs)));
    await copyFile(`${root}docs/answer.schema.json`, `${unfinished}/answer.schema.json`);
    await rm(outputFolder, { recursive: true, force: true });
    await rename(unfinished, outputFolder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

function bundleInto(folder) {
  return build({
    absWorkingDir: root,
    entryPoints: {
      waylaid: 'src/cli/main.ts',
      'lab-supervisor': 'lab/supervisor.ts',
      'lab-pod': 'lab/pod-agent.ts',
    },
    outdir: folder,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    metafile: true,
    mainFields: ['module', 'main'],
    loader: { '.sh': 'text' },
    define: { 'process.env.WAYLAID_VERSION': JSON.stringify(version) },
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
    logLevel: 'warning',
  });
}

/** The licence text of every package that a bundled file came from, as their licences ask for. */
function describeLicenses(inputs) {
  const folders = new Set(
    inputs
      .map((path) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(path)?.[0])
      .filter((path) => path !== undefined),
  );
  return [...folders]
    .sort()
    .map(describeLicense)
    .join(`\n${'-'.repeat(80)}\n\n`);
}

function describeLicense(folder) {
  const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
  const file = readdirSync(join(root, folder)).find((name) => /^licen[cs]e/i.test(name));
  const text =
    file === undefined ? `License: ${manifest.license}\n` : readFileSync(join(root, folder, file), 'utf8');
  return `${manifest.name} ${manifest.version}\n\n${text}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    await buildAll();
  } catch (error) {
    // esbuild has printed where and why already; its stack says nothing more.
    console.error(error.message);
    process.exitCode = 1;
  }
}
