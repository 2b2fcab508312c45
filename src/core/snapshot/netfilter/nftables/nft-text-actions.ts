// Statements that begin with a word of their own, in nftables' language, as the JSON that nft prints for them.
import type { Json } from '../../cluster-facts.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { wordsIn } from './nft-json.ts';
import { readExpression } from './nft-text-expressions.ts';
import { takeNumber } from './nft-text-limits.ts';
import { readNatStatement } from './nft-text-nat.ts';
import { readElementOptions, readList, readValue } from './nft-text-values.ts';
import { peekWord, takeToken, takeWord } from './nft-tokens.ts';
import type { TokenCursor } from './nft-tokens.ts';

/** `none` where no such statement begins; undefined where one begins and is not understood. */
export function readAction(cursor: TokenCursor): JsonObject | 'none' | undefined {
  const word = peekWord(cursor) ?? '';
  const read = actionReaders[word];
  if (read === undefined || !beginsAction(cursor, word)) return 'none';
  cursor.next++;
  return read(cursor, word);
}

/** Words that begin an expression as well, and act only when certain words follow. */
function beginsAction(cursor: TokenCursor, word: string): boolean {
  const next = peekWord(cursor, 1) ?? '';
  if (word === 'ct') return objectsOfConnections.has(next) && peekWord(cursor, 2) === 'set';
  if (word === 'add' || word === 'update' || word === 'delete') return next.startsWith('@');
  return true;
}

const objectsOfConnections: ReadonlySet<string> = new Set(['helper', 'timeout', 'expectation']);

type ActionReader = (cursor: TokenCursor, word: string) => JsonObject | undefined;

const readConnectionObject: ActionReader = (cursor) => {
  const kind = takeToken(cursor)?.text ?? '';
  takeWord(cursor, 'set');
  const name = takeToken(cursor)?.text;
  return name === undefined ? undefined : { [`ct ${kind}`]: name };
};

const readReject: ActionReader = (cursor) => {
  if (!takeWord(cursor, 'with')) return { reject: null };
  const type = takeToken(cursor)?.text;
  takeWord(cursor, 'type');
  const code = takeToken(cursor)?.text;
  if (type === undefined || code === undefined) return undefined;
  if (type === 'tcp') return code === 'reset' ? { reject: { type: 'tcp reset' } } : undefined;
  return { reject: { type, expr: code } };
};

/** `counter name "x"`; a counter of the rule itself is read with the limits. */
const readNamedCounter: ActionReader = (cursor) => {
  takeWord(cursor, 'name');
  const token = cursor.tokens[cursor.next];
  if (token?.isQuoted === true) {
    cursor.next++;
    return { counter: token.text };
  }
  const expression = readExpression(cursor);
  return expression === undefined ? undefined : { counter: expression };
};

const readLog: ActionReader = (cursor) => {
  const settings: Record<string, Json> = {};
  const flags: Json[] = [];
  for (;;) {
    const word = peekWord(cursor) ?? '';
    const read = logSettings[word];
    if (read === undefined) break;
    cursor.next++;
    const value = read(cursor);
    if (value === undefined) return undefined;
    if (word === 'flags') flags.push(value);
    else settings[word] = value;
  }
  if (flags.length > 0) settings.flags = flags;
  return { log: Object.keys(settings).length === 0 ? null : settings };
};

const logSettings: Readonly<Record<string, ((cursor: TokenCursor) => Json | undefined) | undefined>> = {
  prefix: (cursor) => takeToken(cursor)?.text,
  level: (cursor) => takeToken(cursor)?.text,
  group: takeNumber,
  snaplen: takeNumber,
  'queue-threshold': takeNumber,
  flags: readLogFlags,
};

/** `all`, `skuid`, `tcp sequence,options`: one text, because it decides nothing. */
function readLogFlags(cursor: TokenCursor): Json | undefined {
  const owner = takeWord(cursor, 'tcp') ? 'tcp ' : takeWord(cursor, 'ip') ? 'ip ' : '';
  const names = readList(cursor);
  return names === undefined ? undefined : `${owner}${wordsIn(names).join(',')}`;
}

/** `add @seen { ip saddr timeout 5s limit rate 1/second : tcp dport }` */
const readSetUpdate: ActionReader = (cursor, op) => {
  const set = takeToken(cursor)?.text;
  const content = readUpdated(cursor);
  if (set === undefined || content === undefined) return undefined;
  const { key, data, statements } = content;
  const stmt = statements.length === 0 ? {} : { stmt: statements };
  if (data !== undefined) return { map: { op, elem: key, data, map: set, ...stmt } };
  return { set: { op, elem: key, set, ...stmt } };
};

