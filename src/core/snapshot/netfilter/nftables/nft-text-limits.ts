// Statements that count or limit, in nftables' language, as the JSON that nft prints for them. They stand in rules and
// inside the elements of sets.
import type { Json } from '../../cluster-facts.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { peekWord, takeToken, takeWord } from './nft-tokens.ts';
import type { TokenCursor } from './nft-tokens.ts';

/** `none` where no such statement begins; undefined where one begins and is not understood. */
export function readInnerStatement(cursor: TokenCursor): JsonObject | 'none' | undefined {
  const word = peekWord(cursor);
  if (word === 'limit') return readLimit(cursor);
  if (word === 'quota') return readQuota(cursor);
  if (word === 'last') return readLast(cursor);
  if (word === 'counter' && peekWord(cursor, 1) !== 'name') return readCounter(cursor);
  return word === 'ct' && peekWord(cursor, 1) === 'count' ? readConnectionCount(cursor) : 'none';
}

export function takeNumber(cursor: TokenCursor): number | undefined {
  const word = peekWord(cursor);
  if (word === undefined || !/^(?:\d+|0x[0-9a-fA-F]+)$/.test(word)) return undefined;
  cursor.next++;
  return Number(word);
}

/** `name "x"`, where a statement refers to an object of the table. */
export function takeObjectName(cursor: TokenCursor): string | undefined {
  return takeWord(cursor, 'name') ? takeToken(cursor)?.text : undefined;
}

function takeExcess(cursor: TokenCursor): { readonly inv?: true } {
  if (takeWord(cursor, 'over')) return { inv: true };
  takeWord(cursor, 'until');
  return {};
}

function readCounter(cursor: TokenCursor): JsonObject | undefined {
  cursor.next++;
  if (!takeWord(cursor, 'packets')) return { counter: null };
  const packets = takeNumber(cursor);
  if (packets === undefined || !takeWord(cursor, 'bytes')) return undefined;
  const bytes = takeNumber(cursor);
  return bytes === undefined ? undefined : { counter: { packets, bytes } };
}

/** `limit rate over 10 mbytes/second burst 5 packets` */
function readLimit(cursor: TokenCursor): JsonObject | undefined {
  cursor.next++;
  if (peekWord(cursor) === 'name') {
    const name = takeObjectName(cursor);
    return name === undefined ? undefined : { limit: name };
  }
  if (!takeWord(cursor, 'rate')) return undefined;
  const excess = takeExcess(cursor);
  const rate = readRate(cursor);
  if (rate === undefined) return undefined;
  const burst = takeWord(cursor, 'burst') ? readAmount(cursor) : {};
  if (burst === undefined) return undefined;
  const { amount, unit } = burst;
  return {
    limit: {
      ...rate,
      ...excess,
      ...(amount === undefined ? {} : { burst: amount }),
      ...(unit === undefined || unit === 'packets' ? {} : { burst_unit: unit }),
    },
  };
}

function readRate(cursor: TokenCursor): { readonly [key: string]: Json } | undefined {
  const word = takeToken(cursor)?.text ?? '';
  const plain = /^(\d+)\/([a-z]+)$/.exec(word);
  if (plain !== null) return { rate: Number(plain[1]), per: plain[2] ?? '' };
  const unit = /^([kmg]?bytes)\/([a-z]+)$/.exec(takeToken(cursor)?.text ?? '');
  if (unit === null || !/^\d+$/.test(word)) return undefined;
  return { rate: Number(word), per: unit[2] ?? '', rate_unit: unit[1] ?? '' };
}

interface Amount {
  readonly amount?: number;
  readonly unit?: string;
}

const amountUnits: ReadonlySet<string> = new Set(['packets', 'bytes', 'kbytes', 'mbytes', 'gbytes']);

function readAmount(cursor: TokenCursor): Amount | undefined {
  const amount = takeNumber(cursor);
  const unit = peekWord(cursor);
  if (amount === undefined) return undefined;
  if (unit === undefined || !amountUnits.has(unit)) return { amount };
  cursor.next++;
  return { amount, unit };
}

function readQuota(cursor: TokenCursor): JsonObject | undefined {
  cursor.next++;
  if (peekWord(cursor) === 'name') {
    const name = takeObjectName(cursor);
    return name === undefined ? undefined : { quota: name };
  }
  const excess = takeExcess(cursor);
  const limit = readAmount(cursor);
  const used = takeWord(cursor, 'used') ? readAmount(cursor) : {};
  if (limit?.amount === undefined || limit.unit === undefined || used === undefined) return undefined;
  return {
    quota: {
      val: limit.amount,
      val_unit: limit.unit,
      ...(used.amount === undefined ? {} : { used: used.amount, used_unit: used.unit ?? 'bytes' }),
      ...excess,
    },
  };
}

function readConnectionCount(cursor: TokenCursor): JsonObject | undefined {
  cursor.next += 2;
  const excess = takeExcess(cursor);
  const val = takeNumber(cursor);
  return val === undefined ? undefined : { 'ct count': { val, ...excess } };
}

function readLast(cursor: TokenCursor): JsonObject | undefined {
  cursor.next++;
  if (takeWord(cursor, 'used') && !takeWord(cursor, 'never')) cursor.next++;
  return { last: null };
}
