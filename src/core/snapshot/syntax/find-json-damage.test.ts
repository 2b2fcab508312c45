import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { describeJsonDamage, findJsonDamage } from './find-json-damage.ts';

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('findJsonDamage', () => {
  test('finds none in JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(undefined, 1, '\t'), (value, indent) => {
        expect(findJsonDamage(encode(JSON.stringify(value, null, indent)))).toBeUndefined();
      }),
    );
  });

  test('an object or list that ends early is cut off where it ends', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { minLength: 1 }), fc.nat(), (value, position) => {
        const bytes = encode(JSON.stringify(value));
        const end = 1 + (position % (bytes.length - 1));
        expect(findJsonDamage(bytes.subarray(0, end))).toEqual({ byte: end, isCutOff: true });
      }),
    );
  });

  test('is never silent about what JSON.parse refuses, but for the inside of strings', () => {
    fc.assert(
      fc.property(
        fc.jsonValue(),
        fc.nat(),
        fc.constantFrom('{', '}', '[', ']', ',', ':', 'x', '1', '-', '.', ' '),
        (value, position, noise) => {
          const text = JSON.stringify(value);
          const at = position % text.length;
          const damaged = text.slice(0, at) + noise + text.slice(at + 1);
          let isJson = true;
          try {
            JSON.parse(damaged);
          } catch {
            isJson = false;
          }
          const hasEscape = damaged.includes('\\');
          if (!hasEscape) expect(findJsonDamage(encode(damaged)) === undefined).toBe(isJson);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test.each([
    ['{"a":1,\n "b" 2}', 'not JSON at byte 13 (line 2)'],
    ['[1,2', 'cut off at byte 4'],
    ['[{"a":"x', 'cut off at byte 8'],
    ['[1]]', 'not JSON at byte 3 (line 1)'],
    ['Error: no such file\n', 'not JSON at byte 0 (line 1)'],
    ['["\\x"]', 'not JSON (a bad escape or control character inside a string)'],
    ['[tru', 'cut off at byte 4'],
    ['[1}', 'not JSON at byte 2 (line 1)'],
  ])('%j is %s', (text, words) => {
    expect(describeJsonDamage(encode(text))).toBe(words);
  });
});
