import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandLines, formatArgv } from './shell-words.ts';

describe('commands as a person can paste them', () => {
  test('plain words stay plain', () => {
    expect(formatArgv(['ip', 'rule', 'add', 'to', '10.42.0.0/16', 'priority', '5100'])).toBe(
      'ip rule add to 10.42.0.0/16 priority 5100',
    );
  });

  test('a shell reads back exactly the words', () => {
    const words = fc.array(fc.string({ unit: 'grapheme', maxLength: 12 }), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(words, (argv) => {
        const shown = execFileSync('sh', ['-c', `printf '%s\\0' ${formatArgv(argv)}`], { encoding: 'utf8' });
        expect(shown.split('\0').slice(0, -1)).toEqual(argv);
      }),
      { numRuns: 50 },
    );
  });

  test('input is a here-document that a shell takes as it stands', () => {
    const stdin = "[Unit]\nEND\n$HOME `id` 'x'\n";
    const lines = commandLines({ on: 'node/a', argv: ['cat'], stdin }, 4);
    expect(execFileSync('sh', ['-c', lines.join('\n')], { encoding: 'utf8' })).toBe(stdin);
  });
});
