// Expressions of nftables' JSON as nft's own language. See format-nft.ts.
import type { Json } from '../../cluster-facts.ts';
import { listOf, numberOf, objectOf, textOf, wordOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { bodyOf, taggedOf, wordsIn } from './nft-json.ts';
import { icmpTypes, icmpv6Types } from './nft-names.ts';

/** Keys whose values are bits: a value without an operator asks for any of them. */
export function isFlagKey(expression: Json): boolean {
  const tagged = taggedOf(expression);
  const fields = objectOf(tagged?.body);
  if (tagged?.tag === 'ct') return ['state', 'status', 'label', 'event'].includes(textOf(fields?.key) ?? '');
  return tagged?.tag === 'payload' && fields?.protocol === 'tcp' && fields.field === 'flags';
}

/** How nft writes the values of a key: marks in hexadecimal, names of devices in quotes, ranges of types as numbers. */
type Spelling = 'hexadecimal' | 'quoted' | 'icmp' | 'icmpv6' | 'plain';

const quotedKeys: ReadonlySet<string> = new Set([
  ...['iif', 'oif', 'iifname', 'oifname', 'ibrname', 'obrname', 'sdif', 'sdifname', 'iifkind', 'oifkind'],
  ...['iifgroup', 'oifgroup', 'helper', 'day', 'hour', 'time'],
]);

export function spellingsOf(expression: Json | undefined): readonly Spelling[] {
  const parts = bodyOf(expression, 'concat');
  return (parts === undefined ? [expression] : listOf(parts)).map((part) => spellingOf(part));
}

function spellingOf(expression: Json | undefined): Spelling {
  const { tag = '', body } = taggedOf(expression) ?? {};
  if (operators.has(tag)) {
    return listOf(body).some((part) => spellingOf(part) === 'hexadecimal') ? 'hexadecimal' : 'plain';
  }
  const fields = objectOf(body) ?? {};
  const protocol = textOf(fields.protocol);
  if (protocol === 'icmp' || protocol === 'icmpv6') return protocol;
  const key = textOf(fields.key) ?? textOf(fields.result) ?? '';
  if (tag === 'osf') return 'quoted';
  if (tag !== 'meta' && tag !== 'ct' && tag !== 'fib') return 'plain';
  return key === 'mark' ? 'hexadecimal' : quotedKeys.has(key) ? 'quoted' : 'plain';
}

/** A value: sets in braces, flags with commas, and whatever an expression can be. */
export function formatRight(json: Json | undefined, spellings: readonly Spelling[] = []): string {
  if (Array.isArray(json))
    return listOf(json)
      .map((part) => formatRight(part, spellings))
      .join(',');
  const tagged = taggedOf(json);
  switch (tagged?.tag) {
    case 'set': {
      const entries = Array.isArray(tagged.body) ? listOf(tagged.body) : [tagged.body];
      return `{ ${entries.map((entry) => formatElement(entry, spellings)).join(', ')} }`;
    }
    case 'concat':
      return listOf(tagged.body)
        .map((part, index) => formatRight(part, spellings.slice(index, index + 1)))
        .join(' . ');
    case 'range':
      return listOf(tagged.body)
        .map((part) => formatRangeEnd(part, spellings[0]))
        .join('-');
    default:
      return spellValue(json, spellings[0] ?? 'plain') ?? formatExpression(json);
  }
}

function formatRangeEnd(json: Json, spelling: Spelling = 'plain'): string {
  const names = spelling === 'icmp' ? icmpTypes : spelling === 'icmpv6' ? icmpv6Types : undefined;
  const number = names?.get(textOf(json) ?? '');
  return number === undefined ? formatRight(json, [spelling]) : String(number);
}

function spellValue(json: Json | undefined, spelling: Spelling): string | undefined {
  if (spelling === 'hexadecimal' && typeof json === 'number')
    return `0x${json.toString(16).padStart(8, '0')}`;
  if (spelling !== 'quoted' || typeof json !== 'string') return undefined;
  return json.startsWith('@') || json === '*' || /^\d+$/.test(json) ? json : `"${json}"`;
}

/** An element of a set or, with its data, of a map. */
export function formatElement(json: Json, spellings: readonly Spelling[] = []): string {
  if (!Array.isArray(json)) return formatRight(json, spellings);
  const [key, data] = json as readonly Json[];
  return `${formatRight(key, spellings)} : ${formatVerdict(data) ?? formatRight(data)}`;
}

/** accept, drop, continue, return, jump and goto. */
export function formatVerdict(json: Json | undefined): string | undefined {
  const { tag = '', body } = taggedOf(json) ?? {};
  if (['accept', 'drop', 'continue', 'return'].includes(tag)) return tag;
  if (tag !== 'jump' && tag !== 'goto') return undefined;
  return `${tag} ${textOf(objectOf(body)?.target) ?? ''}`;
}

export function formatExpression(json: Json | undefined): string {
  const word = wordOf(json);
  if (word !== undefined) return /[\s,;{}()"]/.test(word) ? `"${word}"` : word;
  const tagged = taggedOf(json);
  if (tagged === undefined) {
    return Array.isArray(json) ? formatRight(json) : json === undefined ? '' : JSON.stringify(json);
  }
  const { tag, body } = tagged;
  const parts = listOf(body).map((part) => formatExpression(part));
  if (operators.has(tag)) {
    const spelling = tag === '<<' || tag === '>>' ? 'plain' : spellingOf(json);
    return listOf(body)
      .map((part) => spellValue(part, spelling) ?? formatExpression(part))
      .join(` ${tag} `);
  }
  if (tag === 'concat') return parts.join(' . ');
  if (tag === 'range') return parts.join('-');
  return formatObject(tag, objectOf(body) ?? {}) ?? JSON.stringify(json);
}

const operators: ReadonlySet<string> = new Set(['&', '|', '^', '<<', '>>']);

function joinWords(words: readonly (string | undefined)[]): string {
  return words.filter((word) => word !== undefined && word !== '').join(' ');
}

const expressionFormats: Readonly<Record<string, ((fields: JsonObject) => string) | undefined>> = {
  prefix: ({ addr, len }) => `${textOf(addr) ?? ''}/${String(numberOf(len) ?? '')}`,
  meta: ({ key }) => formatMeta(textOf(key) ?? ''),
  ct: ({ key, dir }) => joinWords(['ct', textOf(dir), textOf(key)]),
  payload: (fields) =>
    textOf(fields.base) === undefined
      ? joinWords([textOf(fields.protocol), textOf(fields.field)])
      : `@${textOf(fields.base) ?? ''},${wordOf(fields.offset) ?? ''},${wordOf(fields.len) ?? ''}`,
  fib: ({ result, flags }) => joinWords(['fib', wordsIn(flags).join(' . '), textOf(result)]),
  numgen: ({ mode, mod, offset }) =>
    joinWords(['numgen', textOf(mode), 'mod', wordOf(mod), ...formatOffset(offset)]),
  jhash: ({ expr, mod, seed, offset }) =>
    joinWords([
      'jhash',
      formatExpression(expr),
      'mod',
      wordOf(mod),
      ...(seed === undefined ? [] : ['seed', wordOf(seed)]),
      ...formatOffset(offset),
    ]),
  symhash: ({ mod, offset }) => joinWords(['symhash', 'mod', wordOf(mod), ...formatOffset(offset)]),
  map: ({ key, data }) => `${formatExpression(key)} map ${formatRight(data, spellingsOf(key))}`,
  elem: ({ val }) => formatExpression(val),
  rt: ({ family, key }) => joinWords(['rt', textOf(family), textOf(key)]),
  socket: ({ key }) => joinWords(['socket', textOf(key)]),
  'tcp option': ({ name, field }) => joinWords(['tcp option', textOf(name), textOf(field)]),
  'ip option': ({ name, field }) => joinWords(['ip option', textOf(name), textOf(field)]),
  'sctp chunk': ({ name, field }) => joinWords(['sctp chunk', textOf(name), textOf(field)]),
  exthdr: ({ name, field }) =>
    field === undefined ? joinWords(['exthdr', textOf(name)]) : joinWords([textOf(name), textOf(field)]),
  ipsec: ({ dir, family, key }) => joinWords(['ipsec', textOf(dir), textOf(family), textOf(key)]),
  osf: ({ key }) => joinWords(['osf', textOf(key)]),
};

function formatObject(tag: string, fields: JsonObject): string | undefined {
  return expressionFormats[tag]?.(fields);
}

function formatOffset(offset: Json | undefined): readonly (string | undefined)[] {
  return offset === undefined || offset === 0 ? [] : ['offset', wordOf(offset)];
}

/** The keys that nft prints without `meta` in front. */
const bareMetaKeys: ReadonlySet<string> = new Set([
  'iif',
  'oif',
  'iifname',
  'oifname',
  'iifgroup',
  'oifgroup',
]);

function formatMeta(key: string): string {
  return bareMetaKeys.has(key) ? key : `meta ${key}`;
}
