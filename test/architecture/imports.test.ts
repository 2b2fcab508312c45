// Holds invariant 2 of ARCHITECTURE.md: imports follow the table, a stage's subfolder is private to its stage, no
// cycles, no drawers, small files that open with a comment. And holds the check itself: each rule is shown to fire.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { checkImports, readImports } from './import-rules.ts';
import type { SourceFile } from './import-rules.ts';
import { projectRoot, readSources } from './read-sources.ts';

const looked = ['src', 'lab', 'test', 'bench', 'scripts'];

describe('the project', () => {
  const files = readSources(projectRoot, looked);
  const paths = new Set(files.map((file) => file.path));

  it('is seen by the check: files, and imports between them', () => {
    expect(paths).toContain('src/core/pipeline.ts');
    const imports = files.flatMap((file) => readImports(file, paths));
    expect(imports.filter((found) => found.target !== undefined).length).toBeGreaterThan(50);
  });

  it('follows the import table', () => {
    expect(checkImports(files)).toEqual([]);
  });
});

describe('the check', () => {
  it('fails when it sees no files', () => {
    const empty = mkdtempSync(join(tmpdir(), 'waylaid-no-sources-'));
    try {
      expect(checkImports(readSources(empty, looked))).toEqual([
        'no source file was seen: the check looked at nothing',
      ]);
    } finally {
      rmSync(empty, { recursive: true });
    }
  });

  it.each<[rule: string, planted: readonly SourceFile[], problem: string | undefined]>([
    ['a later stage imports an earlier one', imports('src/core/model/a.ts', 'src/core/net/b.ts'), undefined],
    [
      'an earlier stage imports a later one',
      imports('src/core/net/a.ts', 'src/core/model/b.ts'),
      'src/core/net/a.ts: may not import src/core/model/b.ts',
    ],
    [
      'an earlier stage imports a later one’s types',
      importsType('src/core/net/a.ts', 'src/core/model/b.ts'),
      'src/core/net/a.ts: may not import src/core/model/b.ts',
    ],
    [
      'core imports io by a dynamic import',
      plant({
        'src/core/report/a.ts': "export const late = () => import('../../io/collect/b.ts');\n",
        'src/io/collect/b.ts': 'export const b = 1;\n',
      }),
      'src/core/report/a.ts: may not import src/io/collect/b.ts',
    ],
    [
      'core re-exports from the command',
      plant({
        'src/core/fact/a.ts': "export { b } from '../../cli/b.ts';\n",
        'src/cli/b.ts': 'export const b = 1;\n',
      }),
      'src/core/fact/a.ts: may not import src/cli/b.ts',
    ],
    ['trace names a fact’s type', importsType('src/core/trace/a.ts', 'src/core/snapshot/b.ts'), undefined],
    [
      'trace reads the snapshot',
      imports('src/core/trace/a.ts', 'src/core/snapshot/b.ts'),
      'src/core/trace/a.ts: may not import src/core/snapshot/b.ts',
    ],
    ['io uses a plan’s types', importsType('src/io/apply/a.ts', 'src/core/repair/plan.ts'), undefined],
    [
      'io uses the repair stage itself',
      imports('src/io/apply/a.ts', 'src/core/repair/plan.ts'),
      'src/io/apply/a.ts: may not import src/core/repair/plan.ts',
    ],
    ['the page uses the answer’s types', importsType('src/web/a.ts', 'src/core/report/answer.ts'), undefined],
    [
      'the page runs the report stage',
      imports('src/web/a.ts', 'src/core/report/answer.ts'),
      'src/web/a.ts: may not import src/core/report/answer.ts',
    ],
    ['the command uses the lab', imports('src/cli/a.ts', 'lab/b.ts'), undefined],
    [
      'io uses the lab',
      imports('src/io/collect/a.ts', 'lab/b.ts'),
      'src/io/collect/a.ts: may not import lab/b.ts',
    ],
    [
      'core uses the one package',
      plant({ 'src/core/report/a.ts': "import { z } from 'zod';\nz;\n" }),
      undefined,
    ],
    [
      'core uses another package',
      plant({ 'src/core/report/a.ts': "import pc from 'picocolors';\npc;\n" }),
      'src/core/report/a.ts: the pure core may not import picocolors',
    ],
    [
      'core uses a module of Node, as a type',
      plant({ 'src/core/net/a.ts': "import type { Socket } from 'node:net';\nexport type S = Socket;\n" }),
      'src/core/net/a.ts: the pure core may not import node:net',
    ],
    ['the command renders text', imports('src/cli/a.ts', 'src/core/report/text/b.ts'), undefined],
    [
      'the answer depends on its rendering',
      imports('src/core/report/a.ts', 'src/core/report/text/b.ts'),
      'src/core/report/a.ts: may not import src/core/report/text/b.ts',
    ],
    [
      'another stage reaches into a private folder',
      imports('src/core/trace/a.ts', 'src/core/model/host/b.ts'),
      'src/core/trace/a.ts: src/core/model/host/b.ts is private to its stage',
    ],
    ['its own stage reaches into it', imports('src/core/model/a.ts', 'src/core/model/host/b.ts'), undefined],
    [
      'two files import each other',
      plant({
        'src/core/net/a.ts': "import type { B } from './b.ts';\nexport type A = B;\n",
        'src/core/net/b.ts': "import type { A } from './a.ts';\nexport type B = A;\n",
      }),
      'src/core/net/a.ts → src/core/net/b.ts → src/core/net/a.ts: a cycle of imports',
    ],
    [
      'a file in no room',
      plant({ 'src/extra/a.ts': 'export const a = 1;\n' }),
      'src/extra/a.ts: is in no room of the architecture',
    ],
    [
      'a file beside the stages',
      plant({ 'src/core/a.ts': 'export const a = 1;\n' }),
      'src/core/a.ts: is in no room of the architecture',
    ],
    [
      'a drawer as a file',
      plant({ 'src/core/net/utils.ts': 'export const a = 1;\n' }),
      'src/core/net/utils.ts: "utils" says nothing about what is inside',
    ],
    [
      'a drawer as a folder',
      plant({ 'lab/shared/a.ts': 'export const a = 1;\n' }),
      'lab/shared/a.ts: "shared" says nothing about what is inside',
    ],
    [
      'a barrel',
      plant({ 'src/core/net/index.ts': 'export const a = 1;\n' }),
      'src/core/net/index.ts: "index" says nothing about what is inside',
    ],
    [
      'a file without a first comment',
      [{ path: 'src/core/net/a.ts', text: 'export const a = 1;\n' }],
      'src/core/net/a.ts: does not open with a comment',
    ],
    [
      'a file that is too long',
      plant({ 'src/core/net/a.ts': 'export {};\n'.repeat(400) }),
      'src/core/net/a.ts: 401 lines, more than 400',
    ],
    [
      'an import of a file that is not there',
      plant({ 'src/core/net/a.ts': "import './gone.ts';\n" }),
      'src/core/net/a.ts: ./gone.ts is no file of the project',
    ],
    [
      'source that imports from its tests',
      imports('src/cli/a.ts', 'test/lab/b.ts'),
      'src/cli/a.ts: may not import test/lab/b.ts',
    ],
  ])('judges: %s', (_rule, planted, problem) => {
    expect(checkImports(planted)).toEqual(problem === undefined ? [] : [problem]);
  });
});

function plant(texts: Readonly<Record<string, string>>): readonly SourceFile[] {
  return Object.entries(texts).map(([path, text]) => ({ path, text: `// What it is.\n${text}` }));
}

function imports(from: string, target: string): readonly SourceFile[] {
  return plant({
    [from]: `import { b } from '${relativeSpecifier(from, target)}';\nb;\n`,
    [target]: 'export const b = 1;\n',
  });
}

function importsType(from: string, target: string): readonly SourceFile[] {
  return plant({
    [from]: `import type { B } from '${relativeSpecifier(from, target)}';\nexport type A = B;\n`,
    [target]: 'export type B = number;\n',
  });
}

function relativeSpecifier(from: string, target: string): string {
  const up = '../'.repeat(from.split('/').length - 1);
  return `./${up}${target}`;
}
