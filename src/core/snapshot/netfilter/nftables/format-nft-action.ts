// Statements of nftables that act, as text. See format-nft.ts, which asks for them.
import { listOf, numberOf, objectOf, textOf, wordOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import type { Json } from '../../cluster-facts.ts';
import { formatExpression, formatRight, formatVerdict } from './format-nft-expression.ts';
import { taggedOf, wordsIn } from './nft-json.ts';
import type { Tagged } from './nft-json.ts';

/** Undefined where the statement is of no known kind. */
export function formatAction({ tag, body }: Tagged): string | undefined {
  return formatVerdict({ [tag]: body }) ?? actionFormats[tag]?.(objectOf(body) ?? {}, body);
}

/** Statements inside another: what an element of a set carries. */
function formatInnerList(json: Json | undefined): readonly string[] {
  if (json === undefined) return [];
  return (Array.isArray(json) ? listOf(json) : [json]).map((part) => formatInner(part));
}

function formatInner(json: Json): string {
  const tagged = taggedOf(json);
  return (tagged === undefined ? undefined : formatAction(tagged)) ?? JSON.stringify(json);
}

type Format = (fields: JsonObject, body: Json) => string;

function words(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== '').join(' ');
}

function quoted(json: Json | undefined): string | undefined {
  const text = textOf(json);
  return text === undefined ? undefined : `"${text}"`;
}

const bare =
  (word: string): Format =>
  () =>
    word;
const named =
  (word: string): Format =>
  (_fields, body) =>
    `${word} ${quoted(body) ?? ''}`;

const formatNat =
  (word: string): Format =>
  (fields) => {
    const address = formatNatAddress(fields);
    const port = fields.port === undefined ? '' : `:${formatExpression(fields.port)}`;
    const isPrefix = wordsIn(fields.type_flags).includes('prefix');
    const flags = wordsIn(fields.flags).filter((flag) => flag !== 'netmap');
    const target = `${address}${port}`;
    return words(
      word,
      textOf(fields.family),
      isPrefix && 'prefix',
      target === '' ? '' : `to ${target}`,
      flags.join(','),
    );
  };

function formatNatAddress(fields: JsonObject): string {
  const address = formatExpression(fields.addr);
  if (fields.port === undefined || !address.includes(':')) return address;
  return address
    .split('-')
    .map((part) => `[${part}]`)
    .join('-');
}

function formatLimit(fields: JsonObject, body: Json): string {
  if (typeof body === 'string') return `limit name "${body}"`;
  const unit = textOf(fields.rate_unit);
  const rate = `${wordOf(fields.rate) ?? ''}${unit === undefined ? '' : ` ${unit}`}/${textOf(fields.per) ?? 'second'}`;
  const burst = numberOf(fields.burst);
  const burstUnit = textOf(fields.burst_unit) ?? 'packets';
  return words(
    'limit rate',
    fields.inv === true && 'over',
    rate,
    // What nft leaves out: the burst that it takes when none is given.
    burst === undefined || burst === 0 || (burst === 5 && burstUnit === 'packets')
      ? ''
      : `burst ${burst} ${burstUnit}`,
  );
}

function formatQuota(fields: JsonObject, body: Json): string {
  if (typeof body === 'string') return `quota name "${body}"`;
  const size = `${wordOf(fields.val) ?? ''} ${textOf(fields.val_unit) ?? 'bytes'}`;
  return words('quota', fields.inv === true && 'over', size);
}

function formatCounter(fields: JsonObject, body: Json): string {
  if (typeof body === 'string') return `counter name "${body}"`;
  if (fields.map !== undefined) return `counter name ${formatExpression(body)}`;
  return 'counter';
}

function formatLog(fields: JsonObject): string {
  const options = ['group', 'snaplen', 'queue-threshold', 'level'].map((key) => {
    const word = wordOf(fields[key]);
    return word === undefined ? '' : `${key} ${word}`;
  });
  const prefix = quoted(fields.prefix);
  const flags = wordsIn(fields.flags);
  return words(
    'log',
    prefix === undefined ? '' : `prefix ${prefix}`,
    ...options,
    ...flags.map((flag) => `flags ${flag}`),
  );
}

function formatReject(fields: JsonObject): string {
  const type = textOf(fields.type);
  return type === undefined ? 'reject' : words('reject with', type, wordOf(fields.expr));
}

function formatSetUpdate(fields: JsonObject): string {
  const inner = formatInnerList(fields.stmt);
  return words(textOf(fields.op), textOf(fields.set), '{', formatExpression(fields.elem), ...inner, '}');
}

function formatMeter(fields: JsonObject): string {
  const size = wordOf(fields.size);
  return words(
    'meter',
    textOf(fields.name),
    size === undefined ? '' : `size ${size}`,
    '{',
    formatExpression(fields.key),
    ...formatInnerList(fields.stmt),
    '}',
  );
}

const actionFormats: Readonly<Record<string, Format | undefined>> = {
  notrack: bare('notrack'),
  last: bare('last'),
  reject: formatReject,
  snat: formatNat('snat'),
  dnat: formatNat('dnat'),
  masquerade: formatNat('masquerade'),
  redirect: formatNat('redirect'),
  tproxy: formatNat('tproxy'),
  limit: formatLimit,
  quota: formatQuota,
  counter: formatCounter,
  log: formatLog,
  'ct count': ({ val, inv }) => words('ct count', inv === true && 'over', wordOf(val)),
  'ct helper': named('ct helper set'),
  'ct timeout': named('ct timeout set'),
  'ct expectation': named('ct expectation set'),
  set: formatSetUpdate,
  meter: formatMeter,
  flow: ({ flowtable }) => words('flow add', textOf(flowtable)),
  queue: ({ num, flags }) =>
    words(
      'queue',
      flags === undefined ? '' : `flags ${formatRight(flags)}`,
      num === undefined ? '' : `to ${formatExpression(num)}`,
    ),
  dup: ({ addr, dev }) =>
    words(
      'dup to',
      formatExpression(addr),
      dev === undefined ? '' : `device ${formatRight(dev, ['quoted'])}`,
    ),
  fwd: ({ addr, dev }) =>
    words('fwd to', formatExpression(addr), addr !== undefined && 'device', formatRight(dev, ['quoted'])),
  reset: (_fields, body) => `reset ${formatExpression(body)}`,
  synproxy: ({ mss, wscale, flags }) =>
    words(
      'synproxy',
      mss === undefined ? '' : `mss ${wordOf(mss) ?? ''}`,
      wscale === undefined ? '' : `wscale ${wordOf(wscale) ?? ''}`,
      wordsIn(flags).join(' '),
    ),
  xt: ({ type, name }) => words('xt', textOf(type), `"${textOf(name) ?? ''}"`),
  comment: (_fields, body) => `comment ${quoted(body) ?? '""'}`,
  text: (_fields, body) => textOf(body) ?? '',
};
