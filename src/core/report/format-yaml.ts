// Plain data as YAML, for people who asked for `-o yaml`. Every text is double-quoted, as JSON writes it, which YAML 1.2
// reads the same: nothing can turn into a number, a date or a `no`.

const plainKey = /^[A-Za-z][A-Za-z0-9_-]*$/;
/** Words that some YAML reader takes for a boolean or nothing, even as a key. */
const reserved = /^(?:y|n|yes|no|on|off|true|false|null)$/i;

export function formatYaml(value: unknown): string {
  return isLeaf(value) ? `${formatLeaf(value)}\n` : `${formatLines(value, 0).join('\n')}\n`;
}

function formatLines(value: unknown, depth: number): string[] {
  const indent = '  '.repeat(depth);
  if (Array.isArray(value)) {
    return value.flatMap((item: unknown) => {
      if (isLeaf(item)) return [`${indent}- ${formatLeaf(item)}`];
      const [first = '', ...rest] = formatLines(item, depth + 1);
      return [`${indent}- ${first.trimStart()}`, ...rest];
    });
  }
  return entriesOf(value).flatMap(([key, item]) => {
    const name = plainKey.test(key) && !reserved.test(key) ? key : JSON.stringify(key);
    if (isLeaf(item)) return [`${indent}${name}: ${formatLeaf(item)}`];
    return [`${indent}${name}:`, ...formatLines(item, depth + 1)];
  });
}

function isLeaf(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  return typeof value !== 'object' || value === null || entriesOf(value).length === 0;
}

function formatLeaf(value: unknown): string {
  if (Array.isArray(value)) return '[]';
  if (typeof value === 'object' && value !== null) return '{}';
  return JSON.stringify(value ?? null);
}

/** As in JSON: what is undefined is left out. */
function entriesOf(value: unknown): [string, unknown][] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).filter(([, item]) => item !== undefined);
}
