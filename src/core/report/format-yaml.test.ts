import { describe, expect, test } from 'vitest';
import { formatYaml } from './format-yaml.ts';

describe('YAML', () => {
  test('nested lists and objects', () => {
    const value = {
      a: [{ b: 1, c: ['x'] }, []],
      'odd key': { d: null, e: true },
      f: {},
      list: [[1, 2], 'y'],
    };
    expect(formatYaml(value)).toBe(
      `a:
  - b: 1
    c:
      - "x"
  - []
"odd key":
  d: null
  e: true
f: {}
list:
  - - 1
    - 2
  - "y"
`,
    );
  });

  test('texts that another reader would take for something else stay texts', () => {
    expect(formatYaml({ no: 'no', version: '1.10', empty: '', lines: 'a\nb: c', quote: '"' })).toBe(
      `"no": "no"
version: "1.10"
empty: ""
lines: "a\\nb: c"
quote: "\\""
`,
    );
  });

  test('what is undefined is left out, as in JSON', () => {
    expect(formatYaml({ a: undefined, b: 1 })).toBe('b: 1\n');
    expect(formatYaml([])).toBe('[]\n');
  });
});
