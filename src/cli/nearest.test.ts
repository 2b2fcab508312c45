import { describe, expect, test } from 'vitest';
import { findNearest, suggestNearest } from './nearest.ts';

describe('the nearest names', () => {
  test.each([
    ['dignose', ['diagnose', 'trace', 'fix'], ['diagnose']],
    ['tarce', ['diagnose', 'trace'], ['trace']],
    ['shop/web', ['shop/web-1', 'shop/web-2', 'other/db'], ['shop/web-1', 'shop/web-2']],
    ['frobnicate', ['diagnose', 'trace'], []],
    ['Trace', ['trace'], ['trace']],
    ['x', ['y', 'abc'], ['y']],
  ])('%s', (word, names, nearest) => {
    expect(findNearest(word, names)).toEqual(nearest);
  });

  test('a sentence that can be appended, or nothing', () => {
    expect(suggestNearest('fox', ['fix', 'fax', 'other'])).toBe(' Did you mean fax or fix?');
    expect(suggestNearest('zzz', ['fix'])).toBe('');
  });
});
