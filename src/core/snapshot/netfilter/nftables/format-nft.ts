// nftables' JSON as nft's own language, for people and for citations: `ip saddr @blocked drop` and not the objects that
// say it. In: statements or expressions. Out: text that nft-text-statements.ts reads back as the same statements. What has
// no known form is shown as JSON. Counters are shown without their figures, which are another text each time they are
// read.
import type { Json } from '../../cluster-facts.ts';
import { listOf, objectOf, textOf } from '../../syntax/parse-json.ts';
import type { JsonObject } from '../../syntax/parse-json.ts';
import { formatAction } from './format-nft-action.ts';
import { formatExpression, formatRight, isFlagKey, spellingsOf } from './format-nft-expression.ts';
import { taggedOf } from './nft-json.ts';

/** A whole rule, as `nft -s list ruleset` prints it. */
export function formatNftRule(statements: readonly Json[]): string {
  return statements.map((statement) => formatStatement(statement)).join(' ');
}

export function formatStatement(statement: Json): string {
  if (typeof statement === 'string') return statement;
  const tagged = taggedOf(statement);
  if (tagged === undefined) return JSON.stringify(statement);
  const fields = objectOf(tagged.body) ?? {};
  switch (tagged.tag) {
    case 'match':
      return formatMatch(fields);
    case 'vmap':
      return `${formatExpression(fields.key)} vmap ${formatRight(fields.data, spellingsOf(fields.key))}`;
    case 'mangle':
      return `${formatExpression(fields.key)} set ${formatRight(fields.value, spellingsOf(fields.key))}`;
    default:
      return formatAction(tagged) ?? JSON.stringify(statement);
  }
}

function formatMatch(fields: JsonObject): string {
  const left = fields.left ?? null;
  const masked = taggedOf(left);
  const op = textOf(fields.op) ?? '==';
  const right = formatMatchValue(fields.right, spellingsOf(left));
  // `tcp flags syn / syn,ack`: flags out of a list of flags.
  const [field, mask] = masked?.tag === '&' ? listOf(masked.body) : [];
  if (field !== undefined && mask !== undefined && Array.isArray(mask)) {
    return `${formatExpression(field)} ${op === '==' ? '' : `${op} `}${right} / ${formatRight(mask)}`;
  }
  const isPlain = op === 'in' || (op === '==' && isImplicit(left, fields.right));
  return `${formatExpression(left)} ${isPlain ? '' : `${op} `}${right}`;
}

/** Where nft prints no operator: `==` on most keys, but not on masked ones, nor on flags, where none means `in`. */
function isImplicit(left: Json, right: Json | undefined): boolean {
  const isSet = taggedOf(right)?.tag === 'set' || (typeof right === 'string' && right.startsWith('@'));
  const tagged = taggedOf(left);
  if (tagged === undefined || ['&', '|', '^', '<<', '>>'].includes(tagged.tag)) return false;
  return isSet || !isFlagKey(left) || taggedOf(right)?.tag === '|';
}

function formatMatchValue(json: Json | undefined, spellings: ReturnType<typeof spellingsOf>): string {
  if (json === true) return 'exists';
  return json === false ? 'missing' : formatRight(json, spellings);
}
