// `snat`, `dnat`, `masquerade`, `redirect` and `tproxy` in nftables' language, as the JSON that nft prints for them. The
// target is one word as far as it is constant: `10.0.0.1-10.0.0.9:80-90`, `[fd00::1]:80`, `:80`; either half can be a
// map instead (`:tcp dport map { 80 : 8080 }`).
import type { Json } from '../../cluster-facts.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { parseAddress } from '../../../net/address.ts';
import { readExpression, startsKey } from './nft-text-expressions.ts';
import { valueOfWord } from './nft-text-values.ts';
import { openTokens, peekWord, takeToken, takeWord } from './nft-tokens.ts';
import type { TokenCursor } from './nft-tokens.ts';

interface Target {
  readonly addr?: Json;
  readonly port?: Json;
}

export function readNatStatement(cursor: TokenCursor, word: string): JsonObject | undefined {
  const family = takeWord(cursor, 'ip') ? 'ip' : takeWord(cursor, 'ip6') ? 'ip6' : undefined;
  const isPrefix = takeTargetKind(cursor) === 'prefix';
  const target = readTarget(cursor, word);
  if (target === undefined) return undefined;
  const flags = readFlags(cursor);
  const fields: Json = {
    ...(family === undefined ? {} : { family }),
    ...target,
    ...(isPrefix ? { type_flags: 'prefix', flags: ['netmap', ...flags] } : flags.length > 0 ? { flags } : {}),
  };
  return { [word]: Object.keys(fields).length === 0 ? null : fields };
}

/** Releases before 1.0 print what a map holds: `dnat ip addr . port to …`, `dnat ip interval to …`. */
function takeTargetKind(cursor: TokenCursor): string | undefined {
  if (peekWord(cursor) === 'addr' && peekWord(cursor, 1) === '.') {
    cursor.next += 3;
    return 'addr . port';
  }
  const word = peekWord(cursor);
  return word === 'prefix' || word === 'interval' ? takeToken(cursor)?.text : undefined;
}

const natFlags: ReadonlySet<string> = new Set(['random', 'fully-random', 'persistent']);

function readFlags(cursor: TokenCursor): readonly string[] {
  const flags: string[] = [];
  while (natFlags.has(peekWord(cursor) ?? '')) {
    flags.push(takeToken(cursor)?.text ?? '');
    takeWord(cursor, ',');
  }
  return flags;
}

function readTarget(cursor: TokenCursor, word: string): Target | undefined {
  const isAnnounced = takeWord(cursor, 'to');
  // Only masquerade and redirect can do without; releases before 0.9 print `dnat 10.0.0.1`.
  if (!isAnnounced && (word === 'masquerade' || word === 'redirect')) return {};
  if (startsKey(cursor)) {
    const addr = readExpression(cursor);
    return addr === undefined ? undefined : readTargetPort(cursor, { addr });
  }
  const text = peekWord(cursor);
  if (text === undefined) return undefined;
  cursor.next++;
  return readTargetWord(cursor, text);
}

/** `… map { … } : 80` */
function readTargetPort(cursor: TokenCursor, target: Target): Target | undefined {
  if (!takeWord(cursor, ':')) return peekWord(cursor)?.startsWith(':') === true ? undefined : target;
  const port = startsKey(cursor) ? readExpression(cursor) : valueOfWord(takeToken(cursor)?.text ?? '');
  return port === undefined ? undefined : { ...target, port };
}

function readTargetWord(cursor: TokenCursor, text: string): Target | undefined {
  const { address, port } = splitTarget(text);
  const addr = address === '' ? undefined : readTargetAddress(address);
  if (address !== '' && addr === undefined) return undefined;
  const target: Target = addr === undefined ? {} : { addr };
  if (port === undefined) return target;
  if (/^\d/.test(port)) return { ...target, port: valueOfWord(port) };
  const expression = readPortMap(cursor, port);
  return expression === undefined ? undefined : { ...target, port: expression };
}

interface SplitTarget {
  readonly address: string;
  readonly port?: string;
}

function splitTarget(text: string): SplitTarget {
  const isIpv6 = text.startsWith('[') || (text.match(/:/g)?.length ?? 0) > 1;
  const colon = isIpv6 ? text.lastIndexOf(']:') + (text.includes(']:') ? 1 : 0) : text.indexOf(':');
  if (colon < 0 || (isIpv6 && !text.includes(']:'))) return { address: text };
  return { address: text.slice(0, colon), port: text.slice(colon + 1) };
}

function readTargetAddress(text: string): Json | undefined {
  const value = valueOfWord(text.replaceAll(/[[\]]/g, ''));
  if (typeof value !== 'string') return value;
  return parseAddress(value) === undefined ? undefined : value;
}

/** The first word of the port's expression was glued to the colon. */
function readPortMap(cursor: TokenCursor, firstWord: string): Json | undefined {
  const rest = cursor.source.slice(cursor.tokens[cursor.next]?.at ?? cursor.source.length);
  const glued = openTokens(`${firstWord} ${rest}`);
  const expression = glued === undefined ? undefined : readExpression(glued);
  if (glued === undefined || expression === undefined) return undefined;
  cursor.next += glued.next - 1;
  return expression;
}
