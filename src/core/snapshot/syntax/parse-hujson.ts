// HuJSON (JSON with comments and trailing commas), the language of a tailnet's policy file. Comments and trailing
// commas become spaces, so that positions in what is parsed are positions in the file.
import type { BundleFile } from '../bundle-file.ts';
import type { Json } from '../cluster-facts.ts';
import { parseJsonText } from './parse-json.ts';
import { notUnderstood, understood } from './reading.ts';
import type { Reading } from './reading.ts';

export function parseHujson(file: BundleFile): Reading<Json> {
  const plain = plainJson(file.text());
  const value = plain === undefined ? undefined : parseJsonText(plain);
  return value === undefined ? notUnderstood('not HuJSON') : understood(value);
}

/** Undefined where a string or a comment does not end. */
function plainJson(text: string): string | undefined {
  const token = /"(?:[^"\\]|\\[^])*"|\/\/[^\n]*|\/\*[^]*?\*\/|["/]/g;
  const tokens: readonly string[] = text.match(token) ?? [];
  if (tokens.includes('"') || tokens.includes('/')) return undefined;
  const withoutComments = text.replace(token, (found) => (found.startsWith('/') ? blank(found) : found));
  // Only now can a comma be seen to be the last: a comment may stand between it and the bracket.
  return withoutComments.replace(/"(?:[^"\\]|\\[^])*"|(?<=[^\s[{,:]\s*),(?=\s*[\]}])/g, (found) =>
    found === ',' ? ' ' : found,
  );
}

function blank(text: string): string {
  return text.replace(/[^\n]/g, ' ');
}
