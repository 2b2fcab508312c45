import { describe, expect, test } from 'vitest';
import { chooseStyle } from './terminal.ts';

const terminal = { isTTY: true, columns: 120 };
const pipe = { isTTY: false };

function isColoured(stream: { isTTY: boolean }, environment: Record<string, string>): boolean {
  return chooseStyle(stream, environment, false).paint('bad', 'x') !== 'x';
}

describe('colour', () => {
  test.each([
    [terminal, {}, true],
    [pipe, {}, false],
    [terminal, { NO_COLOR: '1' }, false],
    [terminal, { NO_COLOR: '' }, true],
    [pipe, { FORCE_COLOR: '1' }, true],
    [terminal, { FORCE_COLOR: '0' }, false],
    [pipe, { FORCE_COLOR: '1', NO_COLOR: '1' }, false],
    [terminal, { TERM: 'dumb' }, false],
    [terminal, { CLICOLOR: '0' }, false],
    [pipe, { TERM: 'dumb', FORCE_COLOR: '1' }, true],
  ])('%j %j', (stream, environment, expected) => {
    expect(isColoured(stream, environment)).toBe(expected);
  });
});

describe('width', () => {
  test.each([
    [terminal, {}, 120],
    [pipe, {}, 80],
    [pipe, { COLUMNS: '50' }, 50],
    [pipe, { COLUMNS: 'wide' }, 80],
    [terminal, { COLUMNS: '50' }, 120],
    [{ isTTY: true, columns: 0 }, {}, 80],
  ])('%j %j', (stream, environment, width) => {
    expect(chooseStyle(stream, environment, false).width).toBe(width);
  });
});

describe('signs', () => {
  test.each([
    [{}, false],
    [{ LANG: 'de_DE.UTF-8' }, false],
    [{ LANG: 'C.utf8' }, false],
    [{ LANG: 'C' }, true],
    [{ LANG: 'en_US.UTF-8', LC_ALL: 'POSIX' }, true],
    [{ LC_ALL: '', LANG: 'en_US.ISO-8859-1' }, true],
    [{ LANG: 'en_US.UTF-8', TERM: 'linux' }, true],
  ])('%j', (environment, isAscii) => {
    expect(chooseStyle(terminal, environment, false).isAscii).toBe(isAscii);
  });
});