interface Updated {
  readonly key: Json;
  readonly data?: Json;
  readonly statements: readonly Json[];
}

function readUpdated(cursor: TokenCursor): Updated | undefined {
  if (!takeWord(cursor, '{')) return undefined;
  const key = readExpression(cursor);
  const statements = readElementOptions(cursor);
  if (key === undefined || statements === undefined) return undefined;
  if (takeWord(cursor, '}')) return { key, statements };
  if (!takeWord(cursor, ':')) return undefined;
  const data = readExpression(cursor);
  return data === undefined || !takeWord(cursor, '}') ? undefined : { key, data, statements };
}

const readMeter: ActionReader = (cursor) => {
  const name = takeToken(cursor)?.text;
  const size = takeWord(cursor, 'size') ? takeNumber(cursor) : undefined;
  const content = readUpdated(cursor);
  if (name === undefined || content === undefined) return undefined;
  return {
    meter: { key: content.key, stmt: content.statements, name, ...(size === undefined ? {} : { size }) },
  };
};

const readFlow: ActionReader = (cursor) => {
  const op = takeToken(cursor)?.text;
  const flowtable = takeToken(cursor)?.text;
  if (flowtable?.startsWith('@') !== true || (op !== 'add' && op !== 'offload')) return undefined;
  return { flow: { op: 'add', flowtable } };
};

const readQueue: ActionReader = (cursor) => {
  const settings: Record<string, Json> = {};
  for (;;) {
    if (takeWord(cursor, 'flags')) settings.flags = readList(cursor) ?? null;
    else if (takeWord(cursor, 'to') || takeWord(cursor, 'num')) settings.num = readExpression(cursor) ?? null;
    else if (peekWord(cursor) === 'bypass' || peekWord(cursor) === 'fanout')
      settings.flags = readList(cursor) ?? null;
    else return { queue: Object.keys(settings).length === 0 ? null : settings };
  }
};

/** `dup to 10.0.0.1 device lo`, `fwd ip to 10.0.0.1 device lo`, `fwd to lo` */
const readCopy: ActionReader = (cursor, word) => {
  const isOfFamily = takeWord(cursor, 'ip') || takeWord(cursor, 'ip6');
  if (!takeWord(cursor, 'to')) return undefined;
  const target = readExpression(cursor);
  const dev = takeWord(cursor, 'device') ? readExpression(cursor) : undefined;
  if (target === undefined) return undefined;
  if (word === 'fwd' && !isOfFamily) return { fwd: { dev: target } };
  return { [word]: { addr: target, ...(dev === undefined ? {} : { dev }) } };
};

const readReset: ActionReader = (cursor) => {
  const option = readExpression(cursor);
  return option === undefined ? undefined : { reset: option };
};

const readSynproxy: ActionReader = (cursor) => {
  const settings: Record<string, Json> = {};
  const flags: string[] = [];
  for (;;) {
    const word = peekWord(cursor) ?? '';
    if (word === 'mss' || word === 'wscale') {
      cursor.next++;
      settings[word] = takeNumber(cursor) ?? null;
    } else if (word === 'timestamp' || word === 'sack-perm') {
      cursor.next++;
      flags.push(word);
    } else return { synproxy: { ...settings, flags } };
  }
};

/** `xt match "comment"`, as nft prints what only iptables can. */
const readCompat: ActionReader = (cursor) => {
  const type = takeToken(cursor)?.text;
  const name = takeToken(cursor)?.text;
  return type === undefined || name === undefined ? undefined : { xt: { type, name } };
};

const readComment: ActionReader = (cursor) => {
  const text = readValue(cursor);
  return typeof text === 'string' ? { comment: text } : undefined;
};

const actionReaders: Readonly<Record<string, ActionReader | undefined>> = {
  ct: readConnectionObject,
  reject: readReject,
  counter: readNamedCounter,
  log: readLog,
  notrack: () => ({ notrack: null }),
  snat: readNatStatement,
  dnat: readNatStatement,
  masquerade: readNatStatement,
  redirect: readNatStatement,
  tproxy: readNatStatement,
  add: readSetUpdate,
  update: readSetUpdate,
  delete: readSetUpdate,
  meter: readMeter,
  flow: readFlow,
  queue: readQueue,
  dup: readCopy,
  fwd: readCopy,
  reset: readReset,
  synproxy: readSynproxy,
  xt: readCompat,
  comment: readComment,
};
