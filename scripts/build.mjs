// Bundles the command into dist/: one entry, one chunk per lazily loaded command, and the lab's own two programs.
import { build } from 'esbuild';
import { chmod, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Builds everything into `outputFolder` (dist/ by default). */
export async function buildAll(outputFolder = `${root}dist`) {
  await rm(outputFolder, { recursive: true, force: true });
  await build({
    absWorkingDir: root,
    entryPoints: {
      waylaid: 'src/cli/main.ts',
      'lab-supervisor': 'lab/supervisor.ts',
      'lab-pod': 'lab/pod-agent.ts',
    },
    outdir: outputFolder,
    chunkNames: 'chunks/[name]-[hash]',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    mainFields: ['module', 'main'],
    loader: { '.sh': 'text' },
    define: { 'process.env.WAYLAID_VERSION': JSON.stringify(version) },
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
    logLevel: 'warning',
  });
  await chmod(`${outputFolder}/waylaid.js`, 0o755);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await buildAll();
