// Expressions in nftables' language (what a packet has, and arithmetic on it) as the JSON that nft prints for them. In:
// a cursor. Out: the expression, or undefined where none is understood; the cursor then stands anywhere.
import type { Json } from '../../cluster-facts.ts';
import { isAtEnd, peekWord, takeToken, takeWord } from './nft-tokens.ts';
import type { TokenCursor } from './nft-tokens.ts';
import { takeNumber } from './nft-text-limits.ts';
import { readSet, readValue } from './nft-text-values.ts';

/** An expression, its parts joined by ` . `, with `map …` behind it where there is one. */
export function readExpression(cursor: TokenCursor): Json | undefined {
  const parts: Json[] = [];
  do {
    const part = readOperation(cursor, 0);
    if (part === undefined) return undefined;
    parts.push(part);
  } while (takeWord(cursor, '.'));
  const key = parts.length === 1 ? parts[0] : { concat: parts };
  if (key === undefined || !takeWord(cursor, 'map')) return key;
  const data = readMapData(cursor);
  return data === undefined ? undefined : { map: { key, data } };
}

/** `{ … }` or `@name`. */
export function readMapData(cursor: TokenCursor): Json | undefined {
  const word = peekWord(cursor);
  if (word === '{') return readSet(cursor);
  return word?.startsWith('@') === true ? takeToken(cursor)?.text : undefined;
}

/** From the loosest to the tightest, each with the word that releases before 1.0 and translations of iptables print. */
const levels: readonly ReadonlyMap<string, string>[] = [
  new Map([
    ['|', '|'],
    ['or', '|'],
  ]),
  new Map([
    ['^', '^'],
    ['xor', '^'],
  ]),
  new Map([
    ['&', '&'],
    ['and', '&'],
  ]),
  new Map([
    ['<<', '<<'],
    ['lshift', '<<'],
    ['>>', '>>'],
    ['rshift', '>>'],
  ]),
];

function readOperation(cursor: TokenCursor, level: number): Json | undefined {
  const operators = levels[level];
  if (operators === undefined) return readOperand(cursor);
  let left = readOperation(cursor, level + 1);
  for (;;) {
    const operator = operators.get(peekWord(cursor) ?? '');
    if (operator === undefined || left === undefined) return left;
    cursor.next++;
    const right = readOperation(cursor, level + 1);
    left = right === undefined ? undefined : { [operator]: [left, right] };
  }
}

function readOperand(cursor: TokenCursor): Json | undefined {
  if (takeWord(cursor, '(')) {
    const inner = readOperation(cursor, 0);
    return takeWord(cursor, ')') ? inner : undefined;
  }
  const word = peekWord(cursor) ?? '';
  if (startsKey(cursor)) return readKeyword(cursor, word);
  return readValue(cursor);
}

/** Whether the next words look at a packet; the same words can be values (`meta protocol ip`). */
export function startsKey(cursor: TokenCursor): boolean {
  const word = peekWord(cursor);
  if (word === undefined || isAtEnd(cursor)) return false;
  if (keywordReaders[word] !== undefined || bareKeys.has(word) || word.startsWith('@')) {
    return /^@(?:ll|nh|th|ih),/.test(word) || !word.startsWith('@');
  }
  const next = peekWord(cursor, 1);
  return (headers.has(word) || extensionHeaders.has(word)) && next !== undefined && /^[a-z]/.test(next);
}

function readKeyword(cursor: TokenCursor, word: string): Json | undefined {
  cursor.next++;
  if (word.startsWith('@')) {
    const [base = '', offset, len] = word.slice(1).split(',');
    return { payload: { base, offset: Number(offset), len: Number(len) } };
  }
  const read = keywordReaders[word];
  if (read !== undefined) return read(cursor);
  if (bareKeys.has(word)) return { meta: { key: word } };
  return readHeader(cursor, word);
}

function takeName(cursor: TokenCursor): string | undefined {
  const token = takeToken(cursor);
  return token === undefined || token.isQuoted || /^[{}(),;]$/.test(token.text) ? undefined : token.text;
}

const bareKeys: ReadonlySet<string> = new Set([
  ...['iif', 'oif', 'iifname', 'oifname', 'iiftype', 'oiftype', 'iifgroup', 'oifgroup', 'ibrname', 'obrname'],
  ...['ibriport', 'obriport', 'mark', 'skuid', 'skgid', 'nftrace', 'rtclassid', 'pkttype', 'cpu', 'cgroup'],
]);

const headers: ReadonlySet<string> = new Set([
  ...[
    'ip',
    'ip6',
    'tcp',
    'udp',
    'udplite',
    'th',
    'icmp',
    'icmpv6',
    'igmp',
    'sctp',
    'dccp',
    'ether',
    'vlan',
    'arp',
  ],
  ...['ah', 'esp', 'comp', 'gre', 'geneve', 'gretap', 'vxlan'],
]);

const extensionHeaders: ReadonlySet<string> = new Set(['hbh', 'frag', 'dst', 'mh', 'srh']);

