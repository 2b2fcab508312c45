// The package's check fires on a file that is missing, one that does not belong inside, and a package grown too large.
import { expect, it } from 'vitest';
import { findContentProblems } from './check-package.mjs';

const complete = [
  ...['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'docs/limits.md'],
  ...[
    'dist/waylaid.js',
    'dist/package.json',
    'dist/lab-supervisor.js',
    'dist/lab-pod.js',
    'dist/third-party-licenses.txt',
  ],
];
const describeFiles = (paths, unpackedSize = 1e6) => ({
  files: paths.map((path) => ({ path })),
  unpackedSize,
});

it('lets a complete package pass', () => {
  expect(findContentProblems(describeFiles([...complete, 'dist/libraries/a.js']))).toEqual([]);
});

it.each([
  ['a missing file', complete.slice(0, -1), 1e6, 'dist/third-party-licenses.txt is not in the package'],
  ['a stray file', [...complete, 'src/cli/main.ts'], 1e6, 'src/cli/main.ts should not be in the package'],
  ['too much', complete, 9e6, 'the package unpacks to 9.0 MB, more than 8'],
])('sees %s', (_what, paths, size, problem) => {
  expect(findContentProblems(describeFiles(paths, size))).toEqual([problem]);
});
