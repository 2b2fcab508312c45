// A rule in nftables' language as the statements that `nft -j` prints for it. In: one rule's text. Out: its statements,
// in order. From where it is not understood on, the rest is one statement `{"text": …}` with the words as written.
import type { Json } from '../../cluster-facts.ts';
import { isFlagKey } from './format-nft-expression.ts';
import { taggedOf } from './nft-json.ts';
import { readAction } from './nft-text-actions.ts';
import { readExpression, readMapData, startsKey } from './nft-text-expressions.ts';
import { readInnerStatement } from './nft-text-limits.ts';
import { readList, readRight, readVerdictWord } from './nft-text-values.ts';
import { isAtEnd, openTokens, peekWord, takeWord, textBetween } from './nft-tokens.ts';
import type { TokenCursor } from './nft-tokens.ts';

export function readTextStatements(text: string): readonly Json[] {
  const cursor = openTokens(text);
  if (cursor === undefined) return [{ text: text.trim() }];
  const statements: Json[] = [];
  while (!isAtEnd(cursor)) {
    if (takeWord(cursor, ';')) continue;
    const start = cursor.next;
    const statement = readStatement(cursor);
    if (statement === undefined || cursor.next === start) {
      statements.push({ text: textBetween(cursor, start) });
      break;
    }
    statements.push(statement);
  }
  return statements;
}

function readStatement(cursor: TokenCursor): Json | undefined {
  const verdict = readVerdictWord(cursor);
  if (verdict !== undefined) return verdict;
  const counting = readInnerStatement(cursor);
  if (counting !== 'none') return counting;
  const action = readAction(cursor);
  if (action !== 'none') return action;
  // A word that is not known may be a statement: what follows it is then no value.
  if (!startsKey(cursor) && peekWord(cursor) !== '(') return undefined;
  const left = readExpression(cursor);
  if (left === undefined) return undefined;
  if (takeWord(cursor, 'set')) return readMangle(cursor, left);
  if (takeWord(cursor, 'vmap')) {
    const data = readMapData(cursor);
    return data === undefined ? undefined : { vmap: { key: left, data } };
  }
  return readMatch(cursor, left);
}

/** `ct helper set "x"` is a statement of its own in JSON, and no assignment. */
function readMangle(cursor: TokenCursor, key: Json): Json | undefined {
  const value = readExpression(cursor);
  if (value === undefined) return undefined;
  if (!takeWord(cursor, ',')) return { mangle: { key, value } };
  const rest = readList(cursor);
  if (rest === undefined) return undefined;
  return { mangle: { key, value: [value, ...(Array.isArray(rest) ? (rest as readonly Json[]) : [rest])] } };
}

const operators: ReadonlyMap<string, string> = new Map([
  ...['==', '!=', '<', '>', '<=', '>=', '!'].map((word): [string, string] => [word, word]),
  ['eq', '=='],
  ['ne', '!='],
  ['lt', '<'],
  ['gt', '>'],
  ['le', '<='],
  ['ge', '>='],
]);

function readMatch(cursor: TokenCursor, left: Json): Json | undefined {
  const written = operators.get(peekWord(cursor) ?? '');
  if (written !== undefined) cursor.next++;
  const right = readRight(cursor);
  if (right === undefined) return undefined;
  if (takeWord(cursor, '/')) {
    const mask = readList(cursor);
    return mask === undefined
      ? undefined
      : { match: { op: written ?? '==', left: { '&': [left, mask] }, right } };
  }
  return { match: { op: written ?? implicitOperator(left, right), left, right } };
}

/** Without an operator, flags are asked for any of them; but sets and combinations are compared as a whole. */
function implicitOperator(left: Json, right: Json): string {
  const isNamed = typeof right === 'string' && right.startsWith('@');
  const tag = taggedOf(right)?.tag;
  return isFlagKey(left) && !isNamed && tag !== 'set' && tag !== '|' ? 'in' : '==';
}
