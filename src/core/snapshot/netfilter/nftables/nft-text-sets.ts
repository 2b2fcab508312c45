// The lines inside `set NAME { … }` and `map NAME { … }` of `nft list ruleset`.
import { partsOf } from './nft-json.ts';
import { typeOfExpression } from './nft-keys.ts';
import type { SetDraft, TableDraft } from './nft-table-draft.ts';
import { readExpression } from './nft-text-expressions.ts';
import { readSet } from './nft-text-values.ts';
import { bodyOf } from './nft-json.ts';
import { isAtEnd, openTokens } from './nft-tokens.ts';
import { listOf } from '../../syntax/parse-json.ts';

/** What says nothing about what the set holds: `size 65535`, `timeout 3h`… */
const settings: ReadonlySet<string> = new Set([
  'size',
  'timeout',
  'gc-interval',
  'policy',
  'auto-merge',
  'counter',
  'comment',
]);

export function addSetLine(table: TableDraft, set: SetDraft, text: string): void {
  const [word = ''] = text.split(' ', 1);
  const rest = text.slice(word.length).replace(/;$/, '').trim();
  if (word === 'type' || word === 'typeof') addTypes(table, set, rest, word === 'typeof');
  else if (word === 'flags') set.isDynamic = rest.split(/[, ]+/).includes('dynamic');
  else if (word === 'elements') addElements(set, rest.replace(/^=\s*/, ''));
  else if (!settings.has(word.replace(/;$/, ''))) addOpaque(set, text);
}

function addOpaque(set: SetDraft, text: string): void {
  set.opaque = set.opaque === undefined ? text : `${set.opaque}, ${text}`;
}

function addTypes(table: TableDraft, set: SetDraft, text: string, isExpression: boolean): void {
  const [key = '', data] = text.split(' : ');
  const read = (part: string): readonly string[] =>
    isExpression && part !== 'verdict' ? typesOfExpression(table, part) : part.split(' . ');
  set.keyTypes = read(key);
  if (data !== undefined) set.dataTypes = read(data.replace(/^interval /, ''));
}

/** An expression that is not understood is a type that is not. */
function typesOfExpression(table: TableDraft, text: string): readonly string[] {
  const cursor = openTokens(text);
  const expression = cursor === undefined ? undefined : readExpression(cursor);
  if (cursor === undefined || expression === undefined || !isAtEnd(cursor)) return [text];
  return partsOf(expression).map((part) => typeOfExpression(part, table.family));
}

function addElements(set: SetDraft, text: string): void {
  const cursor = openTokens(text);
  const elements = cursor === undefined ? undefined : readSet(cursor);
  if (cursor === undefined || elements === undefined || !isAtEnd(cursor)) addOpaque(set, text);
  else set.elements.push(...listOf(bodyOf(elements, 'set')));
}