function readHeader(cursor: TokenCursor, word: string): Json | undefined {
  const field = takeName(cursor);
  if (field === undefined) return undefined;
  if (extensionHeaders.has(word)) return { exthdr: { name: word, field } };
  if (field === 'option' || field === 'chunk') return readOption(cursor, `${word} ${field}`);
  return { payload: { protocol: word, field } };
}

const afterOption: ReadonlySet<string> = new Set(['exists', 'missing', '==', '!=', '{', 'set']);

function readOption(cursor: TokenCursor, tag: string): Json | undefined {
  const name = takeName(cursor);
  const next = peekWord(cursor);
  if (name === undefined) return undefined;
  if (next === undefined || afterOption.has(next)) return { [tag]: { name } };
  cursor.next++;
  return { [tag]: { name, field: next } };
}

type KeywordReader = (cursor: TokenCursor) => Json | undefined;

function readConnection(cursor: TokenCursor): Json | undefined {
  const first = takeName(cursor);
  const dir = first === 'original' || first === 'reply' ? first : undefined;
  const name = dir === undefined ? first : takeName(cursor);
  if (name === undefined) return undefined;
  const rest = name === 'ip' || name === 'ip6' ? ` ${takeName(cursor) ?? ''}` : '';
  return { ct: { key: `${name}${rest}`, ...(dir === undefined ? {} : { dir }) } };
}

const routeResults: ReadonlySet<string> = new Set(['type', 'oif', 'oifname']);

function readRoute(cursor: TokenCursor): Json | undefined {
  const flags: string[] = [];
  do {
    const flag = takeName(cursor);
    if (flag === undefined) return undefined;
    flags.push(flag);
  } while (takeWord(cursor, '.'));
  const result = takeName(cursor);
  return result === undefined || !routeResults.has(result) ? undefined : { fib: { result, flags } };
}

/** `mod 2 seed 0x1 offset 3` */
function readModulus(cursor: TokenCursor): { readonly [key: string]: number } | undefined {
  if (!takeWord(cursor, 'mod')) return undefined;
  const mod = takeNumber(cursor);
  if (mod === undefined) return undefined;
  const settings: Record<string, number> = { mod };
  for (const key of ['seed', 'offset']) {
    if (!takeWord(cursor, key)) continue;
    const number = takeNumber(cursor);
    if (number === undefined) return undefined;
    settings[key] = number;
  }
  return settings;
}

function readRandom(cursor: TokenCursor): Json | undefined {
  const mode = takeName(cursor);
  const modulus = readModulus(cursor);
  return mode === undefined || modulus === undefined
    ? undefined
    : { numgen: { mode, offset: 0, ...modulus } };
}

function readHash(cursor: TokenCursor): Json | undefined {
  const expr = readExpression(cursor);
  const modulus = readModulus(cursor);
  return expr === undefined || modulus === undefined ? undefined : { jhash: { ...modulus, expr } };
}

function readSymmetricHash(cursor: TokenCursor): Json | undefined {
  const modulus = readModulus(cursor);
  return modulus === undefined ? undefined : { symhash: modulus };
}

function readRouteHint(cursor: TokenCursor): Json | undefined {
  const family = takeWord(cursor, 'ip') ? 'ip' : takeWord(cursor, 'ip6') ? 'ip6' : undefined;
  const key = takeName(cursor);
  return key === undefined ? undefined : { rt: { key, ...(family === undefined ? {} : { family }) } };
}

function readSocket(cursor: TokenCursor): Json | undefined {
  const key = takeName(cursor);
  if (key === undefined) return undefined;
  if (!takeWord(cursor, 'level')) return { socket: { key } };
  const level = takeNumber(cursor);
  return level === undefined ? undefined : { socket: { key, level } };
}

function readIpsec(cursor: TokenCursor): Json | undefined {
  const dir = takeName(cursor);
  const spnum = takeWord(cursor, 'spnum') ? (takeNumber(cursor) ?? 0) : 0;
  const family = takeWord(cursor, 'ip') ? 'ip' : takeWord(cursor, 'ip6') ? 'ip6' : undefined;
  const key = takeName(cursor);
  if (dir === undefined || key === undefined) return undefined;
  return { ipsec: { key, dir, spnum, ...(family === undefined ? {} : { family }) } };
}

function readFingerprint(cursor: TokenCursor): Json | undefined {
  if (takeWord(cursor, 'ttl')) cursor.next++;
  const key = takeName(cursor);
  return key === undefined ? undefined : { osf: { key } };
}

function keyReader(tag: string, field: string): KeywordReader {
  return (cursor) => {
    const name = takeName(cursor);
    return name === undefined ? undefined : { [tag]: { [field]: name } };
  };
}

const keywordReaders: Readonly<Record<string, KeywordReader | undefined>> = {
  meta: keyReader('meta', 'key'),
  exthdr: keyReader('exthdr', 'name'),
  ct: readConnection,
  fib: readRoute,
  numgen: readRandom,
  jhash: readHash,
  symhash: readSymmetricHash,
  rt: readRouteHint,
  socket: readSocket,
  ipsec: readIpsec,
  osf: readFingerprint,
};
