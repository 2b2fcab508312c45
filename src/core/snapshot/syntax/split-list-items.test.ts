import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { splitListItems } from './split-list-items.ts';

function split(text: string): unknown {
  const bytes = new TextEncoder().encode(text);
  const decode = (start: number, end: number): string => new TextDecoder().decode(bytes.subarray(start, end));
  const layout = splitListItems(bytes, decode);
  if (layout === undefined) return undefined;
  const parse = ({ start, end }: { start: number; end: number }): unknown => JSON.parse(decode(start, end));
  return {
    items: layout.items.map(parse),
    fields: layout.fields.map(({ key, value }) => [parse(key), parse(value)]),
  };
}

/** JSON with whitespace of every kind where it may stand. */
function spacious(value: unknown, spaces: readonly string[]): string {
  let at = 0;
  const space = (): string => spaces[at++ % spaces.length] ?? '';
  const write = (part: unknown): string => {
    if (Array.isArray(part)) return `${space()}[${space()}${part.map(write).join(',')}${space()}]${space()}`;
    if (typeof part === 'object' && part !== null) {
      const fields = Object.entries(part).map(
        ([key, field]) => `${space()}${JSON.stringify(key)}${space()}:${write(field)}`,
      );
      return `${space()}{${fields.join(',')}${space()}}${space()}`;
    }
    return `${space()}${JSON.stringify(part)}${space()}`;
  };
  return write(value);
}

const spaces = fc.array(fc.constantFrom('', ' ', '\n', '\t', '\r\n', '  \n '), { minLength: 1 });
const plain = fc.jsonValue({ maxDepth: 4 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);

describe('splitListItems', () => {
  test('gives what JSON.parse gives, whatever the whitespace and the strings', () => {
    fc.assert(
      fc.property(fc.array(plain), plain, spaces, fc.boolean(), (items, other, gaps, isLast) => {
        const list = isLast ? { kind: other, items } : { items, 'k"\\{[': other };
        const text = spacious(list, gaps);
        const whole = JSON.parse(text) as { items: unknown[] };
        const { items: parsed, ...rest } = whole;
        expect(split(text)).toEqual({ items: parsed, fields: Object.entries(rest) });
      }),
    );
  });

  test('text that JSON.parse refuses is refused as a whole or in one of its parts', () => {
    fc.assert(
      fc.property(
        fc.array(plain),
        fc.nat(),
        fc.string({ unit: 'binary', maxLength: 3 }),
        (items, position, noise) => {
          const text = JSON.stringify({ kind: 'List', items });
          const at = position % text.length;
          const damaged = text.slice(0, at) + noise + text.slice(at + 1);
          let isJson = true;
          try {
            JSON.parse(damaged);
          } catch {
            isJson = false;
          }
          const attempt = (): unknown => split(damaged);
          if (isJson) expect(attempt).not.toThrow();
          else expect(isRefused(attempt)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  test('a key written with escapes is the same key', () => {
    expect(split('{"it\\u0065ms":[1,"]",{"a":"\\"}"}]}')).toEqual({
      items: [1, ']', { a: '"}' }],
      fields: [],
    });
  });

  test.each([
    '',
    '[]',
    '{"a":1}',
    '{"items":null}',
    '{"items":{}}',
    '{"items":[1,]}',
    '{"items":[1]',
    '{"items":[1]}x',
  ])('is no list with items: %s', (text) => {
    expect(split(text)).toBeUndefined();
  });

  test('a byte order mark is no damage', () => {
    expect(split('\uFEFF{"items":[1]}')).toEqual({ items: [1], fields: [] });
  });
});

function isRefused(attempt: () => unknown): boolean {
  try {
    return attempt() === undefined;
  } catch {
    return true;
  }
}
