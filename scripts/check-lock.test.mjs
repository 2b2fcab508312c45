// The lock file's check fires on what it is for: a platform's package left out, private addresses, missing hashes.
import { describe, expect, it } from 'vitest';
import { checkLock, findLockProblems } from './check-lock.mjs';

const integrity = 'sha512-x';
const lockOf = (packages) => ({ packages: { '': {}, ...packages } });

describe('findLockProblems', () => {
  it('lets a complete lock pass, nested and scoped packages included', () => {
    const lock = lockOf({
      'node_modules/a': {
        integrity,
        optionalDependencies: { '@os/linux': '1.0.0' },
        dependencies: { b: '^1' },
      },
      'node_modules/@os/linux': { integrity },
      'node_modules/a/node_modules/b': { integrity, dependencies: { c: '1' } },
      'node_modules/c': { integrity, resolved: 'https://registry.npmjs.org/c/-/c-1.0.0.tgz' },
    });
    expect(findLockProblems(lock)).toEqual([]);
  });

  it.each([
    [
      'an optional package that is missing',
      { 'node_modules/a': { integrity, optionalDependencies: { '@os/arm': '1.0.0' } } },
      'node_modules/a needs @os/arm, which is not in the lock',
    ],
    [
      'a dependency that only another package has',
      {
        'node_modules/a': { integrity, dependencies: { c: '1' } },
        'node_modules/b': { integrity },
        'node_modules/b/node_modules/c': { integrity },
      },
      'node_modules/a needs c, which is not in the lock',
    ],
    [
      'an address that others cannot reach',
      { 'node_modules/a': { integrity, resolved: 'https://registry.example/a.tgz' } },
      'node_modules/a is not from the public registry',
    ],
    ['a package without a hash', { 'node_modules/a': {} }, 'node_modules/a has no integrity hash'],
  ])('sees %s', (_what, packages, problem) => {
    expect(findLockProblems(lockOf(packages))).toEqual([problem]);
  });
});

it('lets this project pass', () => {
  expect(checkLock()).toEqual([]);
});
