// Values in nftables' language as the JSON that nft prints for them: numbers, addresses, ranges, prefixes, names, flags,
// sets and their elements. Undefined where the text is none; the cursor then stands anywhere.
import type { Json } from '../../cluster-facts.ts';
import { parseAddress } from '../../../net/address.ts';
import { isAtEnd, peekWord, takeToken, takeWord } from './nft-tokens.ts';
import type { TokenCursor } from './nft-tokens.ts';
import { readInnerStatement } from './nft-text-limits.ts';

/** One word: `80`, `0x1`, `10.0.0.0/8`, `1-5`, `established`, `"eth*"`. */
export function readValue(cursor: TokenCursor): Json | undefined {
  const token = takeToken(cursor);
  if (token === undefined || /^[{}(),;]$/.test(token.text)) return undefined;
  if (!token.isQuoted) return actions.has(token.text) ? undefined : valueOfWord(token.text);
  // `"10:00"-"12:00"`
  if (!takeWord(cursor, '-')) return token.text;
  const last = takeToken(cursor);
  return last === undefined ? undefined : { range: [token.text, last.text] };
}

/** Words that are never values: a rule must not lose its verdict to a key that is not known. */
const actions: ReadonlySet<string> = new Set([
  ...[
    'accept',
    'drop',
    'continue',
    'return',
    'jump',
    'goto',
    'reject',
    'counter',
    'log',
    'limit',
    'queue',
    'vmap',
  ],
  ...['masquerade', 'redirect', 'notrack', 'comment'],
]);

export function valueOfWord(word: string): Json {
  if (/^(?:\d+|0x[0-9a-fA-F]+)$/.test(word)) return Number(word);
  const prefix = /^([0-9a-fA-F.:]+)\/(\d+)$/.exec(word);
  if (prefix !== null && parseAddress(prefix[1] ?? '') !== undefined) {
    return { prefix: { addr: prefix[1], len: Number(prefix[2]) } };
  }
  const [first = '', last, ...rest] = word.split('-');
  if (last !== undefined && rest.length === 0 && isRangeEnd(first) && isRangeEnd(last)) {
    return { range: [valueOfWord(first), valueOfWord(last)] };
  }
  return word;
}

function isRangeEnd(word: string): boolean {
  return /^(?:\d+|0x[0-9a-fA-F]+)$/.test(word) || parseAddress(word) !== undefined;
}

/** `syn | ack`, alone or in parentheses. */
function readCombination(cursor: TokenCursor): Json | undefined {
  const isInside = takeWord(cursor, '(');
  let value = readValue(cursor);
  while (value !== undefined && (takeWord(cursor, '|') || takeWord(cursor, 'or'))) {
    const next = readValue(cursor);
    value = next === undefined ? undefined : { '|': [value, next] };
  }
  return isInside && !takeWord(cursor, ')') ? undefined : value;
}

/** Values with ` . ` between them. */
export function readConcatenation(cursor: TokenCursor): Json | undefined {
  const parts: Json[] = [];
  do {
    const part = readCombination(cursor);
    if (part === undefined) return undefined;
    parts.push(part);
  } while (takeWord(cursor, '.'));
  return parts.length === 1 ? parts[0] : { concat: parts };
}

/** What stands to the right of a comparison: a set, the name of one, or values with commas between them. */
export function readRight(cursor: TokenCursor): Json | undefined {
  const word = peekWord(cursor);
  if (word === '{') return readSet(cursor);
  if (word === 'exists' || word === 'missing') {
    cursor.next++;
    return word === 'exists';
  }
  return readList(cursor);
}

/** `established,related`; one value is no list. */
export function readList(cursor: TokenCursor): Json | undefined {
  const values: Json[] = [];
  do {
    const value = readConcatenation(cursor);
    if (value === undefined) return undefined;
    values.push(value);
  } while (takeWord(cursor, ','));
  return values.length === 1 ? values[0] : values;
}

/** `{ 22, 80-90 : accept }` with its braces. */
export function readSet(cursor: TokenCursor): Json | undefined {
  if (!takeWord(cursor, '{')) return undefined;
  const elements = readElementList(cursor);
  return elements !== undefined && takeWord(cursor, '}') ? { set: elements } : undefined;
}

/** Elements up to the closing brace or the end; a comma may follow the last. */
export function readElementList(cursor: TokenCursor): readonly Json[] | undefined {
  const elements: Json[] = [];
  while (!isAtEnd(cursor) && peekWord(cursor) !== '}') {
    const element = readElement(cursor);
    if (element === undefined) return undefined;
    elements.push(element);
    if (!takeWord(cursor, ',')) break;
  }
  return elements;
}

function readElement(cursor: TokenCursor): Json | undefined {
  const value = readConcatenation(cursor);
  if (value === undefined) return undefined;
  const limits = readElementOptions(cursor);
  if (limits === undefined) return undefined;
  const key: Json = limits.length === 0 ? value : { elem: { val: value, stmt: limits } };
  if (!takeWord(cursor, ':')) return key;
  const data = readElementData(cursor);
  return data === undefined || readElementOptions(cursor) === undefined ? undefined : [key, data];
}

const elementWords: ReadonlySet<string> = new Set(['timeout', 'expires', 'comment']);

/** Reads past lifetimes, comments and counters; gives the statements that an element carries. */
export function readElementOptions(cursor: TokenCursor): readonly Json[] | undefined {
  const statements: Json[] = [];
  for (;;) {
    const word = peekWord(cursor);
    if (word !== undefined && elementWords.has(word)) {
      cursor.next++;
      if (takeToken(cursor) === undefined) return undefined;
      continue;
    }
    const statement = readInnerStatement(cursor);
    if (statement === 'none') return statements;
    if (statement === undefined) return undefined;
    statements.push(statement);
  }
}

function readElementData(cursor: TokenCursor): Json | undefined {
  return readVerdictWord(cursor) ?? readConcatenation(cursor);
}

export function readVerdictWord(cursor: TokenCursor): Json | undefined {
  const word = peekWord(cursor);
  if (word === 'accept' || word === 'drop' || word === 'continue' || word === 'return') {
    cursor.next++;
    return { [word]: null };
  }
  if (word !== 'jump' && word !== 'goto') return undefined;
  cursor.next++;
  const target = takeToken(cursor)?.text;
  return target === undefined ? undefined : { [word]: { target } };
}
