// Bundles the command into dist/: a small entry, the program, the libraries that few commands need, and the lab's own two
// programs; then runs the command once, so that what V8 compiled for it can be shipped beside (src/cli/start).
// Everything is inside, so the package has no dependencies at run time; the licences of what was bundled go beside.
// dist/ is replaced as a whole at the end: a build that fails leaves the old one.
import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'));

/** Large, and loaded by few commands: each is a file of its own, with what is used of it. */
const libraries = {
  '@kubernetes/client-node': { file: 'kubernetes-client', exports: ['KubeConfig'] },
  undici: { file: 'undici', exports: ['Agent', 'ProxyAgent', 'request'] },
  zod: { file: 'zod', exports: ['z'] },
};

/** What the code is compiled for: the whole way from a bundle to repairs. */
const sampleBundle = `${root}test/bundles/chapter-17.tar.gz`;

/** Builds everything into `outputFolder` (dist/ by default). */
export async function buildAll(outputFolder = `${root}dist`) {
  const unfinished = `${outputFolder}.building-${process.pid}`;
  await mkdir(unfinished, { recursive: true });
  try {
    const inputs = await bundleInto(unfinished);
    await chmod(`${unfinished}/waylaid.js`, 0o755);
    await writeFile(`${unfinished}/package.json`, '{ "type": "commonjs" }\n');
    await writeFile(`${unfinished}/third-party-licenses.txt`, describeLicenses(inputs));
    await copyFile(`${root}docs/answer.schema.json`, `${unfinished}/answer.schema.json`);
    await addCompiledCode(unfinished);
    await rm(outputFolder, { recursive: true, force: true });
    await rename(unfinished, outputFolder);
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
}

/** Out: the files that were bundled. */
async function bundleInto(folder) {
  const program = await bundle({
    entryPoints: [`${root}src/cli/run-command.ts`],
    write: false,
    outdir: folder,
    banner: { js: '(function (exports, require, module, __filename, moduleUrl) {' },
    footer: { js: '})' },
    plugins: [leaveLibraries, deferChildProcess],
  });
  const [{ contents, hash }] = program.outputFiles.map((file) => ({
    contents: file.contents,
    hash: createHash('sha256').update(file.contents).digest('hex').slice(0, 16),
  }));
  await writeFile(`${folder}/program-${hash}.js`, contents);
  const others = await Promise.all([
    bundle({
      entryPoints: { waylaid: 'src/cli/main.ts' },
      outdir: folder,
      define: { 'process.env.WAYLAID_PROGRAM': JSON.stringify(hash) },
    }),
    bundle({
      entryPoints: { 'lab-supervisor': 'lab/supervisor.ts', 'lab-pod': 'lab/pod-agent.ts' },
      outdir: folder,
      banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
    }),
    ...Object.entries(libraries).map(([name, { file, exports }]) =>
      bundle({
        stdin: { contents: `export { ${exports.join(', ')} } from '${name}';`, resolveDir: root },
        outfile: `${folder}/libraries/${file}.js`,
        banner: { js: "const moduleUrl = require('node:url').pathToFileURL(__filename).href;" },
      }),
    ),
  ]);
  return [program, ...others].flatMap(({ metafile }) => Object.keys(metafile.inputs));
}

/** CommonJS, since that is what can be compiled with cached code; names of functions are kept nowhere, as nothing reads them. */
function bundle({ define = {}, ...options }) {
  return build({
    absWorkingDir: root,
    bundle: true,
    format: 'cjs',
    platform: 'node',
    target: 'node20',
    minify: true,
    legalComments: 'none',
    metafile: true,
    mainFields: ['module', 'main'],
    loader: { '.sh': 'text' },
    define: {
      'process.env.WAYLAID_VERSION': JSON.stringify(version),
      'import.meta.url': 'moduleUrl',
      ...define,
    },
    logLevel: 'warning',
    ...options,
  });
}

const leaveLibraries = {
  name: 'leave-libraries',
  setup({ onResolve }) {
    onResolve({ filter: /^[@a-z]/ }, ({ path }) =>
      path in libraries ? { path: `./libraries/${libraries[path].file}.js`, external: true } : undefined,
    );
  },
};

/** commander 14 loads node:child_process, and with it all of networking, for subcommands that are programs: here none is. */
const deferChildProcess = {
  name: 'defer-child-process',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
      importer.includes('/commander/') ? { path: 'child-process', namespace: 'deferred' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'deferred' }, () => ({
      contents: "exports.spawn = (...words) => require('node:child_process').spawn(...words);",
    }));
  },
};

/** What a first run with an empty cache keeps is what the package brings along. */
async function addCompiledCode(folder) {
  const cache = `${folder}/cache`;
  await runSample([`${folder}/waylaid.js`, 'diagnose', '--bundle', sampleBundle], cache);
  // A user's cache is private to them; what is shipped is for everybody.
  await mkdir(`${folder}/code`);
  for (const name of readdirSync(`${cache}/waylaid/code`)) {
    await copyFile(`${cache}/waylaid/code/${name}`, `${folder}/code/${name}`);
    await chmod(`${folder}/code/${name}`, 0o644);
  }
  await rm(cache, { recursive: true, force: true });
}

async function runSample(words, cache) {
  // Umask and options of whoever builds must not decide what is kept.
  const { NODE_OPTIONS: _options, NODE_DISABLE_COMPILE_CACHE: _off, ...environment } = process.env;
  await mkdir(cache, { mode: 0o700 });
  return new Promise((settle, fail) => {
    execFile(
      process.execPath,
      words,
      { env: { ...environment, XDG_CACHE_HOME: cache }, maxBuffer: 64 * 1024 ** 2 },
      (error, _stdout, stderr) =>
        error === null || error.code === 1
          ? settle(undefined)
          : fail(new Error(`the built command failed on ${sampleBundle}: ${stderr}`)),
    );
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
    await buildAll(process.argv[2] === undefined ? undefined : resolve(process.argv[2]));
  } catch (error) {
    // esbuild has printed where and why already; its stack says nothing more.
    console.error(error.message);
    process.exitCode = 1;
  }
}
