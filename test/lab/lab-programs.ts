// The lab's programs for tests: bundled from the sources as they are, into a folder of this test process that is deleted
// at its end. In the checkout, because the lab looks upwards from its programs for peers/.
import { build } from 'esbuild';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface BuiltPrograms {
  readonly folder: string;
  readonly remove: () => Promise<void>;
}

/** After this, `startLab` in this process works; `more` are further programs by name. */
export async function buildLabPrograms(more: Readonly<Record<string, string>> = {}): Promise<BuiltPrograms> {
  const folder = `${root}node_modules/.cache/waylaid-lab-${process.pid}`;
  await mkdir(folder, { recursive: true });
  await writeFile(`${folder}/package.json`, '{"type":"module"}\n');
  await build({
    absWorkingDir: root,
    entryPoints: { 'lab-supervisor': 'lab/supervisor.ts', 'lab-pod': 'lab/pod-agent.ts', ...more },
    outdir: folder,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    mainFields: ['module', 'main'],
    loader: { '.sh': 'text' },
    banner: {
      js: "import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);",
    },
    logLevel: 'warning',
  });
  process.env['WAYLAID_LAB_PROGRAMS'] = folder;
  return {
    folder,
    remove: async () => {
      delete process.env['WAYLAID_LAB_PROGRAMS'];
      await rm(folder, { recursive: true, force: true });
    },
  };
}
