// The architecture's import table, and the check of it. In: the files of the project that it is about, as path and
// text (paths from the project's root, with `/`). Out: what breaks the rules, one sentence each, in the order of the
// files. Pure: reading the disk is the caller's job, so planted violations can be tried on it.
import ts from 'typescript';
import { findCycles } from './import-cycles.ts';

export interface SourceFile {
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly from: string;
  /** As written: `./known.ts`, `node:fs`, `zod`. */
  readonly specifier: string;
  /** The file of the project that it names, or undefined when it names none. */
  readonly target: string | undefined;
  readonly isTypeOnly: boolean;
}

interface Room {
  readonly folder: string;
  /** Rooms that it may import from; itself is understood. */
  readonly imports: readonly string[];
  /** Rooms from which it may take types, and nothing that exists at run time. */
  readonly types?: readonly string[];
  /** Files outside of those rooms from which it may take types. */
  readonly typesOfFiles?: readonly string[];
}

const core = ['fact', 'net', 'snapshot', 'model', 'trace', 'diagnose', 'repair', 'report'].map(
  (stage) => `src/core/${stage}`,
);
const upTo = (stage: string): readonly string[] => core.slice(0, core.indexOf(`src/core/${stage}`));

/** The table of ARCHITECTURE.md. A room that imports the world's side of things can do I/O; src/core cannot. */
const rooms: readonly Room[] = [
  { folder: 'src/core/fact', imports: [] },
  { folder: 'src/core/net', imports: upTo('net') },
  { folder: 'src/core/snapshot', imports: upTo('snapshot') },
  { folder: 'src/core/model', imports: upTo('model') },
  // A trace cites the facts that decided it: it names their types and writes them as words, but reads no snapshot.
  {
    folder: 'src/core/trace',
    imports: ['src/core/fact', 'src/core/net', 'src/core/model', 'src/core/snapshot/format-routing.ts'],
    types: ['src/core/snapshot'],
  },
  { folder: 'src/core/diagnose', imports: upTo('diagnose') },
  { folder: 'src/core/repair', imports: upTo('repair') },
  // The words for a terminal: a room of its own at the end of the line, so that the answer cannot depend on them.
  { folder: 'src/core/report/text', imports: [...upTo('report'), 'src/core/report'] },
  { folder: 'src/core/report', imports: [...upTo('report'), 'src/core/pipeline.ts'] },
  { folder: 'src/core/pipeline.ts', imports: upTo('report') },
  ...['collect', 'probe', 'apply', 'store'].map((name) => ({
    folder: `src/io/${name}`,
    imports: ['src/core/fact', 'src/core/net', 'src/core/snapshot'],
    typesOfFiles: ['src/core/repair/plan.ts'],
  })),
  { folder: 'src/cli', imports: [...core, 'src/core/pipeline.ts', 'src/io', 'lab'] },
  { folder: 'src/web', imports: [], typesOfFiles: ['src/core/report/answer.ts'] },
  { folder: 'lab', imports: [...upTo('trace'), 'src/io', 'scripts/peer-folder.mjs'] },
];

/** Declarations for the compiler that belong to no room. */
const ambient = ['src/shell-script.d.ts'];
const packagesOfCore = ['zod'];
const drawers = /^(utils?|helpers?|common|misc|shared|stuff|manager|types|index)$/;
const longestFile = 400;

export function checkImports(files: readonly SourceFile[]): readonly string[] {
  const checked = files.filter((file) => isSource(file.path));
  if (checked.length === 0) return ['no source file was seen: the check looked at nothing'];
  const imports = files.flatMap((file) => readImports(file, new Set(files.map((other) => other.path))));
  const fromSources = imports.filter((found) => isSource(found.from));
  const problems = [
    ...checked.flatMap(findFileProblems),
    ...fromSources.flatMap(findImportProblems),
    ...findCycles(fromSources).map((cycle) => `${cycle.join(' → ')}: a cycle of imports`),
  ];
  return [...new Set(problems)];
}

/** What a file imports, statically, by `import()`, by `import type` and by re-export. */
export function readImports(file: SourceFile, known: ReadonlySet<string>): readonly Import[] {
  const typeOnly = new Set(listTypeOnlySpecifiers(file));
  return ts.preProcessFile(file.text, true, true).importedFiles.map(({ fileName }) => ({
    from: file.path,
    specifier: fileName,
    target: resolveImport(file.path, fileName, known),
    isTypeOnly: typeOnly.has(fileName),
  }));
}

