// Holds invariant 1 of ARCHITECTURE.md where the compiler cannot: src/core has no clock, no chance, no platform, no
// state of its own and no dependence on the machine's language or time zone.
import { expect, it } from 'vitest';
import { findImpurities } from './purity-rules.ts';
import { projectRoot, readSources } from './read-sources.ts';

it('holds for every file of src/core', () => {
  const files = readSources(projectRoot, ['src/core']).filter((file) => !file.path.endsWith('.test.ts'));
  expect(files.map((file) => file.path)).toContain('src/core/pipeline.ts');
  expect(files.flatMap(findImpurities)).toEqual([]);
});

it.each([
  ['Date.now();', 'Date.now reads the clock'],
  ['const now = () => Date.now;', 'Date.now reads the clock'],
  ['new Date();', 'new Date() reads the clock'],
  ['new Date;', 'new Date() reads the clock'],
  ['Date();', 'Date() reads the clock'],
  ['[1].map(Math.random);', 'Math.random is chance'],
  ['const home = process.env.HOME;', 'process belongs to the platform'],
  ['const all = { process };', 'process belongs to the platform'],
  ['console.log(1);', 'console belongs to the platform'],
  ['globalThis.x;', 'globalThis belongs to the platform'],
  ['setTimeout(() => 1, 1);', 'setTimeout belongs to the platform'],
  ["'a'.localeCompare('b');", "localeCompare depends on the machine's language"],
  ["new Date('2026-01-20').getHours();", "getHours depends on the machine's time zone"],
  ['let count = 0;', 'a variable of the module outlives the call'],
])('sees %s', (text, problem) => {
  expect(findImpurities({ path: 'a.ts', text })).toEqual([`a.ts:1: ${problem}`]);
});

it.each([
  ["new Date('2026-01-20T19:04:11Z').getTime();"],
  ["Date.parse('2026-01-20');"],
  ['const read = (process: { readonly name: string }) => process.name;'],
  ['const facts = { process: 1, console: 2 };'],
  ['interface Facts { readonly process: string }'],
  ['function count() { let n = 0; n++; return n; }'],
])('lets pass %s', (text) => {
  expect(findImpurities({ path: 'a.ts', text })).toEqual([]);
});
