// The documents' check fires on what it is for: links, files and commands that are not there.
import { expect, it } from 'vitest';
import { checkDocument } from './check-documents.mjs';

const known = { scripts: new Set(['peers']), commands: new Set(['diagnose']) };
const exists = (path) => ['docs/limits.md', 'src/core/pipeline.ts', 'LICENSE'].includes(path);
const check = (text, path = 'README.md') => checkDocument(path, text, known, exists);

it.each([
  ['[limits](docs/limits.md) and [the web](https://example.org/x)'],
  ['[up](../LICENSE)', 'docs/x.md'],
  ['# The *first* line\n[there](#the-first-line)'],
  ['Open `src/core/pipeline.ts`, one of `src/core/<stage>/*.ts`.'],
  ['`npm run peers`, then `waylaid diagnose --lab`'],
  ['waylaid finds packets; the waylaid lab is nice'],
])('lets pass: %s', (text, path) => {
  expect(check(text, path)).toEqual([]);
});

it.each([
  ['[gone](docs/gone.md)', 'README.md:1: links to docs/gone.md, which does not exist'],
  ['\n[there](#nowhere)', 'README.md:2: there is no heading for #nowhere'],
  ['See `src/core/gone.ts`.', 'README.md:1: names src/core/gone.ts, which does not exist'],
  ['`npm run gone`', 'README.md:1: npm run gone does not exist'],
  ['`waylaid gone`', 'README.md:1: waylaid gone does not exist'],
  ['$ waylaid gone --x', 'README.md:1: waylaid gone does not exist'],
  ['```\nwaylaid gone\n```', 'README.md:2: waylaid gone does not exist'],
  ['npm start -- gone --x', 'README.md:1: waylaid gone does not exist'],
])('sees: %s', (text, problem) => {
  expect(check(text)).toEqual([problem]);
});
