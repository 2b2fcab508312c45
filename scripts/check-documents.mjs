// Do the documents still describe what is there? In: every Markdown file of the checkout. Out: problems, with file
// and line: links to files and headings that do not exist, named files that do not exist, npm scripts and
// waylaid commands that do not exist. A document about something that was renamed fails here, not with a reader.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { projectFolder, runKept } from './run-program.mjs';

const LIMIT_MS = 60_000;
const PATH_START = /^(src|lab|test|scripts|docs|bench|peers|\.ci)\//;

export async function checkDocuments() {
  const { output } = await runKept(
    ['git', 'ls-files', '--cached', '--others', '--exclude-standard', '--', '*.md'],
    { timeoutMs: LIMIT_MS },
  );
  const paths = output.split('\n').filter((path) => path !== '' && existsSync(join(projectFolder, path)));
  if (paths.length === 0) return ['no document was found'];
  const known = { scripts: readScriptNames(), commands: await readCommandNames() };
  if (known.commands.size === 0) return ['dist/waylaid.js --help lists no commands'];
  return paths.flatMap((path) =>
    checkDocument(path, readFileSync(join(projectFolder, path), 'utf8'), known, (other) =>
      existsSync(join(projectFolder, other)),
    ),
  );
}

/** Pure but for `exists`: the problems of one document. */
export function checkDocument(path, text, known, exists) {
  const problems = [];
  const headings = new Set([...text.matchAll(/^#+ (.*)$/gm)].map((match) => slugOf(match[1])));
  let isCode = false;
  text.split('\n').forEach((line, index) => {
    if (line.startsWith('```')) isCode = !isCode;
    const at = `${path}:${index + 1}`;
    for (const [, target] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      const problem = findLinkProblem(path, target, headings, exists);
      if (problem !== undefined) problems.push(`${at}: ${problem}`);
    }
    for (const [, code] of line.matchAll(/`([^`]+)`/g)) {
      if (isPlainPath(code) && !exists(code)) problems.push(`${at}: names ${code}, which does not exist`);
    }
    for (const [, name] of line.matchAll(/npm run ([\w:-]+)/g)) {
      if (!known.scripts.has(name)) problems.push(`${at}: npm run ${name} does not exist`);
    }
    const command = isCode
      ? /(?:(?:^|\$ )waylaid|npm start --) ([a-z]+)/g
      : /(?:(?:^\$ |`)waylaid|npm start --) ([a-z]+)/g;
    for (const [, name] of line.matchAll(command)) {
      if (!known.commands.has(name)) problems.push(`${at}: waylaid ${name} does not exist`);
    }
  });
  return problems;
}

function findLinkProblem(path, target, headings, exists) {
  if (/^[a-z]+:/.test(target)) return undefined;
  const [file, anchor] = target.split('#');
  if (file === '') return headings.has(anchor) ? undefined : `there is no heading for #${anchor}`;
  const resolved = normalize(join(dirname(path), file));
  return exists(resolved) ? undefined : `links to ${resolved}, which does not exist`;
}

/** A path without pattern or blank to fill in: `src/core/pipeline.ts`, not `src/core/diagnose/<code>.ts`. */
function isPlainPath(code) {
  return PATH_START.test(code) && !/[<>*{}…\s]/.test(code);
}

/** As GitHub makes anchors of headings. */
function slugOf(heading) {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function readScriptNames() {
  const { scripts } = JSON.parse(readFileSync(join(projectFolder, 'package.json'), 'utf8'));
  return new Set(Object.keys(scripts));
}

async function readCommandNames() {
  const { output } = await runKept([process.execPath, 'dist/waylaid.js', '--help'], { timeoutMs: LIMIT_MS });
  const list = output.slice(output.indexOf('Commands:'));
  return new Set([...list.matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1]));
}
