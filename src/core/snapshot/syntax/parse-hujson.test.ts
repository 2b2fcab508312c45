import { describe, expect, test } from 'vitest';
import { makeFile } from '../../../../test/evidence/make-file.ts';
import { parseHujson } from './parse-hujson.ts';

const parse = (text: string): unknown => parseHujson(makeFile('tailnet/policy.hujson', text));

describe('parseHujson', () => {
  test('takes comments and trailing commas away, and nothing in strings', () => {
    const text = `// who may
{
  /* all "of" them, */ "acls": [
    { "src": ["//not a comment", "a,]"], "dst": ["*:*"], }, // trailing
  ],
  "x": "\\"/*",
}`;
    expect(parse(text)).toMatchObject({
      isUnderstood: true,
      value: { acls: [{ src: ['//not a comment', 'a,]'], dst: ['*:*'] }], x: '"/*' },
    });
  });

  test('a comma before a comment before a bracket is trailing too', () => {
    expect(parse('[1, // one\n /* two */ ]')).toMatchObject({ isUnderstood: true, value: [1] });
  });

  test.each(['{"a": "x', '{"a": 1 /* never ends', '{,}', '[,]', '{"a" 1}', ''])(
    '%j is not HuJSON',
    (text) => {
      expect(parse(text)).toMatchObject({ isUnderstood: false });
    },
  );
});