/** Specifiers that are named by `import type` or `export type` statements and by no other. */
function listTypeOnlySpecifiers(file: SourceFile): readonly string[] {
  const parsed = ts.createSourceFile(file.path, file.text, ts.ScriptTarget.Latest);
  const byType = new Set<string>();
  const byValue = new Set<string>();
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
      const isType = node.importClause?.phaseModifier === ts.SyntaxKind.TypeKeyword;
      (isType ? byType : byValue).add(node.moduleSpecifier.text);
    } else if (
      ts.isExportDeclaration(node) &&
      node.moduleSpecifier &&
      ts.isStringLiteral(node.moduleSpecifier)
    ) {
      (node.isTypeOnly ? byType : byValue).add(node.moduleSpecifier.text);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      if (ts.isStringLiteral(node.argument.literal)) byType.add(node.argument.literal.text);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [argument] = node.arguments;
      if (argument && ts.isStringLiteral(argument)) byValue.add(argument.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(parsed);
  return [...byType].filter((specifier) => !byValue.has(specifier));
}

function resolveImport(from: string, specifier: string, known: ReadonlySet<string>): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  const parts = from.split('/').slice(0, -1);
  for (const part of specifier.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '.') parts.push(part);
  }
  const path = parts.join('/');
  return known.has(path) ? path : undefined;
}

function findFileProblems(file: SourceFile): readonly string[] {
  const problems: string[] = [];
  const segments = file.path.replace(/(\.d)?\.[a-z]+$/, '').split('/');
  const drawer = segments.find((segment) => drawers.test(segment));
  if (drawer !== undefined) problems.push(`${file.path}: "${drawer}" says nothing about what is inside`);
  if (roomOf(file.path) === undefined && !ambient.includes(file.path))
    problems.push(`${file.path}: is in no room of the architecture`);
  if (!/^(#!.*\n)?(\/\/|\/\*)/.test(file.text)) problems.push(`${file.path}: does not open with a comment`);
  const lines = file.text.split('\n').length - 1;
  if (lines > longestFile) problems.push(`${file.path}: ${lines} lines, more than ${longestFile}`);
  return problems;
}

function findImportProblems(found: Import): readonly string[] {
  const { from, specifier, target } = found;
  const isCore = from.startsWith('src/core/');
  if (!specifier.startsWith('.')) {
    const isAllowed = !isCore || packagesOfCore.includes(specifier);
    return isAllowed ? [] : [`${from}: the pure core may not import ${specifier}`];
  }
  if (target === undefined) return [`${from}: ${specifier} is no file of the project`];
  if (!isAllowedByTable(found, target)) return [`${from}: may not import ${target}`];
  if (isPrivateElsewhere(from, target)) return [`${from}: ${target} is private to its stage`];
  return [];
}

function isAllowedByTable(found: Import, target: string): boolean {
  const room = roomOf(found.from);
  const targetRoom = roomOf(target);
  if (room === undefined || room === targetRoom) return true;
  const isIn = (places: readonly string[] = []): boolean =>
    places.some((place) => target === place || target.startsWith(`${place}/`));
  if (isIn(room.imports)) return true;
  return found.isTypeOnly && (isIn(room.types) || isIn(room.typesOfFiles));
}

/** `src/core/model/host/x.ts` is for src/core/model only, `src/io/collect/ssh/x.ts` for src/io/collect. */
function isPrivateElsewhere(from: string, target: string): boolean {
  const room = roomOf(target);
  if (room === undefined || !/^src\/(core|io)\//.test(target)) return false;
  const inside = target.slice(room.folder.length + 1);
  return inside.includes('/') && roomOf(from) !== room;
}

function roomOf(path: string): Room | undefined {
  return rooms.find((room) => path === room.folder || path.startsWith(`${room.folder}/`));
}

/** Source that the table is about: not the unit tests beside it, which may look anywhere. */
function isSource(path: string): boolean {
  return /^(src|lab)\/.*\.tsx?$/.test(path) && !path.endsWith('.test.ts');
}
