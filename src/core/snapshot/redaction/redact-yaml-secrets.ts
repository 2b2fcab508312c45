// Secrets that somebody printed as YAML (`kubectl get secret -o yaml`), in any text.
// In: a text. Out: the text with the values under `data:` and `stringData:` replaced, in documents that speak of a Secret; base64
// stays base64. Values that go over several lines are replaced as a whole.
import { decodeBase64Text, encodeBase64Text } from './base64.ts';
import { readString } from './json-strings.ts';
import type { Pseudonyms } from './pseudonyms.ts';
import { redactSecretValue } from './secret-value.ts';
import type { JsonRedaction } from './secret-value.ts';

const secretKind = /^[ \t]*(?:- )?kind:[ \t]*["']?Secret(?:List)?["']?[ \t]*$/m;

export function redactYamlSecrets(
  text: string,
  pseudonyms: Pseudonyms,
  redactJsonText: JsonRedaction,
): string {
  if (!secretKind.test(text)) return text;
  const context = { pseudonyms, redactJsonText };
  return text
    .split(/^(?=---)/m)
    .map((document) => (secretKind.test(document) ? redactDocument(document, context) : document))
    .join('');
}

interface Context {
  readonly pseudonyms: Pseudonyms;
  readonly redactJsonText: JsonRedaction;
}

const section = /^([ ]*)(?:- )?(data|stringData):[ \t]*\r?$/;
const member = /^([ ]+)(["']?[\w.-]+["']?):(?:[ \t]+(.*?))?[ \t]*\r?$/;

function redactDocument(document: string, context: Context): string {
  const lines = document.split('\n');
  const result: string[] = [];
  let inside: Section | undefined;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? '';
    if (inside !== undefined && line.trim() !== '' && indentOf(line) <= inside.indent) inside = undefined;
    const found = inside === undefined ? null : member.exec(line);
    if (inside === undefined || found === null) {
      inside ??= openSection(line);
      result.push(line);
      continue;
    }
    const block = blockBelow(lines, index);
    result.push(redactFound(found, block, inside, context));
    index += block.length;
  }
  return result.join('\n');
}

interface Section {
  readonly indent: number;
  readonly isBase64: boolean;
}

function openSection(line: string): Section | undefined {
  const opened = section.exec(line);
  if (opened === null) return undefined;
  return { indent: opened[1]?.length ?? 0, isBase64: opened[2] === 'data' };
}

function redactFound(found: RegExpExecArray, block: string[], inside: Section, context: Context): string {
  const [, indent = '', spelled = '', inline = ''] = found;
  const joined = block.map((part) => part.trim()).join(inside.isBase64 ? '' : '\n');
  const value = block.length > 0 ? joined : unquote(inline);
  return `${indent}${spelled}: ${redactMember(spelled.replace(/["']/g, ''), value, inside.isBase64, context)}`;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}

/** The lines that continue a member: deeper than it. */
function blockBelow(lines: readonly string[], index: number): string[] {
  const indent = indentOf(lines[index] ?? '');
  const block: string[] = [];
  for (let next = index + 1; next < lines.length; next++) {
    const line = lines[next] ?? '';
    if (line.trim() !== '' && indentOf(line) <= indent) break;
    block.push(line);
  }
  while (block.length > 0 && block.at(-1)?.trim() === '') block.pop();
  return block;
}

function unquote(value: string): string {
  if (/^'.*'$/.test(value)) return value.slice(1, -1).replaceAll("''", "'");
  return /^".*"$/.test(value) ? readString(value, 0, value.length) : value;
}

function redactMember(key: string, value: string, isBase64: boolean, context: Context): string {
  const judge = (text: string): string =>
    redactSecretValue(key, text, context.pseudonyms, context.redactJsonText);
  if (!isBase64) return JSON.stringify(judge(value));
  const text = decodeBase64Text(value);
  return encodeBase64Text(text === undefined ? context.pseudonyms.secret(value) : judge(text));
}
